"""Target tasks made of functions: doc-code match, token tags, parameter questions, search.

All train on the source language's train packages and test on every language's test packages.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from codestilts.examples.builders.code import COLUMNS, MASK, pair_docs_with_code, truncate_code
from codestilts.examples.hard_negatives import assign_negatives
from codestilts.examples.sampling import (
    Inputs,
    Settings,
    hash_choice,
    load_functions,
    orient_pairs,
    requested_rows,
    sample_rows,
    select_target_functions,
    shuffle_diverse,
    to_records,
)
from codestilts.examples.text import first_words, subtokens

# Words of a description that tell nothing about what it describes.
FILLERS = {"the", "a", "an", "of", "to", "in", "for", "on", "at", "from", "with", "by", "as", "and", "or", "if"}
FILLERS |= {"is", "be", "are", "it", "its", "this", "that", "which", "will", "used"}
QA_COLUMNS = ["question", "context", "answer_start", "answer_text", "options", "option_starts"]
LEAST_POOL = 600  # functions among which hard negatives are looked for, however few are asked for
BLOCK = 800  # functions that are compared with each other at once


def load_target_functions(inputs: Inputs, settings: Settings, *columns: str, with_doc: bool = False) -> pd.DataFrame:
    """Functions with code and tokens that a target may use; ``split`` is train, dev or test."""
    frame = load_functions(inputs, settings, ["name", "code", "token_starts", *columns], with_doc)
    return select_target_functions(frame, settings)


def match(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """Does this documentation (``text_a``) belong to this code (``text_b``)? Half do; the others belong to another
    function that has about as many words in common with the code (see ``overlap``).

    Each function's code stands in the task twice, with its own and with another's documentation, so that neither
    side alone tells the label.
    """
    rows = pair_docs_with_code(load_target_functions(inputs, settings, with_doc=True), settings)
    pairs = []
    for (split, language), group in rows.groupby(["split", "language"], sort=True):
        count = -(-requested_rows(settings, str(split), str(language)) // 2)
        pool = shuffle_diverse(group, settings["task"]).head(max(count * settings["pool"], LEAST_POOL))
        blocks = np.array_split(np.arange(len(pool)), -(-len(pool) // BLOCK))
        found = [assign_negatives(pool.iloc[places], settings) for places in blocks]
        both = shuffle_diverse(pd.concat(found), settings["task"], by=("package", "nearer"))
        pairs.append(both.head(count))
    true = pd.concat(pairs, ignore_index=True)
    true = true.assign(label="match", other="", text_a=true["query"], text_b=true["document"])
    wrong = true.assign(label="other", text_a=true["other_query"], other=true["other_id"])
    both = pd.concat([true.assign(id=true["id"] + "#match"), wrong.assign(id=true["id"] + "#other")])
    return both.sort_values("id")[[*COLUMNS, "text_a", "text_b", "label", "other"]]


def search(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """Documentation -> function without its name, the same number of candidates in every language.

    An untrained target has the same test rows as its trained twin, named by the option ``like``.
    """
    settings = {**settings, "task": settings.get("like", settings["task"])}
    frame = load_target_functions(inputs, settings, "tokens", "tags", with_doc=True)
    rows = sample_rows(
        pair_docs_with_code(sample_rows(frame, settings, equal_test=True, times=2), settings), settings, equal_test=True
    )
    if "like" in settings:
        rows = rows[rows["split"] == "test"]
    return orient_pairs(rows, settings, "document")[[*COLUMNS, "query", "document"]]


def token_tags(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """The syntactic tag of every token, in a window of whole tokens; long strings are cut."""
    return _windows(inputs, settings, "tags")


def role_spans(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """The role of every token in its function, as BIO spans, in the windows of :func:`tags`."""
    return _windows(inputs, settings, "roles")


def _windows(inputs: Inputs, settings: Settings, labels: str) -> pd.DataFrame:
    rows = sample_rows(load_target_functions(inputs, settings, "tokens", labels), settings)
    window, longest = settings["tokens"], settings["characters"]
    starts = [
        hash_choice(range(0, max(1, len(row) - window // 2), window), "window", key)
        for row, key in zip(rows["tokens"], rows["id"], strict=True)
    ]
    rows["tokens"] = [
        [token[:longest] for token in row[start : start + window]]
        for row, start in zip(rows["tokens"], starts, strict=True)
    ]
    rows["tags"] = [list(row[start : start + window]) for row, start in zip(rows[labels], starts, strict=True)]
    return rows[[*COLUMNS, "tokens", "tags"]]


def mentions_name(text: str, name: str) -> bool:
    """Whether a text has a word of a parameter's name, letter by letter; other forms of the word don't count."""
    return not set(subtokens(text)).isdisjoint(subtokens(name))


def mask_names(text: str, names: list[str]) -> str:
    """The text with a placeholder for every word that is a word of one of the names (see :func:`names_it`)."""
    return " ".join(MASK if any(mentions_name(word, name) for name in names) else word for word in text.split())


def parameter_questions(row: dict[str, Any], settings: Settings) -> Iterator[dict[str, Any]]:
    """The fields of one question for each parameter that a function describes well enough."""
    context = truncate_code(row, settings)
    params = [param for param in row["params"] if param["end"] <= len(context)]
    names = [param["name"] for param in params]
    if len(set(names)) < max(2, len(names)):
        return  # one parameter leaves no choice, and of two of one name neither is the answer
    for number, param in enumerate(params):
        text = first_words(param["doc"], settings["doc_words"])
        hidden = mask_names(text, names)
        telling = set(subtokens(hidden.replace(MASK, ""))) - FILLERS
        named = mentions_name(text, param["name"])
        if len(telling) >= settings["least_words"] and not (named and settings["hide_names"] == "drop"):
            yield {
                "id": f"{row['id']}#{number}",
                "question": hidden if settings["hide_names"] == "mask" else text,
                "context": context,
                "answer_start": param["start"],
                "answer_text": context[param["start"] : param["end"]],
                "options": names,
                "option_starts": [param["start"] for param in params],
                "place": str(number),
            }


def param_qa(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """Which parameter does this text describe? The answer is the name's place in the undocumented function.

    Option ``hide_names``: a description that has words of a parameter's name needs no understanding, so they are
    masked (``mask``), or descriptions with a word of their own parameter's name are left out (``drop``), or nothing
    is done (``keep``). ``options`` and ``option_starts`` list all parameters, for the baselines.
    """
    frame = load_target_functions(inputs, settings, "params")
    frame = frame[frame["params"].str.len() >= 2]
    rows = [{**row, **question} for row in to_records(frame) for question in parameter_questions(row, settings)]
    found = pd.DataFrame(rows, columns=[*frame.columns, *QA_COLUMNS, "place"])
    by = ("package", "place") if settings["balance_places"] else ("package",)
    return sample_rows(found, settings, by=by)[[*COLUMNS, *QA_COLUMNS]]
