"""Intermediate tasks made of functions: code search, operator cloze, defect detection, naming."""

from typing import Any

import pandas as pd

from codestilts.columns import EXAMPLE_COLUMNS, MASK
from codestilts.errors import CodeStiltsError
from codestilts.examples.builder_settings import BuilderSettings, Inputs
from codestilts.examples.builders.choices import among
from codestilts.examples.builders.mutations import Function, binary_operators, edits_of, operator_label
from codestilts.examples.sampling import (
    hash_choice,
    hash_uniform,
    load_functions,
    sample_rows,
    split_intermediate_functions,
    to_records,
)
from codestilts.examples.text import first_words, replace_subtokens, replace_word, subtokens, truncated_length

HIDDEN_NAME = "f"  # replaces a function's own name where the name would give the answer away

# Candidates for each example asked for: in the pocket study 43 % of the functions have a binary operator and 79 % a
# possible bug, and the rarest label or kind of bug decides how many are needed.
CANDIDATES_PER_EXAMPLE = 6
NAMES = {"FUNCTION", "PARAMETER", "VARIABLE", "CALLEE", "FIELD", "TYPE", "LABEL", "CONSTANT", "STRING", "ANNOTATION"}
NAMING_CHOICES = 4
NAME_DRAWS = 40  # draws for three other names of a function; they suffice for all 3,240 functions of the pocket study
MIN_NAME_LENGTH = 3  # characters of a name as words; 0.5 % of the names are shorter (f, go) and describe nothing


def truncate_code(row: dict[str, Any], settings: BuilderSettings) -> str:
    """Return the code of a function up to the limit of the task (option ``code_tokens``)."""
    return str(row["code"][: truncated_length(row["code"], row["token_starts"], settings.required("code_tokens"))])


def hide_function_name(row: dict[str, Any], settings: BuilderSettings, by: str = HIDDEN_NAME) -> str:
    """Return the truncated code with every occurrence of the function's own name replaced."""
    return replace_word(truncate_code(row, settings), row["name"], by)


def hide_shared_words(row: dict[str, Any], words: set[str], settings: BuilderSettings) -> str:
    """Return the truncated code without the function's own name, and without ``words`` in other names and strings.

    Words that a description and its code share literally give the answer away to a search that counts words. Keywords
    stay: the language dictates them, not the author.
    """
    text, parts, end = truncate_code(row, settings), [], 0
    for token, start, tag in zip(row["tokens"], row["token_starts"], row["tags"], strict=True):
        if start >= len(text):
            break
        parts.append(text[end:start])
        hidden = HIDDEN_NAME if token == row["name"] else replace_subtokens(token, words)
        parts.append(hidden if tag in NAMES else token)
        end = start + len(token)
    return "".join([*parts, text[end:]])


def load_intermediate_functions(
    inputs: Inputs, settings: BuilderSettings, *columns: str, with_doc: bool = False
) -> pd.DataFrame:
    """Load intermediate functions with code and tokens; ``split`` is train or dev."""
    frame = load_functions(inputs, settings, ["name", "code", "token_starts", *columns], with_doc)
    return split_intermediate_functions(frame)


def pair_docs_with_code(frame: pd.DataFrame, settings: BuilderSettings) -> pd.DataFrame:
    """Pair documentation (``query``) with code without the function's name (``document``).

    A cluster gives one row, and no query or document recurs in its split and language.
    """
    rows = frame.assign(query=[first_words(doc, settings.required("doc_words")) for doc in frame["doc"]])
    if settings.options.hide_words:
        document = [hide_shared_words(row, set(subtokens(row["query"])), settings) for row in to_records(rows)]
    else:
        document = [hide_function_name(row, settings) for row in to_records(rows)]
    rows = rows.assign(document=document)
    rows = rows.sort_values("id").drop_duplicates(["split", "cluster"])
    for column in ("query", "document"):
        key = rows[column].str.lower()
        rows = rows[~rows.assign(key=key).duplicated(["split", "language", "key"])]
    return rows


def code_search(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Retrieve the function that a documentation describes."""
    functions = load_intermediate_functions(inputs, settings, with_doc=True)
    rows = pair_docs_with_code(sample_rows(functions, settings, times=2), settings)
    return sample_rows(rows, settings)[[*EXAMPLE_COLUMNS, "query", "document"]]


def to_function(row: dict[str, Any]) -> Function:
    """Return the code and tokens of a row in the form that mutations take."""
    return Function(row["code"], row["tokens"], row["token_starts"], row["tags"])


def cloze(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Predict a masked binary operator; the labels are the same in all languages (``&&`` is ``and``).

    A function gives one example for each of its operators, in a window of ``code_tokens`` around it.

    Raises:
        CodeStiltsError: No function has an operator of the task's labels.
    """
    frame = load_intermediate_functions(inputs, settings, "tokens", "tags")
    rows = []
    for row in to_records(sample_rows(frame, settings, times=CANDIDATES_PER_EXAMPLE)):
        rows += _masked_operators(row, settings)
    if not rows:
        raise CodeStiltsError(f"task {settings.task}: no function has an operator of its labels: add packages")
    examples = sample_rows(pd.DataFrame(rows), settings, by=("label",))
    return examples[[*EXAMPLE_COLUMNS, "text_a", "text_b", "label"]]


def _masked_operators(row: dict[str, Any], settings: BuilderSettings) -> list[dict[str, Any]]:
    """One example for each label that has an operator in the function."""
    function, length = to_function(row), settings.required("code_tokens")
    operators: dict[str, list[int]] = {}
    for index in binary_operators(function):
        operators.setdefault(operator_label(function.tokens[index]), []).append(index)
    examples = []
    for label in sorted(operators.keys() & set(settings.labels)):
        index = hash_choice(operators[label], "place", row["id"])
        first = max(0, min(index - length // 2, len(function.tokens) - length))
        start, end = function.span(first, length)
        masked = row["code"][start : function.starts[index]] + MASK + row["code"][function.end(index) : end]
        examples.append({**row, "id": f"{row['id']}#{label}", "text_a": masked, "text_b": "", "label": label})
    return examples


def defect(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Tell whether a window of a function has an injected bug. No function appears both with and without one.

    Correct functions are drawn from those that could have had a bug of their ``kind``, so the content of a function
    alone does not reveal the label.
    """
    frame = load_intermediate_functions(inputs, settings, "tokens", "tags")
    candidates = to_records(sample_rows(frame, settings, times=CANDIDATES_PER_EXAMPLE))
    rows = [row | versions for row in candidates if (versions := _inject_bug(row, settings))]
    examples = pd.DataFrame(rows, columns=[*frame.columns, "kind", "buggy", "correct"])
    # One draw per cluster: a near-duplicate must not reveal the label of the function.
    examples["label"] = ["buggy" if hash_uniform("half", key) < 0.5 else "correct" for key in examples["cluster"]]
    examples["text_a"] = examples["buggy"].where(examples["label"] == "buggy", examples["correct"])
    examples = sample_rows(examples, settings, by=("label", "kind"))
    return examples.assign(text_b="")[[*EXAMPLE_COLUMNS, "text_a", "text_b", "label", "kind"]]


def _inject_bug(row: dict[str, Any], settings: BuilderSettings) -> dict[str, str] | None:
    """A window of a function with a bug and without it, and the kind of bug; None if no kind is possible there."""
    function, length = to_function(row), settings.required("code_tokens")
    windows = range(0, max(1, len(function.tokens) - length // 2), length // 2)
    start, end = function.span(hash_choice(windows, "window", row["id"]), length)
    edits = {kind: edits_of(function, kind, start, end) for kind in settings.required("kinds")}
    possible = [kind for kind, options in edits.items() if options]
    if not possible:
        return None
    kind = hash_choice(possible, "kind", row["id"])
    edit = hash_choice(edits[kind], "edit", row["id"])
    buggy = edit.apply(row["code"])[start : end + edit.growth]
    return {"kind": kind, "buggy": buggy, "correct": row["code"][start:end]}


def name_to_words(name: str) -> str:
    """Spell a name as words: ``getNode`` becomes ``get node``."""
    return " ".join(subtokens(name))


def draw_other_names(names: list[str], row: str, own: str, words: str) -> list[str]:
    """Draw distinct names, by their frequency, that are neither the function's own nor among the words of its code.

    Returns:
        Three names, or fewer if ``NAME_DRAWS`` draws do not give three.
    """
    drawn: list[str] = []
    for attempt in range(NAME_DRAWS):
        name = hash_choice(names, "other", row, attempt)
        if name != own and name not in drawn and name not in words:
            drawn.append(name)
            if len(drawn) == NAMING_CHOICES - 1:
                break
    return drawn


def naming(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Choose a function's name, as words, among four of its package; the name is masked in the code.

    Raises:
        CodeStiltsError: No package has enough names.
    """
    frame = load_intermediate_functions(inputs, settings)
    frame = frame.assign(words=frame["name"].map(name_to_words))
    frame = frame[frame["words"].str.len() >= MIN_NAME_LENGTH]
    rows = []
    names = frame.groupby(["package", "split"])["words"].agg(list)
    for row in to_records(sample_rows(frame, settings, times=2)):
        text = hide_function_name(row, settings, MASK)
        words = " ".join(subtokens(text))
        # A name that the code mentions would be recognisable as wrong, or as right.
        others = draw_other_names(names[row["package"], row["split"]], row["id"], row["words"], words)
        if len(others) == NAMING_CHOICES - 1 and row["words"] not in words:
            rows.append({**row, "context": text, **among(others, row["words"], row["id"])})
    if not rows:
        raise CodeStiltsError(f"task {settings.task}: no package has {NAMING_CHOICES} names to choose from: add some")
    return sample_rows(pd.DataFrame(rows), settings)[[*EXAMPLE_COLUMNS, "context", "choices", "label"]]
