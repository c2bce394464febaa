"""Bug detection: bugs injected into functions of one language, tested on the bugs that people put into HumanEval.

The test set is HumanEvalPack's (Muennighoff et al. 2023, arXiv 2308.07124), whose kinds of bugs are those of the
training set. None of its programs is trained on.
"""

import re
from collections import Counter
from dataclasses import replace

import pandas as pd

from codestilts.columns import EXAMPLE_COLUMNS
from codestilts.examples.builder_settings import BuilderSettings, Inputs
from codestilts.examples.builders.code import CANDIDATES_PER_EXAMPLE
from codestilts.examples.builders.mutations import MAX_ATTEMPTS, Function, edits_of
from codestilts.examples.builders.problems import cluster_by_problem
from codestilts.examples.builders.program_text import tokenize_program
from codestilts.examples.parsing.definitions import parses
from codestilts.examples.parsing.function_filter import MIN_TOKENS
from codestilts.examples.parsing.functions import render_code
from codestilts.examples.readers.hub_tables import read
from codestilts.examples.sampling import hash_choice, hash_uniform, sample_rows, to_records

COLUMNS = [*EXAMPLE_COLUMNS, "kind", "label", "text_a"]


def bug_detection(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Tell whether a function has a bug. Train and dev bugs are injected, test rows are as people wrote them.

    Fields of train and dev: ``code`` and ``repo``. Of test: ``problem``, ``name``, ``before`` (the text before the
    function's body), ``correct`` and ``buggy`` (bodies) and ``kind``. Comments and docstrings are removed.
    """
    rows = pd.concat([_injected_bugs(inputs, settings), _human_bugs(inputs, settings)], ignore_index=True)
    rows = sample_rows(rows.assign(text_b=""), settings, by=("label", "kind"))
    return rows[[*EXAMPLE_COLUMNS, "text_a", "text_b", "label", "kind"]]


def _injected_bugs(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Functions of the source language, each with a bug or without, never both ways.

    Correct functions are drawn from those that could have had a bug of their ``kind``, so the content of a function
    alone does not reveal the label.
    """
    source, unusable = settings.source_language, Counter[str]()
    entries = [entry for entry in settings.read if entry["as"] != "test"]
    frame = read(inputs, replace(settings, read=entries, languages=[source]))
    repository = frame["package"] + ":" + frame["repo"]
    frame["cluster"] = repository.where(frame["repo"] != "", frame["id"])
    rows = []
    for row in to_records(sample_rows(frame, settings, times=CANDIDATES_PER_EXAMPLE)):
        function = _parse_function(row["code"], source, settings, unusable)
        if function is None:
            continue
        bug = _draw_bug(function, row["id"], source, settings)
        if bug is None:
            unusable["no possible bug"] += 1
            continue
        kind, buggy = bug
        label = "buggy" if hash_uniform("half", row["id"]) < 0.5 else "correct"
        rows.append({**row, "kind": kind, "label": label, "text_a": buggy if label == "buggy" else function.code})
    print(f"{settings.task}: unusable functions: {dict(unusable)}")
    return pd.DataFrame(rows, columns=COLUMNS)


def _parse_function(code: str, name: str, settings: BuilderSettings, unusable: Counter[str]) -> Function | None:
    """A function without comments; None (counted) if it does not parse or has too few or too many tokens."""
    tokens, data = tokenize_program(code, name)
    if not MIN_TOKENS <= len(tokens) <= settings.required("code_tokens"):
        unusable["too short" if len(tokens) < MIN_TOKENS else "too long"] += 1
        return None
    starts, text = render_code(tokens, data)
    if not parses(text, name):
        unusable["not parsed"] += 1
        return None
    return Function(text, [token.text for token in tokens], starts, [token.tag for token in tokens])


def _draw_bug(function: Function, key: str, name: str, settings: BuilderSettings) -> tuple[str, str] | None:
    """The kind of a possible bug and the code with it, or None. The code still parses: a bug is no syntax error."""
    edits = {kind: edits_of(function, kind, 0, len(function.code)) for kind in settings.required("kinds")}
    possible = [kind for kind, options in edits.items() if options]
    for attempt in range(MAX_ATTEMPTS if possible else 0):
        kind = hash_choice(possible, "kind", key, attempt)
        buggy = hash_choice(edits[kind], "edit", key, attempt).apply(function.code)
        if parses(buggy, name):
            return kind, buggy
    return None


def _human_bugs(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Both versions of each test program; their cluster is the problem."""
    entries = [entry for entry in settings.read if entry["as"] == "test"]
    frame = cluster_by_problem(read(inputs, replace(settings, read=entries)), settings)
    rows = []
    for row in to_records(frame):
        for label in ("buggy", "correct"):
            text = _extract_function(f"{row['before']}\n{row[label]}", row["name"], row["language"])
            rows.append({**row, "id": f"{row['id']}#{label}", "label": label, "text_a": text})
    return pd.DataFrame(rows)[COLUMNS]


def _extract_function(program: str, name: str, language_name: str) -> str:
    """The program from the first line with its function's name on: no imports, no outer class, no helpers before it."""
    text = render_code(*tokenize_program(program, language_name))[1]
    match = re.search(rf"^.*(?<![\w$]){re.escape(name)}(?![\w$])", text, re.MULTILINE)
    return text[match.start() :] if match else text
