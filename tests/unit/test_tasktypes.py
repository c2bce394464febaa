"""Every task type encodes, trains and decodes; details that a published protocol fixes."""

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from datasets import load_from_disk
from tiny import task

from codestilts.errors import CodeStiltsError
from codestilts.tasktypes import mlm, retrieval, span_qa, tagging
from codestilts.tasktypes.base import IGNORE
from codestilts.tasktypes.records import Records, Stored, store
from codestilts.tasktypes.registry import TYPES, features_of, task_type
from codestilts.training import models
from codestilts.training.models import TaskModel


@pytest.mark.parametrize("kind", TYPES)
def test_loss_is_finite_and_has_gradients(kind, folder, tokenizer):
    encoder, head = models.load_encoder(folder, mlm=kind == "mlm")
    head = models.new_head(task(kind), encoder, tokenizer, head, seed=0)
    features = tiny.encode_features(tiny.examples(kind), tokenizer, task(kind))
    batch = task_type(kind).collate(features[:8], tokenizer, np.random.default_rng(0))
    loss = head.loss(head(encoder, batch), batch)
    loss.backward()
    assert torch.isfinite(loss)
    assert any(value.grad is not None and value.grad.abs().sum() > 0 for value in encoder.parameters())
    for feature in features:
        read = sum(len(part["input_ids"]) for part in feature["sequences"])
        assert feature["tokens"] == read + len(feature.get("output", ()))


@pytest.mark.parametrize("kind", [kind for kind in TYPES if kind != "mlm"])
def test_predictions_have_a_row_an_example_whatever_the_order(kind, folder, tokenizer):
    encoder, _ = models.load_encoder(folder)
    head = models.new_head(task(kind), encoder, tokenizer, None, seed=0)
    rows = tiny.examples(kind)
    found = tiny.predict(TaskModel(encoder, head, task(kind), tokenizer), rows)
    assert found["id"].tolist() == rows["id"].tolist()
    assert not found["prediction"].isna().any()
    if kind == "retrieval":  # ranks depend on the candidates, not on their order
        mixed = rows.sample(frac=1, random_state=1)
        again = tiny.predict(TaskModel(encoder, head, task(kind), tokenizer), mixed).set_index("id").loc[rows["id"]]
        assert np.allclose(again["score"].to_numpy(), found["score"].to_numpy())


LABEL_OF = {"classification": "label", "multiple_choice": "label", "tagging": "tags", "span_qa": "question"}
LABEL_OF |= {"retrieval": "document", "generation": "reference"}


@pytest.mark.parametrize("multi", [False, True])
@pytest.mark.parametrize("kind", LABEL_OF)
def test_shuffled_labels_are_those_of_other_rows(kind, multi, tokenizer):
    """Shuffling features, stored or in memory, is encoding rows whose labels are shuffled."""
    if multi and kind != "classification":
        return
    rows, of_kind = tiny.examples(kind), task(kind, multi=True) if multi else task(kind)
    if kind == "span_qa":
        rows["question"] = [" ".join(["what"] * (1 + number % 5)) for number in range(len(rows))]
    order = np.random.default_rng(3).permutation(sum(map(len, rows["tags"])) if kind == "tagging" else len(rows))
    if kind == "multiple_choice":  # within rows with as many choices
        sizes = rows["choices"].str.len().to_numpy()
        groups = [np.flatnonzero(sizes == size) for size in np.unique(sizes)]
        assert len(groups) > 1
        for group in groups:
            order[group] = group[np.random.default_rng(3).permutation(len(group))]
    if kind == "tagging":
        tags = [tag for row in rows["tags"] for tag in row]
        deck = iter([tags[number] for number in order])
        expected = rows.assign(tags=[[next(deck) for _ in row] for row in rows["tags"]])
    else:
        expected = rows.assign(**{LABEL_OF[kind]: rows[LABEL_OF[kind]].to_numpy()[order]})
    right = tiny.encode_features(expected, tokenizer, of_kind)
    held = features_of(task_type(kind).encode(rows, tokenizer, of_kind), tokenizer, of_kind)
    for features in (held, tiny.encode_features(rows, tokenizer, of_kind)):
        shuffled = task_type(kind).shuffle(features, 3, tokenizer, of_kind)
        assert shuffled.tokens().tolist() == right.tokens().tolist()
        for one, other in zip(shuffled, right, strict=True):
            assert_same(one, other)


def assert_same(one, other):
    """Compare two features, with arrays in them."""
    assert one.keys() == other.keys()
    for name, value in one.items():
        if name == "sequences":
            for part, wanted in zip(value, other[name], strict=True):
                assert {key: ids.tolist() for key, ids in part.items()} == {
                    key: ids.tolist() for key, ids in wanted.items()
                }
        else:
            assert np.array_equal(value, other[name]) if value is not None else other[name] is None, name


@pytest.mark.parametrize("kind", TYPES)
def test_stored_features_are_those_in_memory(kind, tokenizer, tmp_path):
    rows, of_kind = tiny.examples(kind), task(kind, **({"answer": r"\w+"} if kind == "span_qa" else {}))
    records = task_type(kind).encode(rows, tokenizer, of_kind)
    assert store([records[:7], [], records[7:]], tmp_path / "train") == len(records)
    assert load_from_disk(str(tmp_path / "train")).num_rows == len(records)
    stored = features_of(Stored(tmp_path / "train"), tokenizer, of_kind)
    held = features_of(records, tokenizer, of_kind)
    assert isinstance(stored, Records) and len(stored) == len(held)
    assert stored.tokens().tolist() == held.tokens().tolist() == [feature["tokens"] for feature in held]
    for one, other in zip(stored, held, strict=True):
        assert_same(one, other)
    assert_same(stored[-1], held[len(held) - 1])
    for field in [name for name, value in held[0].items() if isinstance(value, list | np.ndarray)]:
        assert stored.lengths(field).tolist() == [len(feature[field]) for feature in held], field
    with pytest.raises(IndexError):
        stored[len(stored)]


def test_nothing_is_stored_of_no_rows(tmp_path):
    assert store([], tmp_path / "dev") == 0
    assert list(Stored(tmp_path / "dev")) == [] and Stored(tmp_path / "dev").tokens().tolist() == []
    assert Stored(tmp_path / "dev").lengths("context").tolist() == []


def test_long_rows_are_split_and_labelled_on_first_pieces(tokenizer):
    rows = tiny.examples("tagging")
    features = tagging.encode(rows, tokenizer, task("tagging"))
    labelled = sum(label != IGNORE for feature in features for label in feature["labels"])
    assert labelled == rows["tags"].str.len().sum()
    assert len(features) > len(rows)
    assert max(feature["tokens"] for feature in features) <= 24


def test_an_undeclared_label_names_task_row_and_choices(tokenizer):
    rows = tiny.examples("classification")
    rows.loc[3, "label"] = "mineral"
    with pytest.raises(CodeStiltsError, match=r"classification.*row3.*mineral.*animal, weather"):
        TYPES["classification"].encode(rows, tokenizer, task("classification"))


def test_span_windows_find_the_answer_and_long_questions_are_cut(tokenizer):
    rows = tiny.examples("span_qa")
    rows["question"] = "the cat sat on a mat " * 20
    features = tiny.encode_features(rows, tokenizer, task("span_qa"))
    assert {feature["example"] for feature in features if feature["end"]} == set(range(len(rows)))
    for feature in features:
        if feature["end"]:
            first, last = feature["offsets"][feature["start"]][0], feature["offsets"][feature["end"]][1]
            assert rows["context"][feature["example"]][first:last] == "zebra"


def test_a_perfect_span_head_answers_exactly(tokenizer):
    rows = tiny.examples("span_qa")
    features = tiny.encode_features(rows, tokenizer, task("span_qa"))
    outputs = []
    for feature in features:
        scores = torch.zeros(1, feature["tokens"], 2)
        scores[0, feature["start"], 0] = scores[0, feature["end"], 1] = 9
        outputs.append(scores)
    found = span_qa.decode(outputs, features, rows, task("span_qa"))
    assert found["prediction"].tolist() == found["gold"].tolist()


def test_answers_are_what_the_task_says_they_look_like(tokenizer, folder):
    rows = tiny.examples("span_qa")
    words = task("span_qa", answer=r"\w+")
    encoder, _ = models.load_encoder(folder)
    head = models.new_head(words, encoder, tokenizer, None, seed=0)
    found = tiny.predict(TaskModel(encoder, head, words, tokenizer), rows)
    assert all(answer in context.split() for answer, context in zip(found["prediction"], rows["context"], strict=True))
    with pytest.raises(CodeStiltsError, match=r"row0.*zebra.*option answer.*\\d\+"):
        span_qa.encode(rows, tokenizer, task("span_qa", answer=r"\d+"))


def test_ranks_by_hand_and_ties_count_against():
    rows = tiny.examples("retrieval", 3).assign(split="test")
    axes = torch.eye(3)
    swapped = torch.stack([axes, axes[[0, 2, 1]]], dim=1)  # the second and third documents are each other's
    found = retrieval.decode([swapped], [], rows, task("retrieval"))
    assert found["score"].tolist() == [1.0, 1 / 3, 1 / 3]
    assert found["prediction"].tolist() == ["row0", "row2", "row1"]
    collapsed = torch.ones(3, 2, 3) / 3**0.5
    assert retrieval.decode([collapsed], [], rows, task("retrieval"))["score"].tolist() == [1 / 3] * 3


def test_mining_answers_queries_only():
    rows = tiny.examples("retrieval", 6).assign(split="test")
    rows.loc[4, "document"] = ""
    rows.loc[5, "query"] = ""
    vectors = torch.nn.functional.normalize(torch.randn(6, 2, 8, generator=torch.Generator().manual_seed(0)), dim=-1)
    vectors[:4, 1] = vectors[:4, 0]
    found = retrieval.decode([vectors], [], rows, task("retrieval", protocol="mining"))
    assert found["gold"].iloc[4] == "" and pd.isna(found["gold"].iloc[5])
    assert found["prediction"].iloc[:4].tolist() == rows["id"].iloc[:4].tolist()


def test_masking_follows_bert(tokenizer):
    rows = pd.DataFrame({"text": [" ".join(tiny.WORDS)] * 400})
    batch = mlm.collate(mlm.encode(rows, tokenizer, task("mlm")), tokenizer, np.random.default_rng(0))
    real = ~torch.isin(batch["input_ids"], torch.tensor([tokenizer.cls_token_id, tokenizer.sep_token_id]))
    chosen = batch["labels"] != IGNORE
    masked = (batch["input_ids"] == tokenizer.mask_token_id) & chosen
    assert abs(chosen.sum() / real.sum() - 0.15) < 0.01
    assert abs(masked.sum() / chosen.sum() - 0.8) < 0.03
