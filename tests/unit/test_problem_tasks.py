"""The tasks made of programs that solve one problem in many languages: from tiny tables, and from a hub on loopback."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from problem_tables import HEADS, NOUNS, TAGS, archive, humaneval, solution, sources, spec, tables, task
from task_builds import build, inputs_of, make_settings

from codestilts.config.schema_errors import schema_errors
from codestilts.config.schema_task import TaskFile
from codestilts.errors import CodeStiltsError
from codestilts.examples.build import load_builder
from codestilts.examples.builders.bugs import _parse_function
from codestilts.examples.builders.mutations import KINDS, edits_of
from codestilts.examples.builders.program_text import anonymize_program
from codestilts.examples.parsing.languages import parser

SIZES = {"role": "target", "source_language": "python", "train": 60, "dev": 12, "test": 30}
TASKS = ["bugs", "nl-code", "nl-code-untrained", "output", "rosetta", "solutions", "solutions-humaneval"]
TASKS += ["solutions-mining", "topics"]
ON_LOOPBACK = ["bugs", "nl-code", "nl-code-untrained", "solutions-humaneval"]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("archives")
    return {name: archive(folder, name, tables(name)) for task in TASKS for name in sources(task)}


def made(name: str, inputs: dict[str, Path], **settings: Any) -> pd.DataFrame:
    if spec(name).get("options", {}).get("multi"):
        declared = {key: spec(name)[key] for key in ("languages", "labels", "read", "fields", "codes")}
        asked = make_settings(**{"task": name} | declared | spec(name)["build"] | SIZES | settings)
        return load_builder(name, spec(name)["builder"])(inputs_of(inputs), asked)
    return build(task(name), inputs, **{**SIZES, **settings})[0]


@pytest.mark.parametrize("name", TASKS)
def test_every_task_builds_the_same_twice(name: str, inputs: dict[str, Path]) -> None:
    assert schema_errors(TaskFile, spec(name)) == []
    frame = made(name, inputs)
    assert frame.equals(made(name, inputs))
    assert set(frame.loc[frame["split"] == "train", "language"]) <= {"python"}
    assert set(frame.loc[frame["split"] == "test", "language"]) == set(spec(name)["languages"])
    assert frame.groupby("cluster")["split"].nunique().max() == 1


def test_bugs_parse_and_both_versions_of_a_test_program_are_there(inputs: dict[str, Path]) -> None:
    frame = made("bugs", inputs)
    train, test = frame[frame["split"] == "train"], frame[frame["split"] == "test"]
    assert set(train["label"]) == {"buggy", "correct"}
    assert set(train["kind"]) <= set(spec("bugs")["build"]["kinds"]) <= set(KINDS)
    assert not train["id"].duplicated().any()
    for row in train.to_dict("records"):
        assert '"""' not in row["text_a"]
        assert not parser("python").parse(row["text_a"].encode()).root_node.has_error
    assert (test.groupby(["language", "cluster"])["label"].agg(set) == {"buggy", "correct"}).all()
    assert test["cluster"].nunique() == 12
    assert not test["text_a"].str.contains("Says it|import|include|class Sol").any()
    assert test["text_a"].str.contains("[Tt]he_?[A-Za-z]").all()


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("value misuse", "    return max(abs(a), b + 1, True)"),
        ("value misuse", "    return max(abs(a), b + 2, False)"),
        ("missing logic", "    return max(a, b + 2, True)"),
        ("missing logic", "    return max(abs(a), b, True)"),
        ("missing logic", "GONE"),
        ("excess logic", "    return max(abs(a + 1), b + 2, True)"),
        ("excess logic", "    if not a:"),
        ("function misuse", "    return min(abs(a), b + 2, True)"),
    ],
)
def test_bugs_of_the_kinds_of_humanevalpack(kind: str, line: str) -> None:
    code = "def get(a, b):\n    if a:\n        pass\n    b += a\n    return max(abs(a), b + 2, True)"
    function = _parse_function(code, "python", make_settings(task="bugs", code_tokens=99), Counter())
    assert function
    bugs = [edit.apply(code) for edit in edits_of(function, kind, 0, len(code))]
    assert any(line in bug.split("\n") or (line == "GONE" and "b += a" not in bug) for bug in bugs)


def test_a_language_without_test_programs_is_named(inputs: dict[str, Path], tmp_path: Path) -> None:
    some = {name: rows for name, rows in humaneval().items() if "rust" not in name}
    with pytest.raises(CodeStiltsError, match=r"bugs, humanevalpack.zip: no file data/rust/"):
        made("bugs", {**inputs, "humanevalpack": archive(tmp_path, "humanevalpack", some)})


def test_a_program_shows_no_comment_import_or_name_of_its_own() -> None:
    for language in HEADS:
        name, head, text = solution(language, 1)
        shown = anonymize_program(head + text, language)
        assert name not in shown
        assert "Says it" not in shown
        assert not {"import", "using", "use", "#include"} & set(shown.split())
        assert "a * 1" in shown or "$a * 1" in shown
    assert anonymize_program(
        "class TwoFer:\n    def two(x):\n        return twofer(x), two", "python", title="two-fer"
    ) == ("class f:\n    def f(x):\n        return f(x), f")
    assert anonymize_program("function g($a) { return $a; } // c", "php").startswith("<?php")


def test_solutions_are_searched_in_python(inputs: dict[str, Path]) -> None:
    frame = made("solutions", inputs, test=100)
    assert "python" not in set(frame["language"])
    assert not (frame["cluster"] == "mbxp:35").any()
    assert frame.loc[frame["cluster"] == "mbxp:3", "language"].nunique() == len(spec("solutions")["languages"]) - 1
    assert frame["document"].str.startswith("def f(a, b):").all()
    assert frame.groupby("cluster")["document"].nunique().max() == 1
    with pytest.raises(CodeStiltsError, match="option problem: x is not in 'MB0/0'"):
        made("solutions", inputs, problem="x")


def test_mining_hides_pairs_among_problems_with_one_side(inputs: dict[str, Path]) -> None:
    frame = made("solutions-mining", inputs, dev=100, test=100)
    assert set(frame["split"]) == {"dev", "test"}
    for _, group in frame.groupby(["split", "language"]):
        whole = (group["query"] != "") & (group["document"] != "")
        assert abs(whole.mean() - 0.5) < 0.17
        assert ((group["query"] != "") | (group["document"] != "")).all()
        assert not group["cluster"].duplicated().any()


@pytest.mark.parametrize("column", ["problem_id", "task"])
def test_a_set_of_ones_own_needs_a_task_file_only(tmp_path: Path, column: str) -> None:
    """Splits by problem, a column with the language, and one with the problem, whatever it is called."""
    parts = {"validation": range(6), "test": range(6, 12)}
    rows = {
        f"data/{part}-00000-of-00001.parquet": [
            {column: f"the-{NOUNS[number]}", "language": language, "code": "".join(solution(language, number)[1:])}
            for number in numbers
            for language in ("python", "go", "ruby")
        ]
        for part, numbers in parts.items()
    }
    entry = {"source": "mine", "by": "language"}
    file: dict[str, Any] = {
        "type": "retrieval",
        "description": "Mine.",
        "builder": "codestilts.examples.builders.problems:solution_search",
    }
    file |= {"languages": ["go", "ruby"], "metric": "accuracy_at_1", "licence": "MIT", "group": "retrieval"}
    file |= {"trained": False, "fields": {"problem": column, "code": "code"}}
    file |= {"read": [entry | {"split": "validation", "as": "dev"}, entry | {"as": "test"}]}
    assert schema_errors(TaskFile, file) == []
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(file))
    frame, _ = build(tmp_path / "mine.yaml", {"mine": archive(tmp_path, "mine", rows)}, **SIZES)
    assert frame.groupby(["split", "language"]).size().eq(6).all()
    assert not (frame["query"] + frame["document"]).str.contains("|".join(NOUNS), case=False).any()


def test_topics_of_declared_tags_in_problems_that_are_not_tested(inputs: dict[str, Path]) -> None:
    frame = made("topics", inputs, per_problem=4, train=100)
    train = frame[frame["split"] == "train"]
    assert set(train["cluster"]) == {f"xcodeeval:p{number}" for number in range(10) if number not in (5, 7)}
    assert train["cluster"].value_counts().eq(4).all()
    assert set("|".join(frame["label"]).split("|")) == set(TAGS) - {"*special"}
    assert frame["label"].map(lambda label: label.split("|") == sorted(label.split("|"))).all()
    assert set(made("topics", inputs, per_problem=2, train=100)["id"]) < set(frame["id"])


def test_outputs_of_one_type_that_are_not_shown(inputs: dict[str, Path]) -> None:
    frame = made("output", inputs, train=100, dev=100, test=100)
    numbers = frame["cluster"].str.rpartition(":")[2].astype(int)
    assert not set(numbers) & {0, 1, 2}
    for row, number in zip(frame.to_dict("records"), numbers, strict=True):
        assert len(set(row["choices"])) == 4
        assert row["choices"][row["label"]].endswith(f"{number * 37}'")
        assert row["context"].startswith(f"assert candidate({number}) == [MASK]\ndef f(x):")
    tested = frame[frame["split"] == "test"]
    assert tested.groupby("cluster")["label"].nunique().eq(1).all()


def test_documentation_without_the_name_of_its_function(inputs: dict[str, Path]) -> None:
    frame = made("nl-code", inputs, test=100)
    assert not frame["document"].str.contains("get_|comment").any()
    assert frame["document"].str.contains("def f (", regex=False).all()
    assert frame["query"].str.fullmatch(r"The \w+ \w+ no\. \d+ of \w+\.").all()
    assert set(frame.loc[frame["split"] == "dev", "language"]) == set(spec("nl-code")["languages"])
    untrained = made("nl-code-untrained", inputs, test=100)
    assert set(untrained["id"]) == set(frame.loc[frame["split"] == "test", "id"])


@pytest.mark.parametrize("name", ON_LOOPBACK)
def test_every_task_builds_from_the_hub(name: str, fetched: Callable[[str], Path]) -> None:
    inputs = {source: fetched(source) for source in sources(name)}
    frame = made(name, inputs, test=6)
    assert frame[frame["split"] == "test"].groupby("language").size().eq(6).all()
