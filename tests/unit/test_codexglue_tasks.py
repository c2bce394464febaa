"""The tasks made of CodeXGLUE's sets: from tiny tables in the sets' schemas, and from a hub on loopback."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from task_builds import build

from codestilts.config.schema_errors import schema_errors
from codestilts.config.schema_task import TaskFile
from codestilts.errors import CodeStiltsError

ROOT = Path(__file__).parents[2]
SIZES = {"role": "intermediate", "source_language": "english", "train": 40, "dev": 12}
LANGUAGES = ["go", "java", "javascript", "php", "python", "ruby"]
TASKS = [
    "devign",
    "refinement",
    "java-csharp",
    "code-to-text",
    "advtest",
    "bigclonebench",
    "poj104",
    "concode",
    "cosqa",
]
TASKS += ["cosqa-search", "cloze-csn", "translation-pairs-code"]
TASKS += ["code-to-text-generated", "refinement-generated", "java-csharp-generated"]
NOUNS = ["apple", "basket", "cherry", "damson", "elder", "fig", "grape", "hazel", "iris", "juniper"]
Rows = list[dict[str, Any]]


def task(name: str) -> Path:
    return next((ROOT / "tasks").glob(f"*/{name}.yaml"))


def sources(name: str) -> list[str]:
    return sorted({entry["source"] for entry in yaml.safe_load(task(name).read_text())["read"]})


def archive(folder: Path, name: str, tables: dict[str, Rows]) -> Path:
    path = folder / f"{name}.zip"
    with zipfile.ZipFile(path, "w") as file:
        for member, rows in tables.items():
            file.writestr(f"{member}-00000-of-00001.parquet", pd.DataFrame(rows).to_parquet())
    return path


def split(rows: Rows, at: int = 7) -> dict[str, Rows]:
    """Rows of train and of dev, each numbered from 0 as on the hub."""
    parts = {"train": rows[:at], "validation": rows[at:]}
    return {name: [{"id": number} | row for number, row in enumerate(part)] for name, part in parts.items()}


def function(noun: str, language: str) -> dict[str, Any]:
    tokens = ["def", f"{language}_{noun}", "(", "max", ")", ":", "return", "max", "+", "'len'", "+", "count", "\n"]
    words = ["The", language, noun, "of", "all", "."]
    return {"repo": f"{noun}/x", "code": " ".join(tokens), "code_tokens": tokens, "docstring_tokens": words, "url": ""}


def documented(language: str) -> dict[str, Rows]:
    return split([function(noun, language) for noun in NOUNS])


def fix(noun: str) -> dict[str, str]:
    return {"buggy": f"void {noun} ( ) {{ return ; }} \n", "fixed": f"int {noun} ( ) {{ return 1 ; }} \n"}


def method(noun: str) -> dict[str, str]:
    name = noun.capitalize()
    return {"java": f"public int get{name}() {{return {noun};}}\n", "cs": f"public int Get{name}(){{return {noun};}}\n"}


def programs() -> dict[str, Rows]:
    """Three programs a problem; problem 3 is in train and validation, 5 in validation and test."""
    problems = {"train": [1, 2, 3], "validation": [3, 4, 5, 6], "test": [5, 7, 8]}
    return {
        f"data/{name}": [
            {"id": 10 * number + copy, "code": f"int main()\n{{ return {number} + {copy}; }}", "label": str(number)}
            for number in numbers
            for copy in range(3)
        ]
        for name, numbers in problems.items()
    }


def answered() -> dict[str, Rows]:
    """Queries 0 to 39 with a function, every other one right; one function answers several."""
    place = range(40)
    pairs = [{"query-id": f"q{n}", "corpus-id": f"d{n % 9}", "score": n % 2} for n in place]
    return {
        "data/train": pairs[:30],
        "data/valid": [pair | {"score": 1} for pair in pairs[30:]],
        "queries/queries": [{"_id": f"q{n}", "text": f"python how to {NOUNS[n % 10]} {n}"} for n in place],
        "corpus/corpus": [{"_id": f"d{n}", "text": f"def f():\n    return {n % 8}"} for n in range(9)],
    }


def tables(source: str) -> dict[str, Rows]:
    match source:
        case "devign":
            rows = [
                {
                    "func": f"int {noun}(int a)\n\n{{ return a; }}",
                    "target": n % 2 == 0,
                    "project": "x",
                    "commit_id": f"c{n // 2}",
                }
                for n, noun in enumerate(NOUNS)
            ]
        case "bigclonebench":
            rows = [
                {"id1": n, "id2": m, "func1": f"int {a}() {{}}", "func2": f"int {b}() {{}}", "label": n % 2 == m % 2}
                for n, a in enumerate(NOUNS)
                for m, b in enumerate(NOUNS)
            ]
            return {f"data/{name}": part for name, part in split(rows, 60).items()}
        case "code-refinement":
            parts = split([fix(noun) for noun in NOUNS])
            return {f"{size}/{name}": part for size in ("small", "medium") for name, part in parts.items()}
        case "code-trans":
            rows = [method(noun) for noun in NOUNS]
        case "concode":
            rows = [
                {"nl": f"get the {noun} . concode_field_sep int x concode_elem_sep int y", "code": f"int {noun} ( )"}
                for noun in NOUNS
            ]
        case "code-to-text":
            return {f"{name}/{part}": rows for name in LANGUAGES for part, rows in documented(name).items()}
        case "advtest":
            return {f"data/{part}": rows for part, rows in documented("python").items()}
        case "poj104":
            return programs()
        case "cosqa":
            return answered()
    return {f"data/{name}": part for name, part in split(rows).items()}


def made(name: str, folder: Path, changed: dict[str, Rows] | None = None, **settings: Any) -> pd.DataFrame:
    """The task's examples out of its set's table, of which some members are changed."""
    files = {source: archive(folder, source, tables(source) | (changed or {})) for source in sources(name)}
    return build(task(name), files, **SIZES | settings)[0]


def two(frame: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    return frame[frame["split"] == "train"], frame[frame["split"] == "dev"]


@pytest.mark.parametrize("name", TASKS)
def test_every_task_is_valid_and_builds(name: str, tmp_path: Path) -> None:
    spec = yaml.safe_load(task(name).read_text())
    assert schema_errors(TaskFile, spec) == []
    assert spec["citation"] and spec["defects"]
    frame = made(name, tmp_path, tolerance=9.0)  # few rows, few words: no other partner is near
    assert set(frame["language"]) <= set(spec["languages"])
    train, dev = two(frame)
    if name not in ("devign", "cosqa-search"):  # split by function; one function answers many queries
        assert not set(train["cluster"]) & set(dev["cluster"])
    assert made(name, tmp_path, tolerance=9.0).equals(frame)


def test_white_space_is_folded_and_functions_of_a_commit_are_a_cluster(tmp_path: Path) -> None:
    frame = made("devign", tmp_path)
    assert "int apple(int a) { return a; }" in set(frame["text_a"]) and (frame["text_b"] == "").all()
    assert frame.loc[frame["text_a"].str.contains("apple"), "label"].tolist() == ["buggy"]
    assert frame["cluster"].nunique() == 5


def test_a_share_of_the_clone_pairs(tmp_path: Path) -> None:
    everything, some = (made("bigclonebench", tmp_path, train=None, dev=None, share=share) for share in (1.0, 0.3))
    assert len(everything) == 100 and 15 < len(some) < 45
    assert set(some["id"]) < set(everything["id"])
    assert set(everything["label"]) == {"0", "1"}


def test_both_sides_of_a_fix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second, third = (fix(noun) for noun in NOUNS[:3])
    rows = [
        first,
        second | {"fixed": "unsure ( )"},
        third | {"buggy": "unsure ( )"},  # fixed in one row, buggy in another
        fix("juniper"),  # dev has it
    ]
    empty = {"medium/train": [{"id": 0} | fix("kiwi")], "medium/validation": [{"id": 0} | fix("lime")]}
    frame = made("refinement", tmp_path, {"small/train": [{"id": n} | row for n, row in enumerate(rows)], **empty})
    train, _ = two(frame)
    said = dict(zip(train["text_a"], train["label"], strict=True))
    assert said["void apple ( ) { return ; }"] == "buggy" and said["int apple ( ) { return 1 ; }"] == "fixed"
    assert "unsure ( )" not in said and not any("juniper" in text for text in said)
    assert train.loc[train["text_a"].str.contains("apple"), "cluster"].nunique() == 1
    assert "refinement: 2 of " in capsys.readouterr().out


def test_the_published_form_generates_the_other_side(tmp_path: Path) -> None:
    frame = made("code-to-text-generated", tmp_path, train=None)
    row = frame[frame["reference"] == "The ruby fig of all ."].iloc[0]
    assert row["source"] == "def ruby_fig ( max ) : return max + 'len' + count"
    assert (row["language"], row["output_language"], row["package"]) == ("ruby", "english", "fig/x")
    fixed = made("refinement-generated", tmp_path)
    assert set(fixed["output_language"]) == {"java"}
    pair = fixed[fixed["source"] == "void apple ( ) { return ; }"].iloc[0]
    assert pair["reference"] == "int apple ( ) { return 1 ; }"
    translated = made("java-csharp-generated", tmp_path)
    assert set(translated["language"]) == {"java"} and set(translated["output_language"]) == {"csharp"}
    retrieved = made("java-csharp", tmp_path)
    pairs = set(zip(translated["source"], translated["reference"], strict=True))
    assert pairs == set(zip(retrieved["query"], retrieved["document"], strict=True))


def test_an_empty_side_and_a_source_of_dev_are_counted(tmp_path: Path) -> None:
    pairs = [("int a;", " "), (" ", "int b;"), ("int c;", "int d;"), ("int e;", "\u200b"), ("\ufeff \u3164", "int f;")]
    rows = [{"id": n, "java": java, "cs": cs} for n, (java, cs) in enumerate(pairs)] + [{"id": 5} | method("juniper")]
    frame = made("java-csharp-generated", tmp_path, {"data/train": rows})
    assert two(frame)[0]["reference"].tolist() == ["int d;"]
    reasons = ["its source is empty", "its reference is empty", "a later split has the same source"]
    assert frame.attrs["dropped"] == dict(zip(reasons, (2, 2, 1), strict=True))


def test_a_query_stands_once_and_ends_before_the_class(tmp_path: Path) -> None:
    rows = [{"id": n, "nl": f"{noun} it . concode_field_sep int x", "code": f"f{n}"} for n, noun in enumerate("aAbc")]
    rows += [{"id": 4, "nl": "dev has it", "code": "int hazel ( )"}, {"id": 5, "nl": "empty", "code": ""}]
    rows += [{"id": 6, "nl": "\u200b", "code": "f6"}, {"id": 7, "nl": "blank", "code": "\ufeff"}]
    train, _ = two(made("concode", tmp_path, {"data/train": rows}))
    assert sorted(train["query"].str.lower()) == ["a it .", "b it .", "c it ."]


def test_one_document_is_one_cluster(tmp_path: Path) -> None:
    rows = [{"id": n, "java": f"int a{n};", "cs": f"int b{n // 2};"} for n in range(4)]
    train, _ = two(made("java-csharp", tmp_path, {"data/train": rows}))
    assert len(train) == 4 and train["cluster"].nunique() == 2
    assert set(train["language"]) == {"csharp"}


def test_tokens_are_joined_and_repositories_take_turns(tmp_path: Path) -> None:
    frame = made("code-to-text", tmp_path, train=None)
    row = frame[frame["query"] == "The ruby fig of all ."].iloc[0]
    assert row["document"] == "def ruby_fig ( max ) : return max + 'len' + count"
    assert row["language"] == "ruby" and row["package"] == "fig/x"


def test_programs_of_a_problem(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = made("poj104", tmp_path, test=9)
    problems = frame.groupby("split")["cluster"].agg(set)
    assert problems["train"] == {"poj104:1", "poj104:2"}
    assert problems["dev"] == {"poj104:3", "poj104:4", "poj104:6"}
    assert "6 of 30 rows dropped: a later split has the same cluster" in capsys.readouterr().out
    train, dev = two(frame)
    assert (train["query"] != train["document"]).all() and (dev["document"] == "").all()
    assert all(a.split()[4] == b.split()[4] for a, b in zip(train["query"], train["document"], strict=True))
    few = made("poj104", tmp_path, dev=4, test=4)
    assert (few[few["split"] == "dev"].groupby("cluster").size() == 2).all()


def test_a_tenth_of_the_web_queries_is_held_out(tmp_path: Path) -> None:
    frame = made("cosqa", tmp_path)
    assert len(frame) == 30 and set(frame["split"]) == {"train", "dev"}
    row = frame[frame["text_a"] == "python how to damson 3"].iloc[0]
    assert row["text_b"] == "def f():\n    return 3" and row["label"] == "match"


def test_web_search_has_right_answers_only(tmp_path: Path) -> None:
    train, dev = two(made("cosqa-search", tmp_path))
    assert len(train) == 15 and len(dev) == 10
    assert train.groupby("document")["cluster"].nunique().max() == 1


def test_a_pair_without_its_text_is_named(tmp_path: Path) -> None:
    with pytest.raises(CodeStiltsError, match=r"task cosqa, cosqa\.zip: config corpus has no text of d"):
        made("cosqa", tmp_path, {"corpus/corpus": [{"_id": "d1", "text": "x"}]})


def test_one_word_is_masked(tmp_path: Path) -> None:
    frame = made("cloze-csn", tmp_path, train=None, code_tokens=6)
    assert set(frame["label"]) == {"max", "count"}  # 'len' is a string
    for text, label in zip(frame["text_b"], frame["label"], strict=True):
        assert text.split().count("[MASK]") == 1 and len(text.split()) <= 6
        assert label in ("max", "count")
    assert frame["text_a"].str.endswith("of all .").all()


def test_other_masks_are_no_masks(tmp_path: Path) -> None:
    row = function("fig", "go") | {"code_tokens": ["<mask>", "x" * 99, "max"], "docstring_tokens": ["a", "[MASK]"]}
    frame = made("cloze-csn", tmp_path, {"go/train": [{"id": 0} | row]})
    [found] = frame[(frame["language"] == "go") & (frame["split"] == "train")].to_dict("records")
    assert found["text_b"] == f"mask {'x' * 40} [MASK]" and found["text_a"] == "a mask"


def test_no_word_to_mask_is_an_error(tmp_path: Path) -> None:
    none = [{"id": 0} | function("fig", "go") | {"code_tokens": ["x"]}]
    changed = {f"{name}/{part}": none for name in LANGUAGES for part in ("train", "validation")}
    with pytest.raises(CodeStiltsError, match="task cloze-csn: no function has one of its labels"):
        made("cloze-csn", tmp_path, changed)


def test_half_of_the_translations_are_wrong(tmp_path: Path) -> None:
    train, _ = two(made("translation-pairs-code", tmp_path, tolerance=9.0))
    assert len(train) == 14 and (train.groupby("text_a")["label"].nunique() == 2).all()
    for java, csharp, label in zip(train["text_a"], train["text_b"], train["label"], strict=True):
        assert (java.replace("get", "Get").replace("() ", "()") == csharp) == (label == "same")


@pytest.mark.parametrize("control", ["mlm-codexglue", "synthetic-paper"])
def test_controls_read_what_the_tasks_show(control: str, tmp_path: Path) -> None:
    spec = yaml.safe_load(task(control).read_text())
    assert schema_errors(TaskFile, spec) == []
    files = {}
    for name in set(spec["examples_of"]) & set(TASKS):
        files[name] = tmp_path / f"{name}.parquet"
        made(name, tmp_path).to_parquet(files[name])
    english = made("cosqa", tmp_path).assign(language="english", text_b="a sentence of some more words")
    english.to_parquet(tmp_path / "mnli.parquet")
    frame, _ = build(task(control), files | {"mnli": tmp_path / "mnli.parquet"}, **SIZES)
    assert set(frame["language"]) == {"english", "c", "cpp", "csharp", *LANGUAGES}
    assert not frame["id"].str.contains("#buggy").any()


@pytest.mark.parametrize("name", TASKS)
def test_every_task_builds_from_the_hub(name: str, fetched: Callable[[str], Path]) -> None:
    files = [fetched(source) for source in sources(name)]
    frame, notes = build(task(name), {file.stem: file for file in files}, **SIZES | {"rehearsal": 2000})
    train, dev = two(frame)
    assert 30 <= len(train) <= 40 and 8 <= len(dev) <= 12 and notes == []
    assert json.loads(frame.to_json(orient="records"))
