"""Buggy or correct: bugs put into functions of one language, tested on the bugs that people put into HumanEval's.

The test set is HumanEvalPack's (Muennighoff et al. 2023, arXiv 2308.07124), whose kinds of bugs are those of the
training set. No program of it is trained on.
"""

import re
from collections import Counter

import pandas as pd

from codestilts.examples.builders.code import COLUMNS, POOL
from codestilts.examples.builders.mutations import Function, edits_of
from codestilts.examples.builders.problems import cluster_by_problem, tokenize_program
from codestilts.examples.parsing.definitions import parse
from codestilts.examples.parsing.functions import MIN_TOKENS, render_code
from codestilts.examples.parsing.languages import language
from codestilts.examples.readers.hub_tables import read
from codestilts.examples.sampling import Inputs, Settings, hash_choice, hash_uniform, sample_rows, to_records

TRIES = 5  # bugs looked at for one that still parses
FIELDS = ["text_a", "text_b", "label", "kind"]


def bug_detection(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """Has this function a bug? Train and dev rows have one put in, test rows are ``correct`` or ``buggy`` as written.

    Fields of train and dev: ``code`` and ``repo``. Of test: ``problem``, ``name``, ``before`` (what stands before the
    function's body), ``correct`` and ``buggy`` (bodies) and ``kind``. Comments and docstrings are not shown.
    """
    rows = pd.concat([_injected(inputs, settings), _written(inputs, settings)], ignore_index=True)
    return sample_rows(rows.assign(text_b=""), settings, by=("label", "kind"))[[*COLUMNS, *FIELDS]]


def _injected(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """Functions of the source language, each with a bug or as it was, never both ways.

    Correct ones could have had a bug of the ``kind`` as well, so that what a function contains tells nothing.
    """
    source, counts = settings["source_language"], Counter[str]()
    entries = [entry for entry in settings["read"] if entry["as"] != "test"]
    frame = read(inputs, settings | {"read": entries, "languages": [source]})
    own = frame["package"] + ":" + frame["repo"]
    frame["cluster"] = own.where(frame["repo"] != "", frame["id"])
    rows = []
    for row in to_records(sample_rows(frame, settings, times=POOL)):
        function = _function(row["code"], source, settings, counts)
        bug = function and _bug(function, row["id"], source, settings)
        if not function or not bug:
            counts["no place for a bug"] += function is not None
            continue
        label = "buggy" if hash_uniform("half", row["id"]) < 0.5 else "correct"
        rows.append({**row, "kind": bug[0], "label": label, "text_a": bug[1] if label == "buggy" else function.code})
    print(f"{settings['task']}: functions that are not used: {dict(counts)}")
    return pd.DataFrame(rows, columns=[*COLUMNS, "kind", "label", "text_a"])


def _function(code: str, name: str, settings: Settings, counts: Counter[str]) -> Function | None:
    """A function without documentation; None (counted) if it does not parse or has too few or too many tokens."""
    found, data = tokenize_program(code, name)
    size = len(found)
    if not MIN_TOKENS <= size <= settings["code_tokens"]:
        counts["too short" if size < MIN_TOKENS else "too long"] += 1
        return None
    starts, text = render_code(found, data)
    if not _parses(text, name):
        counts["not parsed"] += 1
        return None
    return Function(text, [leaf.text for leaf in found], starts, [leaf.tag for leaf in found])


def _parses(code: str, name: str) -> bool:
    spec = language(name)
    texts = [surroundings.replace("{}", code) for surroundings in ("{}", *spec.alone)]
    return any(not parse(text.encode(), spec)[1].has_error for text in texts)


def _bug(function: Function, key: str, name: str, settings: Settings) -> tuple[str, str] | None:
    """The kind of a bug that the function may have, and the code with it. A bug is no syntax error."""
    edits = {kind: edits_of(function, kind, 0, len(function.code)) for kind in settings["kinds"]}
    possible = [kind for kind, found in edits.items() if found]
    for attempt in range(TRIES if possible else 0):
        kind = hash_choice(possible, "kind", key, attempt)
        buggy = hash_choice(edits[kind], "edit", key, attempt).apply(function.code)
        if _parses(buggy, name):
            return kind, buggy
    return None


def _written(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """Both versions of each test program; they share the problem as their cluster."""
    entries = [entry for entry in settings["read"] if entry["as"] == "test"]
    frame = cluster_by_problem(read(inputs, settings | {"read": entries}), settings)
    rows = []
    for row in to_records(frame):
        for label in ("buggy", "correct"):
            text = _shown(f"{row['before']}\n{row[label]}", row["name"], row["language"])
            rows.append({**row, "id": f"{row['id']}#{label}", "label": label, "text_a": text})
    return pd.DataFrame(rows)[[*COLUMNS, "kind", "label", "text_a"]]


def _shown(program: str, name: str, spoken: str) -> str:
    """The program from the line on that first has its function's name: no imports, no outer class, no helpers."""
    text = render_code(*tokenize_program(program, spoken))[1]
    found = re.search(rf"^.*(?<![\w$]){re.escape(name)}(?![\w$])", text, re.MULTILINE)
    return text[found.start() :] if found else text
