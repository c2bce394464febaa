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


TAGS: dict[str, Any] = {
    "type": "tagging", "metric": "accuracy", "fields": {"tokens": "w", "tags": "t"},
    "read": [{"source": "mine", "files": "rows.jsonl", "as": split} for split in ("train", "dev")],
}  # fmt: skip
TEXTS: dict[str, Any] = TAGS | {"type": "classification", "fields": {"text_a": "a", "label": "l"}, "labels": ["0", "1"]}
WRITTEN = TAGS | {
    "type": "generation", "metric": "rouge_l", "fields": {"source": "a", "reference": "l", "output_language": "o"},
}  # fmt: skip
MANY = WRITTEN | {"fields": WRITTEN["fields"] | {"answers": "all"}}
ANSWERED = SPAN | {"read": TAGS["read"], "fields": SPAN["fields"] | {"answers": "text"}}
MLM: dict[str, Any] = TAGS | {"type": "mlm", "fields": {"text": "a"}}


@pytest.mark.parametrize(
    ("task", "row", "words"),
    [
        (TAGS, {"w": ["a", "b"], "t": [0, 1]}, "tags is [0, 1], not a list of texts"),
        (TAGS, {"w": ["a"], "t": [["x"]]}, "tags is [['x']], not a list of texts"),
        (TAGS, {"w": [], "t": []}, "no words in tokens"),
        (TEXTS, {"a": " ", "l": "0"}, "no words in text_a and text_b"),
        (MLM, {"a": ""}, "no words in text"),
        (TAGS, {"w": ["a"], "t": [1]}, "name its values in the task file, tags: {column: ..., names: [...]}"),
        (TEXTS, {"a": "x", "l": 1}, "label 1 is a number, not text: name its values in the task file, label: {column"),
        (
            TEXTS,
            {"a": "x", "l": True},
            "label True is bool, not text: name its values in the task file, label: {column: "
            '..., names: {"True": ..., "False": ...}}',
        ),
        (TEXTS, {"a": "x", "l": ["0"]}, "label ['0'] is list, not text: map another column"),
        (TEXTS | {"options": {"multi": True}}, {"a": "x", "l": 1}, "label 1 is a number, not text"),
        (MANY, {"a": "x", "l": "y", "o": "english", "all": []}, "no words in answers"),
        (MANY, {"a": "x", "l": "y", "o": "english", "all": ["", " "]}, "no words in answers"),
        (WRITTEN, {"a": "x", "l": "y", "o": ["english"]}, "output_language is ['english'], not text"),
        (ANSWERED, {"q": "who", "c": "a", "start": 0, "text": "a"}, "answers is 'a', not a list of texts"),
        (TEXTS, {"a": "", "l": "0"}, "correct or remove this row"),
        (TEXTS, {"a": "x", "l": "2"}, "label '2' is not declared: use 0, 1"),
    ],
)
def test_a_row_from_which_nothing_can_be_learnt_is_one_line(
    tmp_path: Path, task: dict[str, Any], row: dict[str, Any], words: str
) -> None:
    with pytest.raises(CodeStiltsError) as caught:
        built(tmp_path, {"rows.jsonl": lines([row, row])}, task)
    assert words in str(caught.value) and "task own, example mine" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_answer_before_the_text_is_none(tmp_path: Path) -> None:
    """Python would count a negative place from the end."""
    task = SPAN | {"read": [entry | {"files": "rows.jsonl"} for entry in SPAN["read"]]}
    row = {"q": "which", "c": "one two three", "start": -9, "text": "two"}
    with pytest.raises(CodeStiltsError, match="its fields don't fit each other"):
        built(tmp_path, {"rows.jsonl": lines([row])}, task)


def test_single_texts_are_classified_without_a_builder_of_their_own(tmp_path: Path) -> None:
    frame = built(tmp_path, {"rows.jsonl": lines([{"a": "x", "l": "0"}, {"a": "y", "l": "1"}])}, TEXTS)
    assert set(frame["text_a"]) == {"x", "y"} and set(frame["text_b"]) == {""}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"read": [TEXTS["read"][0]]}, "split dev is empty: add an entry of read with as: dev"),
        (
            {"read": [TEXTS["read"][0], TEXTS["read"][1] | {"where": {"l": "9"}}]},
            "split dev is empty: no row of read.1 is left: check its files, languages, by, where",
        ),
        ({"read": [entry | {"languages": ["klingon"]} for entry in TEXTS["read"]]}, "no entry of read is for english"),
        ({"fields": TEXTS["fields"] | {"package": "p"}}, "field package has lists, not single values"),
        ({"fields": TEXTS["fields"] | {"unit": {"number": 1, "within": "p"}}}, "column p has lists"),
        ({"fields": {"label": "l"}}, "made no column 'text_a': map it under fields"),
    ],
)
def test_what_is_missing_is_named_by_its_key(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    rows = [{"a": "x", "l": "0", "p": ["q"]}, {"a": "y", "l": "1", "p": ["q"]}]
    with pytest.raises(CodeStiltsError) as caught:
        built(tmp_path, {"rows.jsonl": lines(rows)}, TEXTS | change)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_rows_in_no_language_of_the_task_are_counted(tmp_path: Path) -> None:
    rows = [{"a": f"{name} {i}", "l": str(i % 2), "lang": name} for name in ("go", "GO", None) for i in range(2)]
    read = [entry | {"by": "lang"} for entry in TEXTS["read"]]
    frame = built(tmp_path, {"rows.jsonl": lines(rows)}, TEXTS | {"languages": ["go"], "read": read})
    reasons = {
        reason: count for reason, count in frame.attrs["dropped"].items() if "no language that is read" in reason
    }
    assert sum(reasons.values()) == 8 and set(frame["language"]) == {"go"}


def test_a_whole_float_is_a_place_and_a_truth_value_is_none(tmp_path: Path) -> None:
    """JSON has no integers of its own: other programs write 1.0."""
    task = CHOICE | {"read": [entry | {"files": "rows.jsonl"} for entry in CHOICE["read"]]}
    row = {"q": "which", "c0": "x", "c1": "y"}
    assert set(built(tmp_path, {"rows.jsonl": lines([row | {"answer": 1.0}])}, task)["label"]) == {1}
    with pytest.raises(CodeStiltsError, match="label is True, not a whole number"):
        built(tmp_path, {"rows.jsonl": lines([row | {"answer": True}])}, task)
