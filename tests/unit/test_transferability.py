"""Transferability: what a linear model reads of each task type, what is measured, and of which arms and targets."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from torch.nn import functional as F
from transformers import AutoModel

from codestilts.config.transferability import transferability_pairs, transferability_settings, transferability_targets
from codestilts.config.transferability_settings import TransferabilitySettings
from codestilts.config.validation import load_study, read_configs
from codestilts.training.label_states import labelled_states
from codestilts.training.models import load_encoder
from codestilts.training.transferability import TransferabilityJob, measure

ROOT = Path(__file__).parents[2]


def read(folder: Path, tokenizer: Any, kind: str, table: pd.DataFrame, **options: Any) -> tuple[np.ndarray, np.ndarray]:
    task = tiny.task(kind, **options)
    return labelled_states(
        load_encoder(folder)[0], task, tokenizer, list(tiny.encode_features(table, tokenizer, task)), "fp32"
    )


def states(folder: Path, tokenizer: Any, *texts: str) -> torch.Tensor:
    """The states of all tokens of a text or a pair, by transformers alone."""
    with torch.inference_mode():
        return AutoModel.from_pretrained(folder).eval()(**tokenizer(*texts, return_tensors="pt")).last_hidden_state[0]


def test_classification_reads_the_mean_or_the_mask(folder: Path, tokenizer: Any) -> None:
    table = tiny.examples("classification", 8)
    table.loc[1, "text_a"] = "the [MASK] sat"
    vectors, labels = read(folder, tokenizer, "classification", table)
    first = states(folder, tokenizer, table["text_a"][0], table["text_b"][0])
    assert vectors[0] == pytest.approx(first.mean(0).numpy(), abs=1e-5)
    assert vectors[1] == pytest.approx(
        states(folder, tokenizer, "the [MASK] sat", table["text_b"][1])[2].numpy(), abs=1e-5
    )
    assert labels.astype(int).tolist() == [[1, 0] if label == "animal" else [0, 1] for label in table["label"]]


def test_separate_texts_are_read_as_products_of_unit_vectors(folder: Path, tokenizer: Any) -> None:
    table = tiny.examples("classification", 6)
    vectors, labels = read(folder, tokenizer, "classification", table, pairs="dual")
    sides = [states(folder, tokenizer, text).mean(0) for text in (table["text_a"][2], table["text_b"][2])]
    assert vectors[2].sum() == pytest.approx(float(F.cosine_similarity(*sides, dim=0)), abs=1e-5)
    assert labels.shape == (6, 2)


def test_several_labels_are_several_columns(folder: Path, tokenizer: Any) -> None:
    table = tiny.examples("classification", 4).assign(label=["animal", "animal|weather", "weather", "weather"])
    _, labels = read(folder, tokenizer, "classification", table, multi=True)
    assert labels.astype(int).tolist() == [[1, 0], [1, 1], [0, 1], [0, 1]]


def test_every_choice_is_right_or_wrong(folder: Path, tokenizer: Any) -> None:
    table = tiny.examples("multiple_choice", 6)
    vectors, labels = read(folder, tokenizer, "multiple_choice", table)
    sizes = [len(choices) for choices in table["choices"]]
    assert len(vectors) == sum(sizes) and len(set(sizes)) == 2
    right = [number == label for size, label in zip(sizes, table["label"], strict=True) for number in range(size)]
    assert labels[:, 1].tolist() == right and labels[:, 0].tolist() == [not one for one in right]
    last = states(folder, tokenizer, table["context"][5], table["choices"][5][-1])
    assert vectors[-1] == pytest.approx(last.mean(0).numpy(), abs=1e-5)


def test_every_token_has_its_tag(folder: Path, tokenizer: Any) -> None:
    table = tiny.examples("tagging", 2)
    table["tokens"], table["tags"] = [["the", "rains"], ["cat"]], [["SHORT", "LONG"], ["SHORT"]]
    vectors, labels = read(folder, tokenizer, "tagging", table)
    assert labels.astype(int).tolist() == [[1, 0], [0, 1], [1, 0]]
    assert vectors[1] == pytest.approx(states(folder, tokenizer, "the rains")[2].numpy(), abs=1e-5)


@pytest.mark.parametrize("options", [{}, {"answer": r"\bzebra\b|\bcat\b"}], ids=["any span", "an expression"])
def test_an_answer_starts_at_one_token_of_each_row(folder: Path, tokenizer: Any, options: dict[str, str]) -> None:
    """Contexts are longer than a window of 24 tokens; every token counts once, the answer's first one too."""
    table = tiny.examples("span_qa", 6)
    vectors, labels = read(folder, tokenizer, "span_qa", table, **options)
    assert labels[:, 1].sum() == len(table)
    words = [text.count("zebra") + text.split().count("cat") for text in table["context"]]
    tokens = [len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in table["context"]]
    assert len(vectors) == len(labels) == (sum(words) if options else sum(tokens))


def test_a_query_belongs_to_its_own_document_and_not_to_that_of_the_next_row(folder: Path, tokenizer: Any) -> None:
    table = tiny.examples("retrieval", 4).assign(cluster=["a", "b", "b", "c"])
    vectors, labels = read(folder, tokenizer, "retrieval", table)
    query, document = (
        [states(folder, tokenizer, text).mean(0) for text in table[side]] for side in ("query", "document")
    )
    pairs = [(0, 0), (1, 1), (2, 2), (3, 3), (0, 1), (2, 3), (3, 0)]  # 1 and 2 are near-duplicates
    cosines = [float(F.cosine_similarity(query[left], document[right], dim=0)) for left, right in pairs]
    assert vectors.sum(1) == pytest.approx(cosines, abs=1e-5)
    assert labels[:, 1].astype(int).tolist() == [1, 1, 1, 1, 0, 0, 0]


@pytest.fixture
def measured(folder: Path, tmp_path: Path) -> pd.DataFrame:
    """An arm that trains tagging, which trained nothing, and three targets, one with the texts of tagging."""
    for kind in ("tagging", "classification", "retrieval"):
        tiny.examples(kind).to_parquet(tmp_path / f"{kind}.parquet", index=False)
        tiny.encode(folder, tmp_path, kind)
    tasks = {kind: tiny.task_settings(kind) for kind in ("tagging", "classification", "retrieval")}
    encoded = tmp_path / "encoded/tiny"
    (encoded / "same").symlink_to(encoded / "tagging")
    settings = TransferabilitySettings(
        study="tiny",
        encoder="tiny",
        arm="tags",
        seed=1,
        examples=12,
        task="tagging",
        tasks=tasks | {"same": tasks["tagging"]},
        same_form=("same",),
        same_domain=("same", "retrieval"),
        precision="fp32",
        tf32=False,
    )
    (tmp_path / "models").mkdir()
    (tmp_path / "models/1").symlink_to(folder)
    job = TransferabilityJob(settings, folder, tmp_path / "models", sorted(encoded.iterdir()), tmp_path / "arm.csv")
    measure(job, torch.device("cpu"))
    return pd.read_csv(job.out).set_index("target")


def test_each_target_has_a_row(measured: pd.DataFrame) -> None:
    assert list(measured.index) == ["classification", "retrieval", "same"]
    assert set(measured["rows"]) == {12} and set(measured["size"]) == {20} and set(measured["seed"]) == {1}
    assert measured["same_form"].tolist() == [False, False, True]
    assert measured["same_domain"].tolist() == [False, True, True]
    assert measured["log_me"].notna().all() and (measured["similarity"] <= 1).all()


def test_single_tasks_are_ranked_for_fine_tuned_targets() -> None:
    study = load_study(read_configs([ROOT / "config.yaml"]), ROOT)
    arms = [arm for _, arm in transferability_pairs(study)]
    forms = ("choice", "cloze", "span", "tagging")
    assert arms == [f"{domain}-{form}" for domain in ("code", "english") for form in forms]
    assert transferability_targets(study, "bert-tiny") == ["match", "tags", "param-qa", "search"]
    settings = transferability_settings(study, "bert-tiny", "code-span")
    assert settings.same_form == ("param-qa",) and len(settings.same_domain) == 4
    assert transferability_settings(study, "bert-tiny", "english-span").same_domain == ()


@pytest.mark.parametrize("changes", [{"transferability": 0}, {"arms": ["none", "code-span"]}], ids=["off", "one task"])
def test_there_may_be_nothing_to_rank(changes: dict[str, Any]) -> None:
    study = load_study(read_configs([ROOT / "config.yaml"]) | changes, ROOT)
    assert transferability_pairs(study) == []


def test_generated_texts_have_no_ranking() -> None:
    study = load_study(read_configs([ROOT / "config.yaml", ROOT / "studies/generation.yaml"]), ROOT)
    assert not any(transferability_targets(study, encoder) for encoder in study.encoders)
