"""Trivial outputs of generation targets, on examples small enough to work out by hand."""

from pathlib import Path

import pandas as pd
import pytest

from codestilts.config.analysis_settings import ScoredTarget, ScoreSettings
from codestilts.config.preparation_settings import BaselineSettings
from codestilts.errors import CodeStiltsError
from codestilts.evaluation import scoring
from codestilts.evaluation.baselines import baseline_predictions
from codestilts.evaluation.generation_baselines import usual_text


def examples(splits: list[str], **columns: list) -> pd.DataFrame:
    ids = [str(i) for i in range(len(splits))]
    common = {"id": ids, "language": "python", "split": splits, "cluster": ids, "package": "p"}
    return pd.DataFrame(common | {"output_language": "english"} | columns)


def predicted(frame: pd.DataFrame, name: str) -> list[str]:
    return frame.loc[frame["arm"] == f"baseline:{name}", "prediction"].tolist()


SOURCES = [
    "def open_file(): pass",
    "def send_mail(): pass",
    "def read(): mail",
    "func sendMail() {}",
    "fn open_a_file() {}",
]
REFERENCES = ["Opens it", "Sends it", "Opens it", "Sends mail", "Opens a file"]
SPLITS = ["train", "train", "train", "test", "test"]


def test_frequent_copied_and_nearest_texts() -> None:
    frame = examples(SPLITS, source=SOURCES, reference=REFERENCES, copied=["", "", "", "send mail", "open a file"])
    frame["language"] = ["python"] * 3 + ["go", "rust"]
    out = baseline_predictions(frame, "describe", BaselineSettings("generation", source_language="python"))
    assert predicted(out, "frequent") == ["Opens it", "Opens it"]
    assert predicted(out, "copy") == ["send mail", "open a file"]
    # `send` occurs in one train source and `mail` in two; `open` and `file` in one.
    assert predicted(out, "nearest") == ["Sends it", "Opens it"]
    assert predicted(out, "reference") == REFERENCES[3:]
    assert set(out["arm"]) == {f"baseline:{name}" for name in ("frequent", "copy", "nearest", "reference")}
    for _, rows in out.groupby("arm"):
        assert rows["gold"].tolist() == REFERENCES[3:] and rows["source"].tolist() == SOURCES[3:]
        assert rows["output_language"].tolist() == ["english"] * 2 and rows["language"].tolist() == ["go", "rust"]
        assert rows["id"].tolist() == ["3", "4"] and rows["score"].tolist() == [0.0, 0.0]
    assert out["found_language"].isin(["english", "german", "spanish", "russian", "chinese", ""]).all()  # a few words


def test_references_of_the_source_language_show_what_the_measure_misses() -> None:
    """Python's `return a` is right in Go too, its `if a:` is not. Its own rows have none, nor do texts in English."""
    body = "func f(a int) int {\n[MASK]\n}"
    frame = examples(
        ["train", "test", "test", "test", "test", "test"],
        source=["[MASK]"] * 3 + [body] * 3,
        reference=["a = 1", "return a", "if a:", "return a + 1", "return 2", "return 3"],
        language=["python"] * 3 + ["go"] * 3,
        output_language=["python"] * 3 + ["go"] * 3,
    )
    out = baseline_predictions(frame, "complete", BaselineSettings("generation", source_language="python"))
    probe = out[out["arm"] == "baseline:source-reference"]
    assert probe["id"].tolist() == ["3", "4", "5"] and probe["gold"].tolist() == [
        "return a + 1",
        "return 2",
        "return 3",
    ]
    assert probe["prediction"].tolist() == ["return a", "if a:", "return a"]
    assert probe["found_language"].tolist() == ["go", "python", "go"]
    described = baseline_predictions(
        frame.assign(output_language="english"), "describe", BaselineSettings("generation", source_language="python")
    )
    assert "baseline:source-reference" not in set(described["arm"])


def test_references_have_scores_and_compete_with_none(tmp_path: Path) -> None:
    frame = examples(SPLITS, source=SOURCES, reference=REFERENCES, copied=[""] * 5)
    baseline_predictions(frame, "t", BaselineSettings("generation")).to_parquet(tmp_path / "t.parquet")
    settings = ScoreSettings({"t": ScoredTarget("code_exact_match")}, "last")
    values = scoring.score([str(tmp_path / "t.parquet")], settings, tmp_path / "sums.parquet")
    chosen = values[(values["arm"] == "baseline:reference") & (values["metric"] == "code_exact_match")]
    assert chosen["value"].tolist() == [1.0]
    with_sums = set(pd.read_parquet(tmp_path / "sums.parquet", columns=["arm"])["arm"])
    assert with_sums == {"baseline:frequent", "baseline:copy", "baseline:nearest"}


def test_without_a_copied_span_the_first_sentence_is_copied() -> None:
    sources = ["a", "One sentence. Another one.", "No stop"]
    frame = examples(["train", "test", "test"], source=sources, reference=["x", "y", "z"])
    out = baseline_predictions(frame, "t", BaselineSettings("generation"))
    assert predicted(out, "copy") == ["One sentence.", "No stop"]


def test_an_input_that_shares_no_word_gets_the_first_train_text() -> None:
    frame = examples(["train", "train", "test"], source=["a b", "c d", "!"], reference=["x", "y", "z"])
    assert predicted(baseline_predictions(frame, "t", BaselineSettings("generation")), "nearest") == ["x"]


@pytest.mark.parametrize(
    ("texts", "text"),
    [
        (["b", "a", "b"], "b"),
        # Words weigh `returns` 1 / sqrt 2 + 1 / sqrt 2 + 1 / sqrt 3 = 1.992, `file` .707 + .577 = 1.284, `name` .707,
        # `the` .577; the cosines are 1.908, 2.317, 2.225, in the order of the texts.
        (["returns name", "returns file", "returns the file"], "returns file"),
        (["b", "a"], "a"),  # equally usual
        (["", "a"], "a"),
        ([""], ""),
        (["+=", "="], "+="),  # texts without words
    ],
)
def test_the_most_usual_text(texts: list[str], text: str) -> None:
    assert usual_text(texts) == text


def test_an_empty_train_split_is_an_error() -> None:
    with pytest.raises(CodeStiltsError, match="train split is empty"):
        baseline_predictions(examples(["test"], source=["a"], reference=["b"]), "t", BaselineSettings("generation"))
