"""Target tasks made of functions whose answer is generated: a description, a missing line, a line without its bug.

All train on the source language's train packages and test on every language's test packages. A description is in
English; a line is in the language of the function around it (``output_language``). ``copied`` is the span of the input
that the baseline of that name copies.
"""

import re
from typing import Any

import pandas as pd

from codestilts.columns import EXAMPLE_COLUMNS, MASK
from codestilts.errors import CodeStiltsError
from codestilts.examples.builder_settings import BuilderSettings, Inputs
from codestilts.examples.builders.code import CANDIDATES_PER_EXAMPLE, name_to_words, to_function, truncate_code
from codestilts.examples.builders.code_lines import Line, text_before, whole_lines
from codestilts.examples.builders.mutations import MAX_ATTEMPTS, Edit, Function, edits_of
from codestilts.examples.builders.pl import FILLERS, load_target_functions
from codestilts.examples.parsing.definitions import parses
from codestilts.examples.parsing.docstrings import is_usable
from codestilts.examples.sampling import hash_choice, keep_rows, log_dropped_rows, sample_rows, to_records
from codestilts.examples.text import spelling, subtokens

Row = dict[str, Any]

COLUMNS = [*EXAMPLE_COLUMNS, "source", "reference", "output_language", "copied"]
# Words that end with a full stop which ends no sentence.
ABBREVIATIONS = {"e.g.", "eg.", "i.e.", "ie.", "etc.", "cf.", "c.f.", "vs.", "eq.", "fig.", "sec.", "approx.", "resp."}
_END = re.compile(r"\S*[.!?]+[\"')\]]*(?=\s)")
_FRAGMENT = re.compile(r"://|[,:;([{-]$")  # it has an address, or introduces what follows it


def first_sentence(text: str) -> str:
    """Return the first sentence of a text without its full stop, which some authors leave out."""
    for match in _END.finditer(text):
        if match[0].lstrip("(\"'[").lower() not in ABBREVIATIONS:
            text = text[: match.end()]
            break
    return text.removesuffix(".")


def is_description(sentence: str) -> bool:
    """Whether a sentence is whole and has enough words, so that it can be a reference."""
    last = sentence.split()[-1].lower() if sentence.strip() else ""
    return is_usable(sentence) and last not in FILLERS and not _FRAGMENT.search(sentence)


def describe(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Generate the first sentence of a function's documentation, which its code doesn't have, nor any comment.

    References whose words recur in the code, as in an error message or a name, are left out. No reference recurs in its
    split and language, because a tool or a template wrote most of those that do.
    """
    frame = load_target_functions(inputs, settings, with_doc=True)
    frame = frame.assign(reference=frame["doc"].map(first_sentence))
    frame = keep_rows(frame, frame["reference"].map(is_description), "its first sentence describes nothing", settings)
    short = frame["reference"].str.split().map(len) <= settings.required("doc_words")
    frame = keep_rows(frame, short, "its first sentence is too long", settings)
    shown = [_has_words(code, text) for code, text in zip(frame["code"], frame["reference"], strict=True)]
    new = ~pd.Series(shown, frame.index, dtype=bool)
    frame = keep_rows(frame, new, "its code has the reference", settings).sort_values("id")
    repeated = frame.assign(key=frame["reference"].str.lower()).duplicated(["split", "language", "key"])
    frame = sample_rows(keep_rows(frame, ~repeated, "another row has the reference", settings), settings)
    source = [truncate_code(row, settings) for row in to_records(frame)]
    frame = frame.assign(source=source, output_language="english", copied=frame["name"].map(name_to_words))
    return frame[COLUMNS]


def _has_words(code: str, text: str) -> bool:
    """Whether code has the words of a text one after the other, whatever marks and line breaks are between them."""
    return f" {' '.join(subtokens(text))} " in f" {' '.join(subtokens(code))} "


def complete(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Generate the line of a function that is masked: a whole statement or the header of a block, not the signature.

    A function gives one example for each of its lines, and the first of each before the second of any. It is shown as a
    whole, so that with its output in place of the mask it can be parsed.
    """
    rows: list[Row] = []
    functions = _short_functions(inputs, settings)
    for row in to_records(sample_rows(functions, settings, times=CANDIDATES_PER_EXAMPLE)):
        function = to_function(row)
        for number, line in enumerate(whole_lines(function)):
            rows.append(_example(row, number, function, line) | {"copied": text_before(function, line)})
    return sample_rows(_table(rows, settings), settings)[COLUMNS]


def repair(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Generate a line of a function without the bug that is injected into it.

    The source is the buggy line and, below it, the function with a mask in its place. So the bug is located, as it is
    for program repair that generates fixes (TFix, Berabi et al. 2021; SequenceR, Chen et al. 2019, arXiv 1901.01808):
    locating it is another task (``bugs``), and an output is a line, as for ``complete``, not a copy of the function.
    A function gives one example for each ``kind`` of bug that is possible in one of its lines.
    """
    rows: list[Row] = []
    left_out = 0
    functions = _short_functions(inputs, settings)
    for row in to_records(sample_rows(functions, settings, times=CANDIDATES_PER_EXAMPLE)):
        function = to_function(row)
        lines = whole_lines(function)
        for kind in settings.required("kinds"):
            bugs = [(line, edit) for line in lines for edit in edits_of(function, kind, line.start, line.end)]
            if not bugs:
                continue
            line, buggy = _draw_bug(function, bugs, row, kind)
            if not buggy:
                left_out += 1
                continue
            example = _example(row, kind, function, line)
            rows.append(example | {"source": f"{buggy}\n{example['source']}", "copied": buggy, "kind": kind})
    reason = "with the bug, the function does not parse or its spelling is the same"
    log_dropped_rows(settings, left_out, len(rows) + left_out, reason)
    return sample_rows(_table(rows, settings), settings, by=("package", "kind"))[[*COLUMNS, "kind"]]


def _draw_bug(function: Function, bugs: list[tuple[Line, Edit]], row: Row, kind: str) -> tuple[Line, str]:
    """Draw a line and a bug in it that is no syntax error and changes the line's spelling.

    The metric cannot see another bug, as of ``isinstance(Container, container)``: a copy of the line would be right.

    Returns:
        The line, and its text with the bug, which is "" if no drawn bug is possible.
    """
    for attempt in range(MAX_ATTEMPTS):
        line, edit = hash_choice(bugs, "bug", row["id"], kind, attempt)
        buggy = edit.apply(function.code)[line.start : line.end + edit.growth]
        visible = spelling(buggy) != spelling(function.code[line.start : line.end])
        if visible and "\n" not in buggy and parses(edit.apply(function.code), row["language"]):
            return line, buggy
    return line, ""


def _short_functions(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """The functions with up to ``code_tokens`` tokens."""
    frame, most = load_target_functions(inputs, settings, "tokens", "tags"), settings.required("code_tokens")
    frame = keep_rows(frame, frame["tokens"].str.len() <= most, f"more than {most} tokens of code", settings)
    return keep_rows(frame, ~frame["code"].str.contains(MASK, regex=False), "its code has a mask", settings)


def _example(row: Row, number: object, function: Function, line: Line) -> Row:
    """An example with a masked line."""
    source = function.code[: line.start] + MASK + function.code[line.end :]
    common = {name: row[name] for name in EXAMPLE_COLUMNS} | {"id": f"{row['id']}#{number}"}
    return common | {
        "source": source,
        "reference": function.code[line.start : line.end],
        "output_language": row["language"],
    }


def _table(rows: list[Row], settings: BuilderSettings) -> pd.DataFrame:
    """The examples as a table.

    Raises:
        CodeStiltsError: There are no examples.
    """
    if not rows:
        raise CodeStiltsError(f"task {settings.task}: no function has a line to generate: add packages")
    return pd.DataFrame(rows)
