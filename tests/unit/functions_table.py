"""A small hand-made functions table for the tests of the example builders."""

import re
from pathlib import Path

import pandas as pd

TAGS = {"def": "KEYWORD", "return": "KEYWORD", "if": "KEYWORD", "not": "OPERATOR"}


def tokenize(code: str, name: str) -> tuple[list[str], list[int], list[str]]:
    """Tokens, starts and tags of simple Python-like code."""
    tokens, starts, tags = [], [], []
    body = code.index(":")
    for found in re.finditer(r"\w+|==|!=|<=|>=|\S", code):
        token = found.group()
        after = code[found.end() : found.end() + 1]
        if token in TAGS:
            tag = TAGS[token]
        elif token.isdigit():
            tag = "NUMBER"
        elif re.fullmatch(r"\w+", token):
            tag = "FUNCTION" if token == name and found.start() < body else "CALLEE" if after == "(" else "VARIABLE"
            tag = "PARAMETER" if tag == "VARIABLE" and found.start() < body else tag
        else:
            tag = "BRACKET" if token in "()[]" else "DELIMITER" if token in ",:." else "OPERATOR"
        tokens.append(token)
        starts.append(found.start())
        tags.append(tag)
    return tokens, starts, tags


def function(package: str, split: str, name: str, params: dict[str, str], body: str, doc: str, **other: str) -> dict:
    """One row of a functions table."""
    code = f"def {name}({', '.join(params)}):\n    {body}"
    tokens, starts, tags = tokenize(code, name)
    places = {param: code.index(param, code.index("(")) for param in params}
    return {
        "id": f"{package}:{name}.py:0",
        "language": "python",
        "source": package,
        "package_split": split,
        "path": f"{name}.py",
        "name": name,
        "doc": doc,
        "doc_full": f"{doc}. After that {name} is done for now, with all of its work.",
        "code": code,
        "params": [
            {"name": param, "doc": text, "start": places[param], "end": places[param] + len(param)}
            for param, text in params.items()
        ],
        "tokens": tokens,
        "token_starts": starts,
        "tags": tags,
        **other,
    }


VERBS = ["open", "close", "find", "sort", "merge", "count", "drop", "print", "check", "load", "store", "scan"]
NOUNS = ["file", "node", "row", "edge"]
BODIES = [
    "return {a} + {b} * {v}({b}, {a})",
    "if {a} < {b}: return {v}({a}, {b}, 3)",
    "if not {a}: return {b} == {v}({a}) - {n}[1]",
]


def package(name: str, split: str, language: str = "python") -> list[dict]:
    """48 functions that no other package has."""
    rows = []
    for number, (verb, noun) in enumerate((verb, noun) for verb in VERBS for noun in NOUNS):
        words = {"a": f"{noun}{name}", "b": f"{verb}{name}", "v": f"{verb}er{name}", "n": f"{noun}s{name}"}
        body = " + ".join(
            [BODIES[number % 3].format(**words), f"{name}{verb}", f"{verb}{noun}{name}", f"{noun}[{number}]"]
        )
        rows.append(
            function(
                name,
                split,
                f"{verb}_{noun}_{name}",
                {words["a"]: f"what to begin with for {verb}ing", words["b"]: "a second thing of any kind"},
                body,
                f"{verb}s the {noun} that {name} holds, and returns number {number} of {noun}s",
                language=language,
            )
        )
    return rows


def write(folder: Path, rows: list[dict], clusters: pd.DataFrame | None = None) -> dict[str, Path]:
    """Functions files by language and, if not given, clusters in which each function is alone."""
    inputs = {}
    frame = pd.DataFrame(rows)
    for language, part in frame.groupby("language"):
        inputs[str(language)] = folder / f"{language}.parquet"
        part.to_parquet(inputs[str(language)])
    if clusters is None:
        clusters = pd.DataFrame({"id": frame["id"], "cluster": frame["id"], "split": frame["package_split"]})
    inputs["clusters"] = folder / "near_duplicates.parquet"
    clusters.to_parquet(inputs["clusters"])
    return inputs
