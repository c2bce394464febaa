"""Output prediction: choose what a call returns, from CRUXEval-X (Xu et al. 2024, arXiv 2408.13001)."""

import ast
import re
from dataclasses import replace
from difflib import SequenceMatcher
from typing import Any

import pandas as pd

from codestilts.columns import EXAMPLE_COLUMNS, MASK
from codestilts.errors import CodeStiltsError
from codestilts.examples.builder_settings import BuilderSettings, Inputs
from codestilts.examples.builders.choices import CHOICES, among
from codestilts.examples.builders.problems import cluster_by_problem, split_problems
from codestilts.examples.builders.program_text import remove_imports
from codestilts.examples.readers.hub_tables import read
from codestilts.examples.sampling import hash_uniform, keep_rows, sample_rows, to_records

OUTPUT = "????"  # the set's mark in place of an output


def output_prediction(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Choose the value that a call returns (``choices``), given the program and the call (``context``).

    Fields: ``problem``, ``code`` (with its test) and ``hidden`` (the test without the output). The wrong outputs are
    those of other problems of the split whose output has the same type in Python, the most similar first. A language
    that has these problems has the same choices as Python. None of the four outputs occurs in the code or the call. The
    set has no splits: it is split by problem.

    Raises:
        CodeStiltsError: No problem has enough others with an output of its type.
    """
    with_python = list(dict.fromkeys(["python", *settings.languages]))
    frame = cluster_by_problem(read(inputs, replace(settings, languages=with_python)), settings)
    frame["split"] = split_problems(frame)
    parts = [_mask_output(code, hidden) for code, hidden in zip(frame["code"], frame["hidden"], strict=True)]
    frame = frame.assign(context=[context for context, _ in parts], answer=[answer for _, answer in parts])
    frame = keep_rows(frame, frame["answer"] != "", "its output is not found", settings)
    frame = frame.drop_duplicates(["language", "problem"]).reset_index(drop=True)
    similar = _similar_problems(frame[frame["language"] == "python"])
    allowed = (frame["split"] != "train") | (frame["language"] == settings.source_language)
    frame = frame[allowed & frame["language"].isin(settings.languages)].reset_index(drop=True)
    answers = frame.set_index(["language", "problem"])["answer"].to_dict()
    rows = []
    for row in to_records(frame):
        others = [answers.get((row["language"], name)) for name in similar.get(row["problem"], [])]
        rows.append(row | among(_wrong_outputs(row, others), row["answer"], row["problem"]))
    examples = pd.DataFrame(rows, columns=[*frame, "choices", "label"])
    complete = examples["choices"].str.len() == CHOICES
    examples = keep_rows(examples, complete, "too few outputs of its type, or one is shown", settings)
    if examples.empty:
        raise CodeStiltsError(f"task {settings.task}: no problem has {CHOICES - 1} others with an output of its type")
    return sample_rows(examples, settings)[[*EXAMPLE_COLUMNS, "context", "choices", "label"]]


def _mask_output(code: str, hidden: str) -> tuple[str, str]:
    """Split a program with its test into a context and the output, which is "" if it is not found.

    The context begins with the line of the call, its output masked, so that truncation affects the end of the program.
    """
    head, mark, tail = hidden.rstrip().partition(OUTPUT)
    code = code.rstrip()
    start = code.rfind(head)
    if not mark or start < 0 or not code.endswith(tail):
        return "", ""
    line = head[head.rfind("\n") + 1 :].lstrip() + MASK + tail.partition("\n")[0].rstrip()
    return f"{line}\n{remove_imports(code[:start]).strip()}", code[start + len(head) : len(code) - len(tail)].strip()


def _wrong_outputs(row: dict[str, Any], others: list[str | None]) -> list[str]:
    """Up to three other outputs, the most similar first, that the program does not show; none if it shows its own."""
    context, answer = row["context"], row["answer"]
    if _occurs(answer, context):
        return []
    candidates = dict.fromkeys(other for other in others if other and not _occurs(other, context))
    return [output for output in candidates if output != answer][: CHOICES - 1]


def _occurs(text: str, where: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(text)}(?!\w)", where) is not None


def _similar_problems(frame: pd.DataFrame) -> dict[str, list[str]]:
    """For each Python problem, those of its split whose output has the same type, the most similar outputs first."""
    similar: dict[str, list[str]] = {}
    frame = frame.assign(type=frame["answer"].map(_literal_type))
    for _, group in frame[frame["type"] != ""].groupby(["split", "type"]):
        answers = dict(zip(group["problem"], group["answer"], strict=True))
        for name, answer in answers.items():
            distance = {
                other: (
                    1 - SequenceMatcher(None, answer, text, autojunk=False).ratio(),
                    hash_uniform("other", name, other),
                )
                for other, text in answers.items()
                if text != answer
            }
            similar[name] = sorted(distance, key=lambda other: distance[other])
    return similar


def _literal_type(text: str) -> str:
    """The type of a Python literal, ``list[int]`` for ``[1, 2]``; "" for anything else."""
    try:
        return _type_name(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        return ""


def _type_name(value: Any) -> str:
    parts: list[Any] = []
    if isinstance(value, dict):
        parts = [*value, *value.values()]
    elif isinstance(value, list | tuple | set):
        parts = list(value)
    kinds = sorted({_type_name(part) for part in parts})
    return type(value).__name__ + (f"[{', '.join(kinds)}]" if kinds else "")
