"""Tiny tables in the schemas of the sets of programs that solve one problem in many languages."""

import json
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

ROOT = Path(__file__).parents[2]
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
