"""The tasks made of programs that solve one problem in many languages: from tiny tables, and from a hub on loopback."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from codestilts.errors import CodeStiltsError
from codestilts.examples.build import build, load_builder
from codestilts.examples.languages import parser
from codestilts.examples.mutations import KINDS
from codestilts.examples.problems import bare
from codestilts.schema import TaskFile
from codestilts.validation import schema_errors

ROOT = Path(__file__).parents[2]
SERVER = ROOT.parent / "shared" / "hub" / "serve.py"
SIZES = {"role": "target", "source_language": "python", "train": 60, "dev": 12, "test": 30}
TASKS = ["bugs", "nl-code", "nl-code-untrained", "output", "rosetta", "solutions", "solutions-humaneval"]
TASKS += ["solutions-mining", "topics"]
ON_LOOPBACK = ["bugs", "nl-code", "nl-code-untrained", "solutions-humaneval"]
NOUNS = ["apple", "basket", "cherry", "damson", "elder", "fig", "grape", "hazel", "iris", "juniper", "kale", "lime"]
TAGS = ["dp", "greedy", "math", "trees", "*special"]
Rows = list[dict[str, Any]]

# A function in each language: its head, and the line of its body.
HEADS = {
    "python": 'def NAME(a, b):\n    """Says it. >>> 1"""',
    "javascript": "/* Says it. */\nconst NAME = (a, b) => {",
    "typescript": "// Says it.\nfunction NAME(a: number, b: number): number {",
    "java": "import java.util.*;\n\nclass Solution {\n    // Says it.\n    public int NAME(int a, int b) {",
    "csharp": "using System;\nclass Solution {\n    // Says it.\n    public int NAME(int a, int b) {",
    "php": "<?php\n// Says it.\nfunction NAME($a, $b) {",
    "ruby": "# Says it.\ndef NAME(a, b)",
    "kotlin": "// Says it.\nfun NAME(a: Int, b: Int): Int {",
    "cpp": "// Says it.\n#include<vector>\nint NAME(int a, int b) {",
    "go": "// Says it.\nfunc NAME(a int, b int) int {",
    "rust": "use std::fmt;\n// Says it.\nfn NAME(a: i32, b: i32) -> i32 {",
}
ENDS = {"python": "", "ruby": "\nend", "java": "\n}\n}", "csharp": "\n}\n}"}


def task(name: str) -> Path:
    return ROOT / "tasks" / "pl" / f"{name}.yaml"


def spec(name: str) -> dict[str, Any]:
    return dict(yaml.safe_load(task(name).read_text()))


def sources(name: str) -> list[str]:
    return sorted({entry["source"] for entry in spec(name)["read"]})


def archive(folder: Path, name: str, tables: dict[str, Rows]) -> Path:
    path = folder / f"{name}.zip"
    with zipfile.ZipFile(path, "w") as file:
        for member, rows in tables.items():
            text = "".join(json.dumps(row) + "\n" for row in rows)
            data = text if member.endswith(".jsonl") else pd.DataFrame(rows).to_parquet()
            file.writestr(member, data)
    return path


def body(language: str, number: int) -> str:
    kept = {"php": "$", "ruby": "", "python": ""}.get(language, "")
    text = f"return {kept}a * {number} + {kept}b" if number % 2 else f"return {kept}b - {kept}a / {number + 7}"
    return f"    {text}" + (";" if language not in ("python", "ruby", "go", "kotlin") else "")


def solution(language: str, number: int) -> tuple[str, str, str]:
    """The name of a function, its head and its body."""
    noun = NOUNS[number % len(NOUNS)]
    name = f"the_{noun}" if language in ("python", "ruby", "rust") else f"the{noun.capitalize()}"
    return name, HEADS[language].replace("NAME", name) + "\n", body(language, number) + ENDS.get(language, "\n}") + "\n"


def humaneval(count: int = 12) -> dict[str, Rows]:
    codes = {"python": "python", "javascript": "js", "java": "java", "go": "go", "cpp": "cpp", "rust": "rust"}
    tables: dict[str, Rows] = {}
    for language, code in codes.items():
        rows = []
        for number in range(count):
            name, head, correct = solution(language, number)
            row = {"task_id": f"{code.upper()}/{number}", "entry_point": name, "declaration": head}
            buggy = correct.replace("+", "*").replace("-", "+")
            rows.append(row | {"canonical_solution": correct, "buggy_solution": buggy, "bug_type": "operator misuse"})
        tables[f"data/{code}/data/humanevalpack.jsonl"] = rows
    return tables


def mbxp() -> dict[str, Rows]:
    """A problem that Java does not solve is left out; Python solves one that no other language has."""
    tables: dict[str, Rows] = {}
    for place, language in enumerate(["python", *spec("solutions")["languages"]]):
        rows = []
        for number in range(36 if language == "python" else 35):
            name, head, text = solution(language, number)
            row: dict[str, Any] = {"task_id": f"MB{place}/{number}", "language": language, "entry_point": name}
            row |= {"prompt": head, "test": "", "description": "Says it."}
            rows.append(row | {"canonical_solution": None if (language, number) == ("java", 3) else text})
        tables[f"{language}/test/0000.parquet"] = rows
    return tables


def rosetta() -> dict[str, Rows]:
    codes = spec("rosetta")["codes"]
    rows = []
    for language, code in codes.items():
        kin = {"c": "cpp", "swift": "kotlin"}.get(language, language)
        for number, noun in enumerate(NOUNS):
            _, head, text = solution(kin, number)
            row = {"task_name": f"The {noun.capitalize()}", "language_name": code, "code": head + text}
            rows += [row, row | {"code": "x"}]
    return {"data/train-00000-of-00001-8b.parquet": [*rows, {**rows[0], "language_name": "ABAP"}]}


def documented(language: str, part: str) -> Rows:
    """Functions with a repository each; some have none, as stand-ins may."""
    rows = []
    for number in range({"train": 60, "validation": 12, "test": 8}[part]):
        noun = NOUNS[number % 12]
        name = f"get_{noun}"
        lines = [f"def {name}(self, {noun}, limit):", f'    """The {noun}."""', "    total = 1  # a start"]
        lines += [
            f"    for value in {noun}:",
            "        if value < limit and not total == 3:",
            "            total += value",
        ]
        code = "\n".join([*lines, f"    return max(total, limit - {number})"])
        tokens = ["def", name, "(", "self", ",", noun, ")", ":", "return", name, "+", str(number), "# a comment", "//="]
        said = f"The {language} {noun} no. {number}\nof {part}.\n\n:param x: none"
        repo = f"{language}/{part}{number // 2}" if number % 3 else ""
        row: dict[str, Any] = {"id": number, "repo": repo, "func_name": f"Tree.{name}", "code": code}
        rows.append(row | {"code_tokens": tokens, "docstring": said, "url": ""})
    return rows


def cruxeval() -> dict[str, Rows]:
    """Problem 0 returns a truth value, in problem 1 the output stands in the call, problem 2 has another test."""
    tables: dict[str, Rows] = {}
    for code in spec("output")["codes"].values():
        rows = []
        for number in range(80):
            answer = "True" if not number else "'q1'" if number == 1 else f"'{code.lower()}{number * 37}'"
            head = f"\ndef check(candidate):\n    assert candidate({answer if number == 1 else number}) == "
            tail = "\n\ncheck(f)" if number != 2 else "\n\ncheck(g)"
            program = f"import re\ndef f(x):\n    return {code} + x"
            row = {"id": number, "code": f"{program}\n{head}{answer}\n\ncheck(f)\n", "input_reasoning": "x"}
            rows.append(row | {"output_reasoning": f"{head}????{tail}\n"})
        tables[f"data/{code}-00000-of-00001.parquet"] = rows
    return tables


def xcodeeval() -> dict[str, Rows]:
    """Problem 5 is in train and test; each problem has six Python programs, in two files, one of them twice."""

    def program(problem: int, copy: int, language: str, part: str) -> dict[str, Any]:
        tags = [TAGS[problem % 4], TAGS[(problem + 1) % 4], "*special"] if problem != 7 else ["*special"]
        row = {"lang": "x", "source_code": f"print({problem}, {copy})", "tags": tags if copy else str(tags)}
        return row | {
            "lang_cluster": language,
            "src_uid": f"p{problem}",
            "code_uid": f"{part}{language}{problem}.{copy}",
        }

    codes = spec("topics")["codes"].values()
    train = [program(n, copy, code, "train") for n in range(10) for copy in range(6) for code in ("Python", "C++")]
    tables = {
        "tag_classification/train/train_000.jsonl": train[:70],
        "tag_classification/train/train_001.jsonl": train[60:],
    }
    for part, problems in (("validation", (20, 21)), ("test", (5, 30, 31))):
        for code in codes:
            rows = [program(number, copy, code, part) for number in problems for copy in range(2)]
            tables[f"tag_classification/{part}/{code}.jsonl"] = rows
    return tables


def tables(source: str) -> dict[str, Rows]:
    languages = spec("nl-code")["languages"]
    match source:
        case "humanevalpack":
            return humaneval()
        case "mbxp":
            return mbxp()
        case "rosetta-code":
            return rosetta()
        case "code-to-text-test":
            return {f"{name}/test-00000-of-00001.parquet": documented(name, "test") for name in languages}
        case "code-to-text":
            parts = ("train", "validation")
            return {f"{name}/{part}-0.parquet": documented(name, part) for name in languages for part in parts}
        case "cruxeval-x":
            return cruxeval()
        case "xcodeeval":
            return xcodeeval()
    raise AssertionError(source)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("archives")
    return {name: archive(folder, name, tables(name)) for task in TASKS for name in sources(task)}


def made(name: str, inputs: dict[str, Path], **settings: Any) -> pd.DataFrame:
    if spec(name).get("options", {}).get("multi"):
        declared = {key: spec(name)[key] for key in ("languages", "labels", "read", "fields", "codes")}
        settings = {"task": name, **declared, **spec(name)["build"], **SIZES, **settings}
        return load_builder(name, spec(name)["builder"])(inputs, settings)
    return build(task(name), inputs, {**SIZES, **settings})[0]


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


def test_a_language_without_test_programs_is_named(inputs: dict[str, Path], tmp_path: Path) -> None:
    some = {name: rows for name, rows in humaneval().items() if "rust" not in name}
    with pytest.raises(CodeStiltsError, match=r"bugs, humanevalpack.zip: no file for data/rust/"):
        made("bugs", {**inputs, "humanevalpack": archive(tmp_path, "humanevalpack", some)})


def test_a_program_shows_no_comment_import_or_name_of_its_own() -> None:
    for language in HEADS:
        name, head, text = solution(language, 1)
        shown = bare(head + text, language)
        assert name not in shown
        assert "Says it" not in shown
        assert not {"import", "using", "use", "#include"} & set(shown.split())
        assert "a * 1" in shown or "$a * 1" in shown
    assert bare("class TwoFer:\n    def two(x):\n        return twofer(x), two", "python", title="two-fer") == (
        "class f:\n    def f(x):\n        return f(x), f"
    )
    assert bare("function g($a) { return $a; } // c", "php").startswith("<?php")


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
    file = {"type": "retrieval", "description": "Mine.", "builder": "codestilts.examples.problems:solutions"}
    file |= {"languages": ["go", "ruby"], "metric": "accuracy_at_1", "licence": "MIT", "group": "retrieval"}
    file |= {"trained": False, "fields": {"problem": column, "code": "code"}}
    file |= {"read": [entry | {"split": "validation", "as": "dev"}, entry | {"as": "test"}]}
    assert schema_errors(TaskFile, file) == []
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(file))
    frame, _ = build(tmp_path / "mine.yaml", {"mine": archive(tmp_path, "mine", rows)}, SIZES)
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


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    if not SERVER.exists():
        pytest.skip("no hub on loopback here: ../shared/hub/serve.py is absent")
    server = subprocess.Popen([sys.executable, SERVER, "--port", "0"], stdout=subprocess.PIPE, text=True)
    assert server.stdout
    yield server.stdout.readline().strip()
    server.terminate()


@pytest.mark.parametrize("name", ON_LOOPBACK)
def test_every_task_builds_from_the_hub(name: str, endpoint: str, tmp_path: Path) -> None:
    hub = {"HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path / "hf")}
    inputs = {}
    for source in sources(name):
        inputs[source] = tmp_path / f"{source}.zip"
        command = [sys.executable, ROOT / "scripts" / "fetch.py", "--source", source, "--out", inputs[source]]
        result = subprocess.run(command, cwd=ROOT, env={**os.environ, **hub}, capture_output=True, text=True)
        assert result.returncode == 0, result.stderr
    frame = made(name, inputs, test=6)
    assert frame[frame["split"] == "test"].groupby("language").size().eq(6).all()
