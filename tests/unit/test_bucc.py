"""BUCC by its official protocol: the workshop's files, their sets, sentences that occur twice, whole or in blocks."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from natural_archives import BUCC, archive, shared_task
from test_natural_tasks import made

from codestilts.config.training_settings import TaskOptions, TaskSettings
from codestilts.errors import CodeStiltsError
from codestilts.evaluation.metrics.registry import row_sums
from codestilts.tasktypes import mining, retrieval
from codestilts.tasktypes.base import Task
from codestilts.training import frozen_retrieval

MINING = TaskOptions(protocol="mining")
TASK = Task.from_settings("bucc", TaskSettings("retrieval", "mining_f1", max_length=16, options=MINING))


def german(folder: Path, **files: str) -> pd.DataFrame:
    """The German rows, some files of the training set being others (``gold="..."``)."""
    inputs = []
    for name in ("sample", "training"):
        members = shared_task("de", name)
        if name == "training":
            members |= {f"bucc2018/de-en/de-en.training.{end}": text for end, text in files.items()}
        inputs.append(archive(folder / f"bucc-de-{name}.zip", members))
    return made("bucc", inputs, role="target", languages=["german"])


def test_the_sample_is_dev_and_the_training_set_test_with_all_their_sentences(tmp_path: Path) -> None:
    inputs = [
        archive(tmp_path / f"bucc-{code}-{name}.zip", shared_task(code, name))
        for code in BUCC
        for name in ("sample", "training")
    ]
    frame = made("bucc", inputs, role="target", dev=500, test=500)
    assert frame.groupby(["language", "split"]).size().to_dict() == {
        (language, split): 4 for language in ("german", "french", "russian", "chinese") for split in ("dev", "test")
    }
    rows = frame[(frame["language"] == "german") & (frame["split"] == "dev")].sort_values("id")
    assert sorted(zip(rows["query"], rows["document"], strict=True)) == [
        ("", "sample en 2"),
        ("sample de 0", "sample en 0"),
        ("sample de 1", "sample en 1"),
        ("sample de 2", ""),
    ]


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"de": "de-000000000 no tab\n"}, r"de-en\.training\.de, line 1: .*no tab"),
        ({"gold": "de-000000009\ten-000000000\n"}, "pair.*de-000000009"),
        ({"gold": "de-000000000\ten-000000009\n"}, "pair.*en-000000009"),
        ({"en": "en-1\ta\nen-1\tb\n", "gold": ""}, "id en-1 .*twice"),
    ],
)
def test_a_file_of_another_form_is_one_line(tmp_path: Path, files: dict[str, str], message: str) -> None:
    with pytest.raises(CodeStiltsError, match=message):
        german(tmp_path, **files)


def test_an_absent_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CodeStiltsError, match=r"de-en\.training\.de: no such file.*bucc-de-sample\.zip"):
        made("bucc", [archive(tmp_path / "bucc-de-sample.zip", shared_task("de", "sample"))], languages=["german"])


def test_separators_within_a_sentence_stay_and_a_second_partner_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    german_text = "de-000000000\ta\u2028b\x0bc\td\r\nde-000000001\te"
    gold = "de-000000000\ten-000000000\nde-000000000\ten-000000001\n"
    frame = german(tmp_path, de=german_text, gold=gold)
    test = frame[frame["split"] == "test"]
    assert test.loc[test["query"] != "", "query"].tolist().count("a\u2028b\x0bc\td") == 1
    assert (test["query"].ne("") & test["document"].ne("")).sum() == 1
    assert "1 of 2 pairs dropped" in capsys.readouterr().out


def mined(query: list[str], document: list[str], likeness: list[list[float]]) -> pd.DataFrame:
    """Predictions where the vectors of row i's query and row j's document have that product."""
    rows = len(query)
    frame = pd.DataFrame({"id": [str(n) for n in range(rows)], "query": query, "document": document})
    frame = frame.assign(language="german", cluster=frame["id"], split="test", package="bucc")
    table = torch.tensor(likeness)
    vectors = torch.stack([torch.stack([torch.eye(rows)[n], table[:, n]]) for n in range(rows)])
    return frame.join(retrieval.decode([vectors], [], frame, TASK)[["gold", "prediction", "score"]])


def test_sentences_that_occur_twice_are_out_but_their_pairs_stay_to_be_found() -> None:
    # Three pairs; the second's English sentence stands twice (with a blank), the third's German one too.
    query = ["eins", "zwei", "drei", "", "drei "]
    document = ["one", "two", "three", " two", ""]
    own = [[0.9 if i == j or (i, j) in ((1, 3), (4, 2)) else 0.1 for j in range(5)] for i in range(5)]
    found = mined(query, document, own).dropna(subset=["prediction"])
    assert found["prediction"].tolist() == ["0", "", "", ""]
    assert found["gold"].tolist() == ["0", "1", "2", ""]
    dev = found.iloc[:1].assign(split="dev")
    run = {"encoder": "e", "arm": "none", "target": "bucc", "seed": 0, "checkpoint": ""}
    sums = row_sums(pd.concat([dev, found], ignore_index=True).assign(**run), "mining_f1").sum()
    # one right of one mined and three true pairs: 2 / (1 + 3)
    assert (sums["numerator"], sums["denominator"]) == (2, 4)


def test_large_sets_go_language_by_language_and_without_a_sweep(
    folder: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = tiny.WORDS
    table = pd.DataFrame(
        [
            {"id": f"{language} {n}", "language": language, "split": "test", "cluster": str(n), "package": "p"}
            | {"query": " ".join(words[n : n + 4]), "document": " ".join(words[n + 1 : n + 4])}
            for language in ("german", "french")
            for n in range(6)
        ]
    )

    def predicted(metric: str, **options: Any) -> frozen_retrieval.SeedResult:
        settings = tiny.task_settings("retrieval", {"metric": metric, "max_length": 16}, **options)
        inputs = tiny.retrieval_inputs(tokenizer, {"bucc": settings}, layers=(1, 2))
        return frozen_retrieval.predict_target(inputs, tiny.encoded_in_memory(inputs, "bucc", table), folder, 0)

    assert len(predicted("accuracy_at_1").sweep) == 4
    whole = predicted("mining_f1", protocol="mining", sweep=False)
    assert whole.sweep.empty
    monkeypatch.setattr(frozen_retrieval, "LARGE_TABLE", 5)
    parts = predicted("mining_f1", protocol="mining", sweep=False).predictions
    whole = whole.predictions
    parts = parts.set_index("id").loc[whole["id"]].reset_index()
    assert parts["prediction"].tolist() == whole["prediction"].tolist()
    assert np.allclose(parts["score"], whole["score"], atol=1e-5)


@settings(max_examples=40)
@given(st.integers(1, 12), st.integers(0, 5), st.integers(0, 5), st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_mining_in_blocks_is_mining_all_at_once(pairs: int, asked: int, offered: int, seed: int, block: int) -> None:
    rng = np.random.default_rng(seed)
    query = [f"q{n}" for n in range(pairs + asked)] + [""] * offered
    document = [f"d{n}" for n in range(pairs)] + [""] * asked + [f"e{n}" for n in range(offered)]
    # products of whole numbers: their sums are exact, so that blocks of any shape have the same ones, ties included
    likeness = rng.integers(1, 5, (len(query), len(query))).astype(float).tolist()
    whole = mined(query, document, likeness)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mining, "CPU_BLOCK", block)
        assert mined(query, document, likeness).equals(whole)


def test_the_search_that_a_gpu_does_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    query, document = [f"q{n}" for n in range(30)], [f"d{n}" for n in range(30)]
    likeness = np.random.default_rng(0).permutation(900).reshape(30, 30).astype(float).tolist()  # no ties
    whole = mined(query, document, likeness)
    monkeypatch.setattr(mining, "_similarity", lambda queries, documents: queries @ documents.T)
    monkeypatch.setattr(mining, "CPU_BLOCK", 200)
    assert mined(query, document, likeness).equals(whole)
