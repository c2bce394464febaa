"""What does this call return? One output among four, out of CRUXEval-X (Xu et al. 2024, arXiv 2408.13001)."""

import ast
import re
from difflib import SequenceMatcher
from typing import Any

import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.examples.builders.code import COLUMNS, MASK
from codestilts.examples.builders.codexglue import keep_rows
from codestilts.examples.builders.problems import cluster_by_problem, remove_imports, split_problems
from codestilts.examples.readers.hub_tables import read
from codestilts.examples.sampling import Inputs, Settings, hash_uniform, sample_rows, to_records

OUTPUT = "????"  # what the set has in place of an output
CHOICES = 4


def output_prediction(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """A program with a call (``context``), and four values (``choices``), one of which it returns.

    Fields: ``problem``, ``code`` (with its test) and ``hidden`` (the test without the output). The wrong outputs are
    those of other problems of the split whose output has the same type in Python, the most alike first; where a
    language has these problems they are the same in all. No output of the four stands in the code or the call. The
    set has no splits: it is cut by problem.
    """
    pooled = settings | {"languages": list(dict.fromkeys(["python", *settings["languages"]]))}
    frame = cluster_by_problem(read(inputs, pooled), settings)
    frame["split"] = split_problems(frame)
    parts = [_parts(code, hidden) for code, hidden in zip(frame["code"], frame["hidden"], strict=True)]
    frame = frame.assign(context=[part[0] for part in parts], answer=[part[1] for part in parts])
    frame = keep_rows(frame, frame["answer"] != "", "its output is not found", settings)
    frame = frame.drop_duplicates(["language", "problem"]).reset_index(drop=True)
    others = _alike(frame[frame["language"] == "python"])
    trained = (frame["split"] != "train") | (frame["language"] == settings["source_language"])
    frame = frame[trained & frame["language"].isin(settings["languages"])].reset_index(drop=True)
    answers = frame.set_index(["language", "problem"])["answer"].to_dict()
    rows = [
        {
            **row,
            "choices": _choices(row, [answers.get((row["language"], name)) for name in others.get(row["problem"], [])]),
        }
        for row in to_records(frame)
    ]
    found = pd.DataFrame(rows, columns=[*frame, "choices"])
    found = keep_rows(
        found, found["choices"].str.len() == CHOICES, "too few outputs of its type, or one is shown", settings
    )
    if found.empty:
        raise CodeStiltsError(
            f"task {settings['task']}: no problem has {CHOICES - 1} others with an output of its type"
        )
    found["label"] = [choices.index(own) for choices, own in zip(found["choices"], found["answer"], strict=True)]
    return sample_rows(found, settings)[[*COLUMNS, "context", "choices", "label"]]


def _parts(code: str, hidden: str) -> tuple[str, str]:
    """The line of the call with its output masked, over the program; and the output, or "" if it is not found.

    The line comes first, so that a long program is cut at its end.
    """
    head, mark, tail = hidden.rstrip().partition(OUTPUT)
    code = code.rstrip()
    start = code.rfind(head)
    if not mark or start < 0 or not code.endswith(tail):
        return "", ""
    line = head[head.rfind("\n") + 1 :].lstrip() + MASK + tail.partition("\n")[0].rstrip()
    return f"{line}\n{remove_imports(code[:start]).strip()}", code[start + len(head) : len(code) - len(tail)].strip()


def _choices(row: dict[str, Any], others: list[str | None]) -> list[str]:
    """The right output and others in an order drawn by problem; the same place in all languages."""
    shown = row["context"]
    if _stands_in(row["answer"], shown):
        return []
    found = dict.fromkeys(other for other in others if other and not _stands_in(other, shown))
    found.pop(row["answer"], None)
    wrong = list(found)[: CHOICES - 1]
    place = int(hash_uniform("place", row["problem"]) * CHOICES)
    return [*wrong[:place], row["answer"], *wrong[place:]]


def _stands_in(text: str, where: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(text)}(?!\w)", where) is not None


def _alike(frame: pd.DataFrame) -> dict[str, list[str]]:
    """For each Python problem those of its split whose output has the same type, the most similar outputs first."""
    found: dict[str, list[str]] = {}
    frame = frame.assign(type=frame["answer"].map(_type))
    for _, group in frame[frame["type"] != ""].groupby(["split", "type"]):
        answers = dict(zip(group["problem"], group["answer"], strict=True))
        for name, answer in answers.items():
            unlike = {
                other: (
                    1 - SequenceMatcher(None, answer, text, autojunk=False).ratio(),
                    hash_uniform("other", name, other),
                )
                for other, text in answers.items()
                if text != answer
            }
            found[name] = sorted(unlike, key=lambda other: unlike[other])
    return found


def _type(answer: str) -> str:
    """``list[int]`` of ``[1, 2]``; "" if it is no Python literal."""
    try:
        return _type_of(ast.literal_eval(answer))
    except (ValueError, SyntaxError):
        return ""


def _type_of(value: Any) -> str:
    parts: list[Any] = []
    if isinstance(value, dict):
        parts = [*value, *value.values()]
    elif isinstance(value, list | tuple | set):
        parts = list(value)
    kinds = sorted({_type_of(part) for part in parts})
    return type(value).__name__ + (f"[{', '.join(kinds)}]" if kinds else "")
