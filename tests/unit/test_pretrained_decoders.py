"""Encoders with a pretrained decoder: against transformers' own loss and search, and in both phases."""

import json
import re
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tiny
import torch
from hub import encoders
from hub.texts import SCRIPTS, random_for, sentence
from transformers import AutoConfig, AutoModelForSeq2SeqLM

from codestilts.errors import CodeStiltsError
from codestilts.tasktypes import generation
from codestilts.tasktypes.base import IGNORE
from codestilts.tasktypes.token_states import token_states
from codestilts.training import loop, models
from codestilts.training.models import TaskModel
from codestilts.training.pretrained import ENCODER_DECODERS, import_encoder, unpack
from codestilts.training.tokenizers import load_tokenizer

NAMES = {name.split("/")[1].split("-")[0]: name for name in encoders.WITH_DECODER}
LANGUAGES = ["english", "german", "hindi"]
WITH_HEADS = ["classification", "multiple_choice", "tagging", "span_qa", "retrieval"]


def published(kind: str, home: Path) -> Path:
    """The archive of a published encoder-decoder."""
    texts = [tiny.TEXT] * 20 + [
        sentence(random_for("encoder", code, n), code) for code in ["en", *SCRIPTS] for n in range(20)
    ]
    encoders.WITH_DECODER[NAMES[kind]](home / kind, texts)
    with zipfile.ZipFile(home / f"{kind}.zip", "w") as archive:
        for file in sorted((home / kind).iterdir()):
            archive.write(file, file.name)
    return home / f"{kind}.zip"


def imported(archive: Path, tiny: int = 0) -> Path:
    """The encoder folder that the workflow makes of it."""
    files, folder = archive.with_suffix(f".{tiny}"), archive.parent / f"encoder-{archive.stem}-{tiny}"
    unpack(archive, "", files, tiny)
    import_encoder(files, folder)
    return folder


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("decoders")


@pytest.fixture(scope="module", params=sorted(NAMES))
def model(request, home):
    """The folder and tokenizer of each kind, and weights so large that its outputs differ and some end."""
    folder = imported(published(request.param, home))
    tokenizer = load_tokenizer(folder)
    encoder, _ = models.load_encoder(folder, dropout=0.0)
    torch.manual_seed(1)
    words = encoder.get_output_embeddings().weight.data
    words.copy_(torch.randn_like(words))
    words[tokenizer.eos_token_id] *= {"mbart": 1, "nllb": 6}.get(request.param, 3)
    if request.param == "mbart":  # the only one with a bias, which is 0 before training
        encoder.final_logits_bias[0, tokenizer.eos_token_id] = 20
    for name, value in encoder.get_decoder().named_parameters():
        if value.ndim == 2 and "embed" not in name:
            value.data *= 10  # else a token is followed by itself, to whose embedding the blocks add little
    encoder.generation_config.forced_eos_token_id = None  # here, an output without an end is cut and counted
    return SimpleNamespace(kind=request.param, folder=folder, tokenizer=tokenizer, encoder=encoder.eval())


def rows_of(count=12):
    """Rows in several languages, whose inputs have different lengths."""
    rows = tiny.examples("generation", count)
    rows["language"] = rows["output_language"] = [LANGUAGES[number % 3] for number in range(count)]
    rows["source"] = [" ".join([text] * (1 + number % 3)) for number, text in enumerate(rows["source"])]
    return rows


def made(model, **options):
    """A head, and a batch of all rows."""
    task = tiny.task("generation", {"max_length": 40}, **options)
    head = models.new_head(task, model.encoder, model.tokenizer, None, seed=0)
    return head, generation.collate(list(tiny.encode_features(rows_of(), model.tokenizer, task)), model.tokenizer)


def test_states_are_those_of_each_text_alone(model):
    _, batch = made(model)
    states = token_states(model.encoder, batch, (1, -1))
    own = model.encoder.get_encoder()
    alone = [
        own(input_ids=batch["input_ids"][row : row + 1, :size], output_hidden_states=True).hidden_states
        for row, size in enumerate(batch["lengths"].tolist())
    ]
    for layer, found in zip((1, -1), states.layers, strict=True):
        torch.testing.assert_close(found, torch.cat([parts[layer][0] for parts in alone]), atol=1e-4, rtol=1e-4)


def check_loss(model):
    """The loss of a batch is that of transformers."""
    head, batch = made(model)
    inputs = {name: batch[name] for name in ("input_ids", "attention_mask")}
    with torch.no_grad():
        found = head.loss(head.train()(model.encoder, batch), batch)
        expected = model.encoder(**inputs, labels=batch["output"]).loss
    assert (batch["output"] == IGNORE).any() and found.item() == pytest.approx(expected.item(), rel=1e-4)


def checked_outputs(model, beams):
    """The outputs of a batch, which are those that transformers generates from each row alone."""
    head, batch = made(model, beams=beams, output_tokens=9)
    with torch.inference_mode():
        found = head.eval()(model.encoder, batch)[:, 1:].long()
    for row, tokens in enumerate(found):
        inputs = {name: batch[name][row : row + 1, : batch["lengths"][row]] for name in ("input_ids", "attention_mask")}
        forced = int(batch["output"][row, 0]) if generation.has_codes(model.tokenizer) else None
        expected = model.encoder.generate(
            **inputs, num_beams=beams, do_sample=False, early_stopping=beams > 1, max_new_tokens=9,
            forced_bos_token_id=forced, eos_token_id=model.tokenizer.eos_token_id,
        )  # fmt: skip
        assert tokens[tokens >= 0].tolist() == expected[0, 1:].tolist()
    return found


def test_the_loss_is_that_of_transformers(model):
    check_loss(model)


@pytest.mark.parametrize("beams", [1, 4])
def test_outputs_are_those_of_transformers(model, beams):
    assert any(model.tokenizer.eos_token_id in tokens for tokens in checked_outputs(model, beams))


SIZES: dict[str, int] = {
    **{"d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64},
    **{"encoder_attention_heads": 2, "decoder_attention_heads": 2, "max_position_embeddings": 256},
    **{"num_layers": 2, "num_decoder_layers": 2, "d_ff": 64, "num_heads": 2, "d_kv": 16},  # of T5 and its relatives
}


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("architecture", ENCODER_DECODERS)
def test_every_architecture_has_the_loss_and_the_outputs_of_transformers(architecture, beams, home):
    archive = home / "codet5p.zip"
    folder = imported(archive if archive.exists() else published("codet5p", home), 1)
    tokenizer = load_tokenizer(folder)
    usual = AutoConfig.for_model(architecture)
    ids = {"pad_token_id": tokenizer.pad_token_id, "eos_token_id": tokenizer.eos_token_id}
    ids["decoder_start_token_id"] = ids["eos_token_id"] if architecture == "mbart" else ids["pad_token_id"]
    config = AutoConfig.for_model(
        architecture,
        **{name: size for name, size in SIZES.items() if hasattr(usual, name)},
        **ids,
        **{
            "vocab_size": len(tokenizer),
            "bos_token_id": None,
            "forced_bos_token_id": None,
            "forced_eos_token_id": None,
        },
    )
    torch.manual_seed(0)
    encoder = AutoModelForSeq2SeqLM.from_config(config).eval()
    words = encoder.get_output_embeddings().weight.data
    words.copy_(torch.randn_like(words) / 3)
    for name, value in encoder.get_decoder().named_parameters():
        if value.ndim == 2 and "embed" not in name:
            value.data *= 20
    model = SimpleNamespace(kind=architecture, folder=folder, tokenizer=tokenizer, encoder=encoder)
    check_loss(model)
    assert len({tuple(tokens.tolist()) for tokens in checked_outputs(model, beams)}) > 1


def test_a_text_begins_with_the_code_of_its_language(model):
    _, batch = made(model)
    codes = {"mbart": ["en_XX", "de_DE", "hi_IN"], "nllb": ["eng_Latn", "deu_Latn", "hin_Deva"]}.get(model.kind)
    if codes is None:
        assert not generation.has_codes(model.tokenizer)
        return
    expected = model.tokenizer.convert_tokens_to_ids(codes) * 4
    assert batch["input_ids"][:, 0].tolist() == batch["output"][:, 0].tolist() == expected
    assert model.tokenizer.src_lang == codes[0]
    code = rows_of().assign(language="python")
    assert (
        tiny.encode_features(code, model.tokenizer, tiny.task("generation"))[1]["sequences"][0]["input_ids"][0]
        == expected[0]
    )
    with pytest.raises(CodeStiltsError, match=r"task generation: .* no code for outputs in python, klingon: "):
        tiny.encode_features(
            rows_of(2).assign(language="english", output_language=["python", "klingon"]),
            model.tokenizer,
            tiny.task("generation"),
        )


def test_questions_have_the_code_of_their_language(model):
    rows = tiny.examples("span_qa", 4)
    german, english = (
        tiny.encode_features(rows.assign(language=language), model.tokenizer, tiny.task("span_qa"))[0]["sequences"][0]
        for language in ("german", "english")
    )
    codes = {"mbart": ["de_DE", "en_XX"], "nllb": ["deu_Latn", "eng_Latn"]}.get(model.kind, [])
    found = [int(sequence["input_ids"][0]) for sequence in (german, english)]
    assert found == model.tokenizer.convert_tokens_to_ids(codes) if codes else found[0] == found[1]
    assert np.array_equal(german["input_ids"][1:], english["input_ids"][1:])


def test_windows_come_back_in_the_order_of_their_rows(model):
    rows = tiny.examples("tagging", 12)
    rows["language"] = [LANGUAGES[number % 3] for number in range(12)]
    features = tiny.encode_features(rows, model.tokenizer, tiny.task("tagging", {"max_length": 12}))
    numbers = [feature["example"] for feature in features]
    assert numbers == sorted(numbers) and set(numbers) == set(range(12)) and len(numbers) > 12


def generated(model, **changes):
    """A training on a task of generation from the folder of a kind."""
    kinds = {"generation": tiny.task_settings("generation", output_tokens=6)}
    data = tiny.encoded_task("generation", rows_of(40), kinds["generation"], model.tokenizer)
    settings = tiny.settings(kinds, **{"steps": 3, "tokens_per_step": 200, "dropout": 0.1} | changes)
    return tiny.prepare_inputs(settings, model.tokenizer, [data])


def test_the_decoder_is_carried_over_and_only_generation_trains_it(model, tmp_path):
    trained = loop.train(generated(model, freeze_embeddings=False), 0, model.folder)
    assert trained.record["carried_over"] == trained.record["trained"] == ["encoder", "decoder"]
    models.save_encoder(trained.encoder, tmp_path / "first", tmp_path / "first", model.folder)
    models.save_heads(trained.heads, tmp_path / "first")
    read = AutoModelForSeq2SeqLM.from_pretrained(tmp_path / "first").state_dict()
    before = models.load_encoder(model.folder)[0].state_dict()
    assert all(torch.equal(read[name], value) for name, value in trained.encoder.state_dict().items())
    assert any("decoder" in name and not torch.equal(read[name], before[name]) for name in read)
    again = tiny.train(tmp_path / "first", model.tokenizer, ("classification",), dropout=0.0)
    assert again.record["carried_over"] == ["encoder", "decoder"] and again.record["trained"] == ["encoder", "heads"]
    after = again.encoder.state_dict()
    decoder = [name for name in read if "decoder." in name or "lm_head" in name]
    assert decoder and all(torch.equal(after[name], read[name]) for name in decoder)
    assert not all(torch.equal(after[name], read[name]) for name in read if "encoder." in name)


@pytest.mark.parametrize("head", ["quick", "published"])
def test_every_task_type_trains_its_encoder(model, head):
    for kind in WITH_HEADS:
        settings = tiny.task_settings(kind, {"head": head})
        data = tiny.encoded_task(kind, tiny.examples(kind), settings, model.tokenizer)
        chosen = tiny.settings({kind: settings}, steps=2, evaluations=1)
        trained = loop.train(tiny.prepare_inputs(chosen, model.tokenizer, [data]), 0, model.folder)
        assert np.isfinite(trained.curve["loss"]).all() and trained.record["dev"][kind] >= 0


@pytest.mark.parametrize("frozen", ["embeddings", "decoder"])
@pytest.mark.parametrize("adapted", [False, True])
def test_what_is_frozen_stays(model, frozen, adapted):
    attention = ("q", "v") if model.kind in ("mt5", "codet5p") else ("q_proj", "v_proj")
    lora = tiny.LoraSettings(rank=2, alpha=4, modules=attention, learning_rate_factor=1.0) if adapted else None
    frozen_parts = {"freeze_embeddings": frozen == "embeddings", "freeze_decoder": frozen == "decoder"}
    trained = loop.train(generated(model, lora=lora, **frozen_parts), 0, model.folder)
    before, after = models.load_encoder(model.folder)[0].state_dict(), trained.encoder.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    words = {"shared.weight", "model.shared.weight"}
    of_decoder = {name for name in changed if "decoder." in name and "embed_tokens" not in name}
    assert bool(of_decoder) is (frozen == "embeddings")
    assert bool(changed & words) is (frozen == "decoder" and not adapted)
    assert any(".q" in name and "encoder." in name for name in changed)
    assert trained.record["trained"] == ["encoder", *(["decoder"] if frozen == "embeddings" else [])]


def test_a_killed_training_continues(model, tmp_path):
    inputs = generated(model, freeze_embeddings=False)
    whole = tiny.weights(loop.train(inputs, 0, model.folder))
    with tiny.killed_after(2):
        loop.train(inputs, 0, model.folder, tmp_path / "state")
    assert torch.equal(tiny.weights(loop.train(inputs, 0, model.folder, tmp_path / "state")), whole)


def test_a_decoder_learns(model):
    """Guessing one of 18 words is right in 6 %."""
    kinds, rng = {"generation": tiny.task_settings("generation", output_tokens=9)}, np.random.default_rng(0)
    rows = tiny.examples("generation", 120).assign(reference="the cat")
    rows["source"] = [" ".join(rng.choice(tiny.WORDS, 4)) for _ in range(len(rows))]
    data = tiny.encoded_task("generation", rows, kinds["generation"], model.tokenizer)
    changes = {"steps": 60, "tokens_per_step": 400, "learning_rate": 1e-2, "dropout": 0.0, "freeze_embeddings": False}
    trained = loop.train(tiny.prepare_inputs(tiny.settings(kinds, **changes), model.tokenizer, [data]), 0, model.folder)
    assert trained.record["dev"]["generation"] > 0.9
    task = tiny.task("generation", output_tokens=9)
    found = tiny.predict(TaskModel(trained.encoder, trained.heads["generation"], task, model.tokenizer), rows[:5])
    assert found["prediction"].tolist() == ["the cat"] * 5 and not found["cut"].any()


def test_small_random_weights_keep_the_depth(home, model):
    folder = imported(home / f"{model.kind}.zip", 3)
    encoder, _ = models.load_encoder(folder)
    assert encoder.config.num_hidden_layers == 3 and encoder.config.hidden_size == 32


@pytest.mark.parametrize("source", ["mt5-small", "mbart-large-50", "nllb-200-distilled-600m", "codet5p-220m"])
def test_the_files_that_the_table_names_are_enough(source, fetched, tmp_path):
    unpack(fetched(source), "", tmp_path / "files")
    import_encoder(tmp_path / "files", tmp_path / "encoder")
    tokenizer, (encoder, _) = load_tokenizer(tmp_path / "encoder"), models.load_encoder(tmp_path / "encoder")
    assert len(tokenizer) <= encoder.config.vocab_size and tokenizer.mask_token_id is not None


def test_a_decoder_of_another_vocabulary(home, model):
    files = home / f"{model.kind}.0"
    config = json.loads((files / "config.json").read_bytes())
    (files / "config.json").write_text(json.dumps(config | {"vocab_size": config["vocab_size"] - 20}))
    with pytest.raises(
        CodeStiltsError, match=rf"{config['vocab_size'] - 20} word embeddings, but its tokenizer has \d+"
    ):
        import_encoder(files, home / "other")
    (files / "config.json").write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"vocab_size": 5}, r"config\.json says {more} word embeddings \(vocab_size\), but the weights have {size} "
                            r"\(\S*shared\S*\): fetch"),
        ({"vocab_size": None}, r"config\.json: vocab_size is None, not the number of word embeddings: fetch"),
        ({"model_type": "umt5"}, r"config\.json: model_type 'umt5': its decoder is not supported; use one of bart,"),
        ({"decoder_start_token_id": None}, r"config\.json: decoder_start_token_id is None, not one of the {size} tok"),
        ({"decoder_start_token_id": 10**6}, r"decoder_start_token_id is 1000000, not one of the {size} tokens: name"),
        ({"decoder_start_token_id": -1}, r"decoder_start_token_id is -1, not one of the {size} tokens: name"),
    ],
    ids=["other weights", "no size", "other architecture", "no start", "start beyond the tokens", "start too low"],
)  # fmt: skip
@pytest.mark.parametrize("model", ["codet5p", "mbart"], indirect=True)
def test_a_config_that_does_not_fit_is_one_line(change, expected, home, model, tmp_path):
    """T5's config has no start of its own that would replace one that is missing."""
    files = tmp_path / "published"
    unpack(home / f"{model.kind}.zip", "", files)
    config = json.loads((files / "config.json").read_bytes())
    size = config["vocab_size"]
    for key, value in change.items():
        if value is None:
            del config[key]
        else:
            config[key] = size + value if key == "vocab_size" else value
    (files / "config.json").write_text(json.dumps(config))
    with pytest.raises(CodeStiltsError) as caught:
        import_encoder(files, tmp_path / "encoder")
    assert re.match("published: .*" + expected.format(size=size, more=size + 5), str(caught.value)), str(caught.value)
    assert "\n" not in str(caught.value)


def test_masked_language_modelling_has_no_head(model):
    with pytest.raises(CodeStiltsError, match="no head of masked language modelling"):
        models.load_encoder(model.folder, mlm=True)
    assert models.load_mlm_head(model.folder) is None
