"""The decoder, its loss and its search, against computations without cache, chunks and beams."""

import copy

import numpy as np
import pytest
import tiny
import torch
from tokenizers.processors import TemplateProcessing
from torch.nn import functional as F
from transformers import (
    AutoConfig,
    AutoModel,
    DebertaV2Config,
    DebertaV2Model,
    DistilBertConfig,
    DistilBertModel,
    EsmConfig,
    EsmModel,
)

from codestilts.config.encoder_limits import DECODER_TYPES
from codestilts.errors import CodeStiltsError
from codestilts.tasktypes import base, generation, text_decoder, text_search
from codestilts.tasktypes.base import IGNORE, special_tokens
from codestilts.tasktypes.token_states import token_states
from codestilts.training import loop, models
from codestilts.training.models import TaskModel


@pytest.fixture
def encoder(folder):
    encoder, _ = models.load_encoder(folder, dropout=0.0)
    return encoder


def new_head(encoder, tokenizer, spread=0.0, kind="quick", **options):
    """A head whose distributions are far from uniform if ``spread`` is large."""
    task = tiny.task("generation", {"head": kind}, **options)
    head = models.new_head(task, encoder, tokenizer, None, seed=0)
    torch.manual_seed(5)
    head.decoder.bias.data += spread * torch.randn_like(head.decoder.bias)
    return head


def some_batch(tokenizer, count=5, **options):
    features = tiny.encode_features(tiny.examples("generation"), tokenizer, tiny.task("generation", **options))
    return generation.collate(features[:count], tokenizer)


def next_scores(head, encoder, batch, tokens):
    """Log probabilities of the token after ``tokens`` of each example, computed from the start every time."""
    states = token_states(encoder, batch)
    table = encoder.get_input_embeddings().weight
    start = torch.full((len(tokens), 1), head.search.start)
    out = head.decoder(encoder, torch.cat([start, tokens], 1), states.padded(states.last), batch["attention_mask"])
    own = F.linear(out, table, head.decoder.bias).log_softmax(-1)
    return with_copies(head.pointer, own, out, states, batch, start, tokens) if head.pointer else own


def with_copies(pointer, own, out, states, batch, start, tokens):
    """The mixture of See et al. 2017 (section 2.2), one place of the input at a time."""
    last = torch.cat([start, tokens], 1).tolist()
    bounds, ids = states.layout.starts.tolist(), batch["input_ids"].tolist()
    rows = []
    for example, of_example in enumerate(own):
        memory = states.last[bounds[example] : bounds[example + 1]]
        for position, of_position in enumerate(of_example):
            query = pointer.query(out[example, position])
            scores = []
            for place, state in enumerate(memory):
                repeats = place > 0 and ids[example][place - 1] == last[example][position]
                scores.append(query @ pointer.key(state) / len(query) ** 0.5 + pointer.continuation * repeats)
            special = [place for place in range(len(memory)) if ids[example][place] in pointer.special]
            attention = torch.stack(scores).index_fill(0, torch.tensor(special), -1e9).softmax(0)
            says = pointer.gate(out[example, position]).sigmoid()
            mixed = says * of_position.exp()
            for place, weight in enumerate(attention):
                copied = F.one_hot(torch.tensor(ids[example][place]), len(mixed))
                mixed = mixed + (1 - says) * weight * copied
            rows.append(mixed.log())
    return torch.stack(rows).view_as(own)


def test_outputs_end_and_are_cut(tokenizer):
    rows = tiny.examples("generation")
    end = special_tokens(tokenizer)[1][0]
    whole = tiny.encode_features(rows, tokenizer, tiny.task("generation"))
    cut = tiny.encode_features(rows, tokenizer, tiny.task("generation", output_tokens=2))
    for text, one, other in zip(rows["reference"], whole, cut, strict=True):
        assert one["output"].tolist() == [*tokenizer(text, add_special_tokens=False)["input_ids"], end]
        assert other["output"].tolist() == one["output"].tolist()[:2]


def test_references_are_tokenised_in_batches(tokenizer, monkeypatch):
    """All calls get at most three texts, and the outputs are those of one call."""
    rows, task = tiny.examples("generation", 8), tiny.task("generation")
    whole = [feature["output"].tolist() for feature in tiny.encode_features(rows, tokenizer, task)]
    sizes = []

    class Counted:
        def __getattr__(self, name):
            return getattr(tokenizer, name)

        def __call__(self, texts, *rest, **options):
            sizes.append(1 if isinstance(texts, str) else len(texts))
            return tokenizer(texts, *rest, **options)

    for module in (generation, base):
        monkeypatch.setattr(module, "TEXTS_PER_CALL", 3)
    assert [one["output"].tolist() for one in generation.encode(rows, Counted(), task)] == whole
    assert max(sizes) == 3


def test_training_outputs_that_are_cut_are_counted(folder, tokenizer):
    """References have 2, 3 and 4 words in turn, and an end: with 4 tokens, each third is cut."""
    rows = tiny.examples("generation", 24).assign(split=["train"] * 12 + ["dev"] * 6 + ["test"] * 6)
    kinds = {"generation": tiny.task_settings("generation", output_tokens=4)}
    data = tiny.encoded_task("generation", rows, kinds["generation"], tokenizer)
    settings = tiny.settings(kinds, steps=1, evaluations=1)
    trained = loop.train(tiny.prepare_inputs(settings, tokenizer, [data]), 0, folder)
    assert trained.record["cut_outputs"] == {"generation": 4}


@pytest.mark.parametrize("kind", ["published", "quick"])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_is_that_of_all_scores(kind, smoothing, encoder, tokenizer, monkeypatch):
    """The loss in small chunks equals the cross entropy of the whole table of scores, gradients included."""
    monkeypatch.setattr(text_decoder, "POSITIONS_AT_ONCE", 3)
    head, batch = new_head(encoder, tokenizer, kind=kind, label_smoothing=smoothing), some_batch(tokenizer)
    head.train()
    loss = head.loss(head(encoder, batch), batch)
    gold = batch["output"]
    scores = next_scores(head, encoder, batch, gold.clamp(min=0)[:, :-1])
    # Log probabilities are scores, too; F.cross_entropy normalises them again, which changes nothing.
    scores = scores.flatten(0, 1)
    if kind == "quick" and smoothing:  # it smooths the decoder's own scores
        head.pointer, kept = None, head.pointer
        of_all = -next_scores(head, encoder, batch, gold.clamp(min=0)[:, :-1])[gold != IGNORE].mean()
        head.pointer, rate = kept, smoothing
        expected = (1 - rate) * F.cross_entropy(scores, gold.flatten(), ignore_index=IGNORE) + rate * of_all
    else:
        expected = F.cross_entropy(scores, gold.flatten(), ignore_index=IGNORE, label_smoothing=smoothing)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    found = torch.autograd.grad(loss, head.decoder.dense.weight)[0]
    right = torch.autograd.grad(expected, head.decoder.dense.weight)[0]
    assert torch.allclose(found, right, atol=1e-6)


def test_scores_of_the_vocabulary_exist_for_a_few_positions_at_a_time(encoder, tokenizer, monkeypatch):
    sizes = []
    linear = F.linear

    def counted(values, weight, bias=None):
        if len(weight) == len(tokenizer):
            sizes.append(len(values))
        return linear(values, weight, bias)

    monkeypatch.setattr(text_decoder, "POSITIONS_AT_ONCE", 4)
    head, batch = new_head(encoder, tokenizer), some_batch(tokenizer, 20)
    head.train()
    monkeypatch.setattr(F, "linear", counted)
    head.loss(head(encoder, batch), batch).backward()
    tokens = int((batch["output"] != IGNORE).sum())
    # Each once to go forward and once to go back; the last part is filled up.
    assert set(sizes) == {4} and len(sizes) == 2 * -(-tokens // 4)


@pytest.mark.parametrize(("kind", "longest"), [("published", 6), ("quick", 1), ("quick", 6)])
def test_greedy_search_takes_the_most_probable_token(kind, longest, encoder, tokenizer):
    head, batch = new_head(encoder, tokenizer, 2.0, kind, output_tokens=longest).eval(), some_batch(tokenizer)
    with torch.inference_mode():
        found = head(encoder, batch)
        tokens, total = torch.empty(5, 0, dtype=torch.long), torch.zeros(5)
        for _ in range(longest):
            scores, best = next_scores(head, encoder, batch, tokens)[:, -1].max(1)
            ended = (tokens == head.search.end).any(1)
            total += scores.masked_fill(ended, 0)
            tokens = torch.cat([tokens, best[:, None]], 1)
    for row, expected, logs in zip(found, tokens.tolist(), total, strict=True):
        if head.search.end in expected:
            expected = expected[: expected.index(head.search.end) + 1]
        assert row[1:][row[1:] >= 0].tolist() == expected
        assert row[0].item() == pytest.approx(logs.item() / len(expected), rel=1e-4)


@pytest.mark.parametrize("kind", ["published", "quick"])
def test_wide_beam_search_is_exhaustive(kind, encoder, tokenizer):
    """With a beam for each token, the best of all outputs of one or two tokens is found."""
    words = len(tokenizer)
    head, batch = new_head(encoder, tokenizer, 1.0, kind, output_tokens=2, beams=words).eval(), some_batch(tokenizer, 3)
    with torch.inference_mode():
        found = head(encoder, batch)
        first = next_scores(head, encoder, batch, torch.empty(3, 0, dtype=torch.long))[:, 0]
        for number in range(3):
            one = {name: values[number : number + 1] for name, values in batch.items()}
            means = {(head.search.end,): first[number, head.search.end].item()}
            for token in set(range(words)) - {head.search.end}:
                second = next_scores(head, encoder, one, torch.tensor([[token]]))[0, 1]
                for last in range(words):
                    means[token, last] = (first[number, token] + second[last]).item() / 2
            best = max(means, key=means.__getitem__)
            row = found[number, 1:]
            assert tuple(row[row >= 0].long().tolist()) == best
            assert found[number, 0].item() == pytest.approx(means[best], rel=1e-4)


def table_search(probabilities, first=None, **settings):
    """Search with a table of log probabilities of the next token, given the last one."""
    table = torch.tensor(probabilities).log()

    def score(last, count):
        values, tokens = table[last].sort(dim=1, descending=True, stable=True)
        return text_search.Best(values[:, :count], tokens[:, :count])

    asked = text_search.Search(start=0, end=3, **settings)
    forced = None if first is None else torch.tensor([first])
    return text_search.search(1, asked, score, lambda _: None, torch.device("cpu"), forced)


def test_beam_search_finds_what_greedy_search_misses():
    """By hand: 1 then the end has a mean of ln(.6 x .1) / 2; 2 then the end of ln(.4 x .9) / 2."""
    table = [[0.0, 0.6, 0.4, 0.0], [0.0, 0.45, 0.45, 0.1], [0.0, 0.05, 0.05, 0.9], [0.25] * 4]
    tokens, mean = table_search(table, longest=2, beams=1)
    assert tokens.tolist() == [[1, 1]] and mean.item() == pytest.approx(np.log(0.6 * 0.45) / 2)
    tokens, mean = table_search(table, longest=2, beams=2)
    assert tokens.tolist() == [[2, 3]] and mean.item() == pytest.approx(np.log(0.4 * 0.9) / 2)


def test_forced_first_token():
    table = [[0.0, 0.9, 0.05, 0.05], [0.1, 0.1, 0.1, 0.7], [0.0, 0.2, 0.0, 0.8], [0.25] * 4]
    for beams in (1, 2, 3):
        tokens, mean = table_search(table, longest=4, beams=beams, first=2)
        assert tokens.tolist() == [[2, 3, -1, -1]] and mean.item() == pytest.approx(np.log(0.8) / 2)


@pytest.mark.parametrize("beams", [1, 3])
def test_an_output_does_not_depend_on_its_batch(beams, encoder, tokenizer):
    task = tiny.task("generation", beams=beams, output_tokens=8)
    head = new_head(encoder, tokenizer, 2.0, beams=beams, output_tokens=8)
    rows = tiny.examples("generation")
    rows["source"] = [text if number % 2 else " ".join([text] * 3) for number, text in enumerate(rows["source"])]
    model = TaskModel(encoder, head, task, tokenizer)
    together = tiny.predict(model, rows)
    alone = [tiny.predict(model, rows[number : number + 1])["prediction"].item() for number in range(6)]
    assert together["prediction"].tolist()[:6] == alone
    assert together["gold"].tolist() == rows["reference"].tolist()
    assert together["source"].tolist() == rows["source"].tolist()
    assert set(together["prediction"]) != {""}


@pytest.mark.parametrize("source", ["", "漢 漢"])
def test_nothing_is_copied_from_an_input_without_a_token_to_copy(source, encoder, tokenizer):
    """Its loss is that of the decoder's own scores, beside a longer input too, whose padding it gets."""
    head, rows = new_head(encoder, tokenizer, 2.0), tiny.examples("generation", 2)
    rows.loc[0, "source"] = source
    features = tiny.encode_features(rows, tokenizer, tiny.task("generation"))
    losses = [head(encoder, generation.collate(part, tokenizer))[0, 0].item() for part in (features[:1], features)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_an_output_that_never_ends_is_cut_and_shown(encoder, tokenizer):
    task = tiny.task("generation", output_tokens=5)
    head = new_head(encoder, tokenizer, kind="published", output_tokens=5)
    head.decoder.bias.data[special_tokens(tokenizer)[1][0]] = -1e4
    found = tiny.predict(TaskModel(encoder, head, task, tokenizer), tiny.examples("generation"))
    assert found["cut"].all()
    head.decoder.bias.data[special_tokens(tokenizer)[1][0]] = 1e4
    found = tiny.predict(TaskModel(encoder, head, task, tokenizer), tiny.examples("generation"))
    assert not found["cut"].any() and set(found["prediction"]) == {""}


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("kind", ["published", "quick"])
def test_weights_that_are_not_finite_give_empty_outputs(kind, beams, encoder, tokenizer):
    head = new_head(encoder, tokenizer, kind=kind, beams=beams)
    head.decoder.bias.data[:] = torch.nan
    task = tiny.task("generation", {"head": kind}, beams=beams)
    found = tiny.predict(TaskModel(encoder, head, task, tokenizer), tiny.examples("generation"))
    assert set(found["prediction"]) == {""} and found["cut"].all() and set(found["score"]) == {-np.inf}


def test_the_decoder_starts_from_the_encoders_first_blocks(encoder, tokenizer):
    head, again = (new_head(encoder, tokenizer, decoder_layers=1) for _ in range(2))
    own, weights = head.decoder.blocks.state_dict(), encoder.state_dict()
    shared = [name for name in own if name in weights]
    assert all(torch.equal(own[name], weights[name]) for name in shared)
    new = {name for name in own if name not in weights}
    assert new and all("crossattention" in name for name in new)
    assert not any(name.startswith("encoder.layer.1.") for name in own)
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in head.state_dict().items())
    assert all(value.shape[0] != len(tokenizer) for value in head.state_dict().values() if value.ndim > 1)


@pytest.mark.parametrize("options", [{"decoder_layers": 3}, {"output_tokens": 65}])
def test_too_few_blocks_or_positions(options, encoder, tokenizer):
    with pytest.raises(CodeStiltsError, match=next(iter(options))):
        new_head(encoder, tokenizer, **options)


SMALL_SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}


@pytest.mark.parametrize(
    ("model", "config"),
    [
        (DistilBertModel, DistilBertConfig(vocab_size=62, dim=16, n_layers=2, n_heads=2, hidden_dim=32)),
        (DebertaV2Model, DebertaV2Config(vocab_size=62, **SMALL_SIZES)),
        (EsmModel, EsmConfig(vocab_size=62, pad_token_id=1, mask_token_id=2, **SMALL_SIZES)),
    ],
    ids=["distilbert", "deberta-v2", "esm"],
)
def test_an_architecture_without_decoder(model, config, tokenizer):
    with pytest.raises(CodeStiltsError, match=f"type {config.model_type}: transformers has no decoder of this"):
        new_head(model(config), tokenizer)


@pytest.mark.parametrize("model_type", DECODER_TYPES)
def test_a_decoder_is_made_of_each_type(model_type):
    config = AutoConfig.for_model(model_type, vocab_size=62, pad_token_id=0, **SMALL_SIZES, max_position_embeddings=64)
    encoder = AutoModel.from_config(config)
    decoder, tokens = text_decoder.Decoder(encoder, 1, 8), torch.full((2, 3), 5)
    decoder(encoder, tokens, encoder(input_ids=tokens).last_hidden_state, torch.ones(2, 3)).sum().backward()
    assert all(value.grad is not None for value in decoder.blocks.parameters())
    new = {name for name, _ in decoder.blocks.named_parameters()} - decoder.copied_names
    assert new and all("crossattention" in name for name in new)


@pytest.mark.parametrize("lora", [None, tiny.LORA])
def test_training_learns_which_word_comes_first(lora, folder, tokenizer):
    """Guessing one of the 18 words is right in 6 %."""
    kinds, rng = {"generation": tiny.task_settings("generation", output_tokens=4)}, np.random.default_rng(0)
    rows = tiny.examples("generation", 200)
    rows["source"] = [" ".join(rng.choice(tiny.WORDS, 4)) for _ in range(len(rows))]
    rows["reference"] = rows["source"].str.split().str[0]
    changes = {"steps": 150, "tokens_per_step": 400, "learning_rate": 1e-2, "dropout": 0.0, "freeze_embeddings": False}
    settings = tiny.settings(kinds, lora=lora, **changes)
    data = tiny.encoded_task("generation", rows, kinds["generation"], tokenizer)
    trained = loop.train(tiny.prepare_inputs(settings, tokenizer, [data]), 0, folder)
    assert trained.record["dev"]["generation"] > (0.5 if lora is None else 0.2)


def test_a_frozen_decoder_keeps_what_it_has_copied(folder, tokenizer):
    kinds = {"generation": tiny.task_settings("generation")}
    rows = tiny.examples("generation")
    data = tiny.encoded_task("generation", rows, kinds["generation"], tokenizer)
    settings = tiny.settings(kinds, steps=3, freeze_decoder=True, dropout=0.0)
    trained = loop.train(tiny.prepare_inputs(settings, tokenizer, [data]), 0, folder)
    weights = models.load_encoder(folder)[0].state_dict()
    own = trained.heads["generation"].decoder.blocks.state_dict()
    assert all(torch.equal(own[name], weights[name]) for name in own if name in weights)
    new = "encoder.layer.0.crossattention.self.value.weight"
    fresh = new_head(models.load_encoder(folder)[0], tokenizer).decoder.blocks.state_dict()
    assert not torch.equal(own[new], fresh[new])
    trained_block = "encoder.layer.0.output.dense.weight"
    assert not torch.equal(trained.encoder.state_dict()[trained_block], weights[trained_block])


def test_a_tokenizer_that_adds_no_tokens_names_them(tokenizer):
    plain = copy.deepcopy(tokenizer)
    plain.backend_tokenizer.post_processor = TemplateProcessing(single="$A")
    assert generation.start_and_end(plain) == (plain.cls_token_id, plain.sep_token_id)
    plain.sep_token = None
    with pytest.raises(CodeStiltsError, match="ends a text"):
        generation.start_and_end(plain)


def test_shuffled_outputs_come_with_their_tokens(tokenizer):
    task = tiny.task("generation")
    features = tiny.encode_features(tiny.examples("generation"), tokenizer, task)
    shuffled = generation.shuffle(features, 3, tokenizer, task)
    tokens = [len(row["sequences"][0]["input_ids"]) + len(row["output"]) for row in shuffled]
    assert shuffled.tokens().tolist() == tokens == [row["tokens"] for row in shuffled]
    same = [a["output"].tolist() == b["output"].tolist() for a, b in zip(features, shuffled, strict=True)]
    assert sorted(row["output"].tolist() for row in shuffled) == sorted(row["output"].tolist() for row in features)
    assert not all(same)
