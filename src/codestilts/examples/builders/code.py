"""Intermediate tasks made of functions: code search, operator cloze, defect detection, naming."""

from typing import Any

import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.examples.builders.mutations import Function, binary_operators, edits_of, operator_label
from codestilts.examples.sampling import (
    Inputs,
    Settings,
    hash_choice,
    hash_uniform,
    load_functions,
    sample_rows,
    split_intermediate_functions,
    to_records,
)
from codestilts.examples.text import first_words, replace_subtokens, replace_word, subtokens, truncated_length

MASK = "[MASK]"  # the encoder's own mask token is put in its place
HIDDEN = "f"  # stands for a function's own name where the name would give the answer away

POOL = 6  # functions looked at for each one that is asked for
NAMES = {"FUNCTION", "PARAMETER", "VARIABLE", "CALLEE", "FIELD", "TYPE", "LABEL", "CONSTANT", "STRING", "ANNOTATION"}
COLUMNS = ["id", "language", "split", "cluster", "package"]


def truncate_code(row: dict[str, Any], settings: Settings) -> str:
    """The code of a function as far as a task shows it (option ``code_tokens``)."""
    return str(row["code"][: truncated_length(row["code"], row["token_starts"], settings["code_tokens"])])


def hide_function_name(row: dict[str, Any], settings: Settings, by: str = HIDDEN) -> str:
    """The shown code with the function's own name replaced wherever it stands."""
    return replace_word(truncate_code(row, settings), row["name"], by)


def hide_shared_words(row: dict[str, Any], words: set[str], settings: Settings) -> str:
    """The shown code without its own name, and without ``words`` in any other name or string of it.

    What a description and its code have in common by the letter gives the answer away: a search that counts words
    needs nothing else. Keywords stay: they are the language's and not the author's.
    """
    text, parts, end = truncate_code(row, settings), [], 0
    for token, start, tag in zip(row["tokens"], row["token_starts"], row["tags"], strict=True):
        if start >= len(text):
            break
        parts.append(text[end:start])
        named = HIDDEN if token == row["name"] else replace_subtokens(token, words)
        parts.append(named if tag in NAMES else token)
        end = start + len(token)
    return "".join([*parts, text[end:]])


def load_intermediate_functions(
    inputs: Inputs, settings: Settings, *columns: str, with_doc: bool = False
) -> pd.DataFrame:
    """Intermediate functions with code and tokens; ``split`` is train or dev."""
    frame = load_functions(inputs, settings, ["name", "code", "token_starts", *columns], with_doc)
    return split_intermediate_functions(frame, settings)


def pair_docs_with_code(frame: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Rows of documentation (``query``) and nameless code (``document``): one a cluster, no two alike in a split."""
    rows = frame.assign(query=[first_words(doc, settings["doc_words"]) for doc in frame["doc"]])
    if settings.get("hide_words"):
        document = [hide_shared_words(row, set(subtokens(row["query"])), settings) for row in to_records(rows)]
    else:
        document = [hide_function_name(row, settings) for row in to_records(rows)]
    rows = rows.assign(document=document)
    rows = rows.sort_values("id").drop_duplicates(["split", "cluster"])
    for column in ("query", "document"):
        key = rows[column].str.lower()
        rows = rows[~rows.assign(key=key).duplicated(["split", "language", "key"])]
    return rows


def code_search(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """Documentation -> the function it documents."""
    rows = pair_docs_with_code(
        sample_rows(load_intermediate_functions(inputs, settings, with_doc=True), settings, times=2), settings
    )
    return sample_rows(rows, settings)[[*COLUMNS, "query", "document"]]


def to_function(row: dict[str, Any]) -> Function:
    """The tokens of a row, as the mutations read them."""
    return Function(row["code"], row["tokens"], row["token_starts"], row["tags"])


def cloze(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """One binary operator is masked; the label is the operator, the same in all languages (``&&`` is ``and``).

    A function gives one example for each of its operators, in a window of ``code_tokens`` around it.
    """
    frame = load_intermediate_functions(inputs, settings, "tokens", "tags")
    length = settings["code_tokens"]
    rows = []
    for row in to_records(sample_rows(frame, settings, times=POOL)):
        function = to_function(row)
        places: dict[str, list[int]] = {}
        for index in binary_operators(function):
            places.setdefault(operator_label(function.tokens[index]), []).append(index)
        for label in sorted(places.keys() & set(settings["labels"])):
            index = hash_choice(places[label], "place", row["id"])
            first = max(0, min(index - length // 2, len(function.tokens) - length))
            start, end = function.span(first, length)
            masked = row["code"][start : function.starts[index]] + MASK + row["code"][function.end(index) : end]
            rows.append({**row, "id": f"{row['id']}#{label}", "text_a": masked, "text_b": "", "label": label})
    if not rows:
        raise CodeStiltsError(f"task {settings['task']}: no function has one of its operators")
    found = pd.DataFrame(rows)
    return sample_rows(found, settings, by=("label",))[[*COLUMNS, "text_a", "text_b", "label"]]


def defect(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """A window of a function with one injected bug, or as it was: never the same function both ways.

    Correct ones could have had a bug of the ``kind`` as well, so that what a function contains tells nothing.
    """
    frame = load_intermediate_functions(inputs, settings, "tokens", "tags")
    length = settings["code_tokens"]
    rows = []
    for row in to_records(sample_rows(frame, settings, times=POOL)):
        function = to_function(row)
        windows = range(0, max(1, len(function.tokens) - length // 2), length // 2)
        start, end = function.span(hash_choice(windows, "window", row["id"]), length)
        edits = {kind: edits_of(function, kind, start, end) for kind in settings["kinds"]}
        possible = [kind for kind, found in edits.items() if found]
        if possible:
            kind = hash_choice(possible, "kind", row["id"])
            edit = hash_choice(edits[kind], "edit", row["id"])
            buggy = edit.apply(row["code"])[start : end + edit.growth]
            rows.append({**row, "kind": kind, "buggy": buggy, "correct": row["code"][start:end]})
    found = pd.DataFrame(rows, columns=[*frame.columns, "kind", "buggy", "correct"])
    # One coin a cluster: a near copy must not show what the function was.
    found["label"] = ["buggy" if hash_uniform("half", key) < 0.5 else "correct" for key in found["cluster"]]
    found["text_a"] = found["buggy"].where(found["label"] == "buggy", found["correct"])
    found = sample_rows(found, settings, by=("label", "kind"))
    return found.assign(text_b="")[[*COLUMNS, "text_a", "text_b", "label", "kind"]]


def name_to_words(name: str) -> str:
    """A name as words: ``getNode`` -> ``get node``."""
    return " ".join(subtokens(name))


def draw_other_names(names: list[str], row: str, taken: set[str], words: str) -> list[str]:
    """Three names, drawn as often as they occur, that are not taken and not in the words of the code."""
    found: list[str] = []
    for attempt in range(40):
        name = hash_choice(names, "other", row, attempt)
        if name not in taken and name not in words:
            found.append(name)
            taken = taken | {name}
            if len(found) == 3:
                break
    return found


def naming(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """Which of four names (as words) has this function? The others are names of its package, its own is masked."""
    frame = load_intermediate_functions(inputs, settings)
    frame = frame.assign(spoken=frame["name"].map(name_to_words))
    frame = frame[frame["spoken"].str.len() >= 3]
    rows = []
    names = frame.groupby(["package", "split"])["spoken"].agg(list)
    for row in to_records(sample_rows(frame, settings, times=2)):
        text = hide_function_name(row, settings, MASK)
        words = " ".join(subtokens(text))
        # A name that the code mentions is not its own: that would be a way to tell.
        others = draw_other_names(names[row["package"], row["split"]], row["id"], {row["spoken"]}, words)
        if len(others) == 3 and row["spoken"] not in words:
            label = int(hash_uniform("place", row["id"]) * 4)
            choices = [*others[:label], row["spoken"], *others[label:]]
            rows.append({**row, "context": text, "choices": choices, "label": label})
    if not rows:
        raise CodeStiltsError(f"task {settings['task']}: no package has enough names to choose from")
    return sample_rows(pd.DataFrame(rows), settings)[[*COLUMNS, "context", "choices", "label"]]
