"""Tasks made of a user's own rows, by a task file alone."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from task_builds import build

from codestilts.errors import CodeStiltsError

ROWS = "codestilts.examples.readers.hub_tables:rows"
SPLITS = ("train", "dev", "test")
PAIR = {"text_a": "a", "text_b": "b", "label": "label"}


def built(folder: Path, files: dict[str, str], task: dict[str, Any], **settings: Any) -> pd.DataFrame:
    """The examples of a task whose rows are in ``files``."""
    with zipfile.ZipFile(folder / "mine.zip", "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    file = folder / "own.yaml"
    usual = {"builder": ROWS, "metric": "accuracy", "description": "", "licence": "", "languages": ["english"]}
    file.write_text(yaml.safe_dump(usual | task))
    return build(file, {"mine": folder / "mine.zip"}, **{"source_language": "english"} | settings)[0]


def lines(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def by_language(folder: Path, languages: list[str], **settings: Any) -> pd.DataFrame:
    """A target whose rows name their language: two in each language and split."""
    rows = [{"a": f"{name} {i}", "b": "b", "label": str(i), "lang": name} for name in languages for i in range(2)]
    task = {
        "type": "classification", "languages": ["go", "python"], "labels": ["0", "1"], "fields": PAIR,
        "group": "classification",
        "read": [{"source": "mine", "files": f"{split}.jsonl", "by": "lang", "as": split} for split in SPLITS],
    }  # fmt: skip
    return built(folder, {f"{split}.jsonl": lines(rows) for split in SPLITS}, task, **settings)


def languages_of(frame: pd.DataFrame, split: str) -> set[str]:
    return set(frame.loc[frame["split"] == split, "language"])


@pytest.mark.parametrize("source", ["python", "go"])
def test_a_target_is_trained_in_its_source_language_only(tmp_path: Path, source: str) -> None:
    """Rows in another language would make its test rows in that language no longer zero-shot."""
    frame = by_language(tmp_path, ["go", "python"], role="target", source_language=source)
    assert languages_of(frame, "train") == {source}
    assert languages_of(frame, "test") == languages_of(frame, "dev") == {"go", "python"}
    assert frame.attrs["dropped"] == {f"a train row that is not in the source language {source}": 2}


def test_an_intermediate_task_is_trained_in_all_its_languages(tmp_path: Path) -> None:
    frame = by_language(tmp_path, ["go", "python"], role="intermediate", source_language="python")
    assert languages_of(frame, "train") == {"go", "python"}


def test_a_target_without_train_rows_in_its_source_language_says_which_it_has(tmp_path: Path) -> None:
    with pytest.raises(
        CodeStiltsError, match=r"task own: its train rows are in go, none in the source language python"
    ):
        by_language(tmp_path, ["go"], role="target", source_language="python")


CHOICE: dict[str, Any] = {
    "type": "multiple_choice",
    "fields": {"context": "q", "choices": ["c0", "c1"], "label": "answer"},
    "read": [{"source": "mine", "files": "rows.csv", "as": split} for split in ("train", "dev")],
}
SPAN: dict[str, Any] = {
    "type": "span_qa", "metric": "f1",
    "fields": {"question": "q", "context": "c", "answer_start": "start", "answer_text": "text"},
    "read": [{"source": "mine", "files": "rows.csv", "as": split} for split in ("train", "dev")],
}  # fmt: skip


def test_places_in_a_csv_file_are_numbers(tmp_path: Path) -> None:
    choices = built(tmp_path, {"rows.csv": "q,c0,c1,answer\nwhich,x,y,1\nwho,x,y,0\n"}, CHOICE)
    assert sorted(choices["label"]) == [0, 0, 1, 1]
    spans = built(tmp_path, {"rows.csv": "q,c,start,text\nwhich,a red one,2,red\n"}, SPAN)
    assert spans["answer_start"].tolist() == [2, 2]


@pytest.mark.parametrize(
    ("task", "table", "words"),
    [
        (CHOICE, "q,c0,c1,answer\nwhich,x,y,c1\n", "label is 'c1', not a whole number"),
        (CHOICE, "q,c0,c1,answer\nwhich,x,y,1.5\n", "label is '1.5', not a whole number"),
        (CHOICE, "q,c0,c1,answer\nwhich,x,y,2\n", "its fields don't fit each other"),
        (SPAN, "q,c,start,text\nwhich,a red one,two,red\n", "answer_start is 'two', not a whole number"),
        (SPAN, "q,c,start,text\nwhich,a red one,3,red\n", "its fields don't fit each other"),
        (CHOICE | {"fields": CHOICE["fields"] | {"choices": "c0"}}, "q,c0,answer\nw,x,0\n", "choices is 'x', not a"),
    ],
)  # fmt: skip
def test_a_value_of_another_kind_is_one_line(tmp_path: Path, task: dict[str, Any], table: str, words: str) -> None:
    with pytest.raises(CodeStiltsError) as caught:
        built(tmp_path, {"rows.csv": table}, task)
    assert words in str(caught.value) and "task own, example mine" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_whole_float_is_a_place_and_a_truth_value_is_none(tmp_path: Path) -> None:
    """JSON has no integers of its own: other programs write 1.0."""
    task = CHOICE | {"read": [entry | {"files": "rows.jsonl"} for entry in CHOICE["read"]]}
    row = {"q": "which", "c0": "x", "c1": "y"}
    assert set(built(tmp_path, {"rows.jsonl": lines([row | {"answer": 1.0}])}, task)["label"]) == {1}
    with pytest.raises(CodeStiltsError, match="label is True, not a whole number"):
        built(tmp_path, {"rows.jsonl": lines([row | {"answer": True}])}, task)
