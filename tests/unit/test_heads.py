"""Heads as published, against transformers' own models and the formulas of CodeXGLUE; and which head a study takes."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
import transformers
import yaml
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional as F

from codestilts.config import analysis_jobs, training_jobs
from codestilts.config.settings_json import to_json
from codestilts.config.study import Study
from codestilts.config.validation import load_study, read_configs
from codestilts.tasktypes.base import Batch, Task
from codestilts.tasktypes.registry import task_type
from codestilts.training import models

ROOT = Path(__file__).parents[2]
WITH_HEADS = ["classification", "multiple_choice", "tagging", "span_qa"]


def made(
    kind: str, encoder: Any, tokenizer: Any, head: str = "published", dropout: float = 0.1, **options: Any
) -> tuple[Any, Batch]:
    """A head of an encoder, and a batch for it."""
    rows = tiny.examples(kind, 8)
    task = Task.from_settings(kind, tiny.task_settings(kind, {"head": head}, **options), rows)
    features = tiny.encode_features(rows, tokenizer, task)
    batch = task_type(kind).collate(features, tokenizer)
    batch.pop("token_type_ids", None)
    return models.new_head(task, encoder, tokenizer, None, 0, dropout), batch


def published(name: str, tokenizer: Any, **changes: Any) -> Any:
    """A small RoBERTa of transformers with one of its heads, in evaluation."""
    torch.manual_seed(1)
    config = transformers.RobertaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
        pad_token_id=tokenizer.pad_token_id,
        num_labels=2,
        **changes,
    )
    model = getattr(transformers, f"RobertaFor{name}")(config).eval()
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.5)  # so that a wrong layer is seen
            nn.init.normal_(layer.bias, std=0.5)
    return model


def read(model: Any, batch: Batch) -> Tensor:
    return model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits


def layers_of(head: nn.Module) -> Callable[[str], tuple[Tensor, Tensor]]:
    """What gives the weight and the bias of a linear layer by its name."""
    own = dict(head.named_parameters())
    return lambda name: (own[f"{name}.weight"], own[f"{name}.bias"])


def test_sentences_are_read_as_by_roberta_for_sequence_classification(tokenizer):
    model = published("SequenceClassification", tokenizer)
    head, batch = made("classification", model.roberta, tokenizer)
    head.classifier.load_state_dict(model.classifier.state_dict())
    assert torch.allclose(head.eval()(model.roberta, batch), read(model, batch), atol=1e-6)


def test_tokens_are_read_as_by_roberta_for_token_classification(tokenizer):
    model = published("TokenClassification", tokenizer)
    head, batch = made("tagging", model.roberta, tokenizer)
    head.load_state_dict({f"classifier.{name}": value for name, value in model.classifier.state_dict().items()})
    real = batch["attention_mask"] == 1
    assert torch.allclose(head.eval()(model.roberta, batch)[real], read(model, batch)[real], atol=1e-6)


def test_answers_are_read_as_by_roberta_for_question_answering(tokenizer):
    model = published("QuestionAnswering", tokenizer)
    head, batch = made("span_qa", model.roberta, tokenizer)
    full = batch["attention_mask"].all(1)  # transformers takes padding for answers too, up to the length of the batch
    batch = {name: value[full] for name, value in batch.items()}
    head.load_state_dict({f"scorer.{name}": value for name, value in model.qa_outputs.state_dict().items()})
    theirs = model(
        input_ids=batch["input_ids"],
        attention_mask=batch["attention_mask"],
        start_positions=batch["start"],
        end_positions=batch["end"],
    )
    ours = head.eval()(model.roberta, batch)
    assert len(ours) > 2 and batch["start"].any()
    assert torch.allclose(ours, torch.stack([theirs.start_logits, theirs.end_logits], -1), atol=1e-6)
    assert torch.allclose(head.loss(ours, batch), theirs.loss, atol=1e-6)


def test_choices_are_read_as_by_roberta_for_multiple_choice(tokenizer):
    model = published("MultipleChoice", tokenizer)
    head, batch = made("multiple_choice", model.roberta, tokenizer)
    dense, scorer = model.roberta.pooler.dense.state_dict(), model.classifier.state_dict()
    head.load_state_dict(
        {f"scorer.0.{name}": value for name, value in dense.items()}
        | {f"scorer.3.{name}": value for name, value in scorer.items()}
    )
    ours = head.eval()(model.roberta, batch)
    each = batch["input_ids"].unsqueeze(1), batch["attention_mask"].unsqueeze(1)  # one choice a question
    theirs = model(input_ids=each[0], attention_mask=each[1]).logits.squeeze(1)
    flat = torch.cat([row[:count] for row, count in zip(ours, batch["sequences"], strict=True)])
    assert torch.allclose(flat, theirs, atol=1e-6)


def test_pairs_that_are_read_apart_are_joined_as_in_bigclonebench(tokenizer):
    model = published("SequenceClassification", tokenizer)
    head, batch = made("classification", model.roberta, tokenizer, pairs="dual")
    for value in head.parameters():
        nn.init.normal_(value, std=0.5)
    states = model.roberta(batch["input_ids"], batch["attention_mask"])[0][:, 0]
    layer = layers_of(head.classifier)
    assert layer("dense")[0].shape == (16, 32) and layer("out_proj")[0].shape == (2, 16)
    both = states.reshape(-1, 32)  # CodeXGLUE: x.reshape(-1, x.size(-1) * 2)
    expected = F.linear(torch.tanh(F.linear(both, *layer("dense"))), *layer("out_proj"))
    assert torch.allclose(head.eval()(model.roberta, batch), expected, atol=1e-6)


def test_queries_and_code_are_joined_as_in_webquery(tokenizer):
    model = published("SequenceClassification", tokenizer)
    head, batch = made("classification", model.roberta, tokenizer, pairs="product")
    for value in head.parameters():
        nn.init.normal_(value, std=0.5)
    states = model.roberta(batch["input_ids"], batch["attention_mask"])[0][:, 0]
    layer = layers_of(head.classifier)
    pooled = torch.tanh(F.linear(states, *layer("pooler.0")))
    query, code = pooled[0::2], pooled[1::2]
    joined = torch.cat((query, code, query - code, query * code), 1)
    expected = F.linear(torch.tanh(F.linear(joined, *layer("dense"))), *layer("out_proj"))
    assert torch.allclose(head.train()(model.roberta, batch), expected, atol=1e-6), "and there is no dropout"


def test_retrieval_as_published_goes_from_queries_to_documents_only(folder, tokenizer):
    encoder, _ = models.load_encoder(folder)
    outputs = F.normalize(torch.tensor([[[1.0, 0.0], [1.0, 0.0]], [[0.6, 0.8], [0.8, 0.6]]]), dim=-1)
    batch = {"cluster": torch.tensor([0, 1])}
    likeness = torch.tensor([[1.0, 0.8], [0.6, 0.96]]) * 20  # UniXcoder's factor
    forth = -likeness.log_softmax(1).diag().mean()
    back = -likeness.log_softmax(0).diag().mean()
    for kind, expected in (("published", forth), ("quick", (forth + back) / 2)):
        head, _ = made("retrieval", encoder, tokenizer, kind)
        assert head.loss(outputs, batch) == pytest.approx(float(expected), rel=1e-5)
    assert forth != back


@pytest.mark.parametrize("kind", WITH_HEADS)
def test_published_heads_are_drawn_as_transformers_draws_them(kind, tokenizer):
    wide = transformers.RobertaConfig(hidden_size=512, initializer_range=0.02)
    task = Task.from_settings(kind, tiny.task_settings(kind, {"head": "published"}), tiny.examples(kind, 8))
    head: nn.Module = task_type(kind).Head(task, wide, tokenizer.mask_token_id, 0.1)
    for name, value in head.named_parameters():
        if name.endswith("bias"):
            assert not value.any()
        else:
            assert float(value.detach().std()) == pytest.approx(0.02, rel=0.25)


@pytest.mark.parametrize("kind", [*WITH_HEADS, "retrieval"])
def test_dropout_draws_only_where_it_is_published_and_above_0(kind, folder, tokenizer):
    encoder, _ = models.load_encoder(folder, dropout=0.0)
    encoder.train()
    before = [layer for layer in WITH_HEADS if layer != "span_qa"]  # which has none
    for head, dropout, draws in (("quick", 0.5, False), ("published", 0.0, False), ("published", 0.5, kind in before)):
        own, batch = made(kind, encoder, tokenizer, head, dropout)
        own.train()
        torch.manual_seed(0)
        state = torch.get_rng_state()
        first = own(encoder, batch)
        assert torch.equal(torch.get_rng_state(), state) is not draws
        assert torch.equal(own(encoder, batch), first) is not draws
        own.eval()
        encoder.eval()
        assert torch.equal(own(encoder, batch), own(encoder, batch))
        encoder.train()


Made = Callable[..., Study]


@pytest.fixture
def study(tmp_path: Path) -> Made:
    """Makes the study ``name`` with an overlay, and with changes of task files (``task={key: value}``)."""

    def made(overlay: dict[str, Any] | None = None, name: str = "pocket", **files: dict[str, Any]) -> Study:
        (tmp_path / "overlay.yaml").write_text(yaml.safe_dump(overlay or {"study": name}))
        own = [] if name == "pocket" else [ROOT / f"studies/{name}.yaml"]
        found = load_study(read_configs([ROOT / "config.yaml", *own, tmp_path / "overlay.yaml"]), ROOT)
        for task, changes in files.items():
            found.tasks[task] = found.tasks[task].model_copy(update=changes)
        return found

    return made


def head_of(own: Study, target: str) -> str:
    job = training_jobs.target_settings(own, own.encoders[0], "none", target, next(iter(own.batches)))
    return job.tasks[target].head


def test_the_pocket_study_says_that_it_takes_ours(study: Made) -> None:
    own = study()
    assert {head_of(own, target) for target in own.trained_targets} == {"quick"}
    phase_2 = training_jobs.intermediate_settings(own, "bert-tiny", "all-multi", "0-2").tasks
    assert {task.head for task in phase_2.values()} == {"quick"}
    assert "head" not in to_json(analysis_jobs.baseline_score_settings(own)), "scoring does not depend on it"


def test_a_published_recipe_takes_the_published_head_whatever_else_is_said(study: Made) -> None:
    common: dict[str, Any] = {"recipe": "published", "head": "quick"}
    own = study({"target": common, "intermediate": common}, name="paper", xnli={"head": "quick"})
    assert own.tasks["xnli"].recipe and not own.tasks["roles"].recipe
    assert head_of(own, "xnli") == "published" and head_of(own, "roles") == "quick"
    assert training_jobs.target_settings(own, own.encoders[0], "none", "xnli", next(iter(own.batches))).epochs == 2
    mixed = training_jobs.intermediate_settings(own, own.encoders[0], "english-multi", next(iter(own.batches)))
    assert {task.head for task in mixed.tasks.values()} == {"published"} and not mixed.epochs and mixed.steps


def test_a_target_of_the_study_comes_before_its_file_and_that_before_the_phase(study: Made) -> None:
    assert head_of(study({"target": {"head": "published"}}), "tags") == "published"
    assert head_of(study(tags={"head": "published"}), "tags") == "published"
    assert head_of(study({"target": {"head": "published"}}, tags={"head": "quick"}), "tags") == "quick"
    override = {"target": {"tasks": {"tags": {"head": "quick"}}}}
    assert head_of(study(override, tags={"head": "published"}), "tags") == "quick"


def test_the_paper_study_takes_published_heads_but_where_none_is(study: Made) -> None:
    own = study(name="paper")
    assert {head_of(own, target) for target in own.trained_targets} == {"published"}
    heads = training_jobs.intermediate_settings(own, own.encoders[0], "code-multi", next(iter(own.batches))).tasks
    assert {name for name, task in heads.items() if task.head == "quick"} == {"cloze-csn"}


def test_what_a_published_head_has_learnt_is_found_again(folder, tokenizer, tmp_path):
    encoder, _ = models.load_encoder(folder)
    for kind in WITH_HEADS:
        head, _ = made(kind, encoder, tokenizer)
        models.save_heads(nn.ModuleDict({kind: head}), tmp_path)
        again, batch = made(kind, encoder, tokenizer)
        for value in again.parameters():
            nn.init.zeros_(value)
        saved = load_file(tmp_path / models.HEAD)
        again.load_state_dict({name.removeprefix(f"{kind}."): value for name, value in saved.items()})
        assert torch.equal(again.eval()(encoder.eval(), batch), head.eval()(encoder, batch))


def test_a_published_head_reads_the_first_token(folder, tokenizer):
    encoder, _ = models.load_encoder(folder)
    head, batch = made("classification", encoder, tokenizer)
    states: list[Tensor] = []
    head.classifier.register_forward_pre_hook(lambda _, inputs: states.append(inputs[0]))
    head.eval()(encoder.eval(), batch)
    encoder.config._attn_implementation = "eager"
    full = encoder(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).last_hidden_state
    assert torch.allclose(states[0], full[:, 0], atol=1e-5)
