"""Target tasks made of functions: matching documentation with code, token tags, parameter questions, search.

All train on the source language's train packages and test on every language's test packages.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pandas as pd

from codestilts.columns import EXAMPLE_COLUMNS, MASK
from codestilts.examples.builder_settings import BuilderSettings, Inputs
from codestilts.examples.builders.code import pair_docs_with_code, truncate_code
from codestilts.examples.hard_negatives import pair_with_negatives
from codestilts.examples.sampling import (
    hash_choice,
    load_functions,
    orient_pairs,
    requested_rows,
    sample_rows,
    select_target_functions,
    to_records,
)
from codestilts.examples.text import first_words, subtokens

# Words that tell nothing about what a description describes.
FILLERS = {"the", "a", "an", "of", "to", "in", "for", "on", "at", "from", "with", "by", "as", "and", "or", "if"}
FILLERS |= {"is", "be", "are", "it", "its", "this", "that", "which", "will", "used"}
QA_COLUMNS = ["question", "context", "answer_start", "answer_text", "options", "option_starts"]
BLOCK = 800  # functions compared with each other at once: a block's matrices of float64 take 5 MB each


def load_target_functions(
    inputs: Inputs, settings: BuilderSettings, *columns: str, with_doc: bool = False
) -> pd.DataFrame:
    """Load functions with code and tokens that a target may use; ``split`` is train, dev or test."""
    frame = load_functions(inputs, settings, ["name", "code", "token_starts", *columns], with_doc)
    return select_target_functions(frame, settings)


def match(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Tell whether documentation (``text_a``) belongs to code (``text_b``).

    Each function's code appears twice, with its own documentation and with that of another function (``other``) that
    has about as many words in common with the code, so that neither side alone reveals the label.
    """
    rows = pair_docs_with_code(load_target_functions(inputs, settings, with_doc=True), settings)
    pairs = []
    for (split, language), group in rows.groupby(["split", "language"], sort=True):
        count = -(-requested_rows(settings, str(split), str(language)) // 2)
        pairs.append(pair_with_negatives(group, settings, count, BLOCK, by=("package", "nearer")))
    true = pd.concat(pairs, ignore_index=True)
    true = true.assign(label="match", other="", text_a=true["query"], text_b=true["document"])
    wrong = true.assign(label="other", text_a=true["other_query"], other=true["other_id"])
    both = pd.concat([true.assign(id=true["id"] + "#match"), wrong.assign(id=true["id"] + "#other")])
    return both.sort_values("id")[[*EXAMPLE_COLUMNS, "text_a", "text_b", "label", "other"]]


def search(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Retrieve the function, without its name, that a documentation describes; as many candidates in every language.

    An untrained target has the test rows of its trained twin, named by the option ``like``.
    """
    twin = settings.options.like
    settings = replace(settings, task=twin or settings.task)
    frame = load_target_functions(inputs, settings, "tokens", "tags", with_doc=True)
    candidates = sample_rows(frame, settings, equal_test=True, times=2)
    rows = sample_rows(pair_docs_with_code(candidates, settings), settings, equal_test=True)
    if twin:
        rows = rows[rows["split"] == "test"]
    return orient_pairs(rows, settings, "document")[[*EXAMPLE_COLUMNS, "query", "document"]]


def token_tags(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Tag every token with its syntactic tag, in a window of whole tokens; long strings are truncated."""
    return _tagged_windows(inputs, settings, "tags")


def role_spans(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Tag every token with its role in the function, as BIO spans, in the windows of :func:`token_tags`."""
    return _tagged_windows(inputs, settings, "roles")


def _tagged_windows(inputs: Inputs, settings: BuilderSettings, labels: str) -> pd.DataFrame:
    rows = sample_rows(load_target_functions(inputs, settings, "tokens", labels), settings)
    window, max_characters = settings.required("tokens"), settings.required("characters")
    starts = [
        hash_choice(range(0, max(1, len(tokens) - window // 2), window), "window", key)
        for tokens, key in zip(rows["tokens"], rows["id"], strict=True)
    ]
    rows["tokens"] = [
        [token[:max_characters] for token in tokens[start : start + window]]
        for tokens, start in zip(rows["tokens"], starts, strict=True)
    ]
    rows["tags"] = [list(tags[start : start + window]) for tags, start in zip(rows[labels], starts, strict=True)]
    return rows[[*EXAMPLE_COLUMNS, "tokens", "tags"]]


def mentions_name(text: str, name: str) -> bool:
    """Whether a text has a word of a parameter's name, letter by letter; inflected forms don't count."""
    return not set(subtokens(text)).isdisjoint(subtokens(name))


def mask_names(text: str, names: list[str]) -> str:
    """Mask every word of the text that has a word of one of the names (see :func:`mentions_name`)."""
    return " ".join(MASK if any(mentions_name(word, name) for name in names) else word for word in text.split())


def parameter_questions(row: dict[str, Any], settings: BuilderSettings) -> Iterator[dict[str, Any]]:
    """Yield a question for each parameter of a function whose description has enough words that tell something."""
    context = truncate_code(row, settings)
    params = [param for param in row["params"] if param["end"] <= len(context)]
    names = [param["name"] for param in params]
    if len(names) < 2 or len(set(names)) < len(names):
        return  # a single parameter leaves no choice, and equal names leave no unique answer
    hide_names = settings.required("hide_names")
    for number, param in enumerate(params):
        text = first_words(param["doc"], settings.required("doc_words"))
        masked = mask_names(text, names)
        telling = set(subtokens(masked.replace(MASK, ""))) - FILLERS
        if len(telling) < settings.required("least_words"):
            continue
        if hide_names == "drop" and mentions_name(text, param["name"]):
            continue
        yield {
            "id": f"{row['id']}#{number}",
            "question": masked if hide_names == "mask" else text,
            "context": context,
            "answer_start": param["start"],
            "answer_text": context[param["start"] : param["end"]],
            "options": names,
            "option_starts": [param["start"] for param in params],
            "position": str(number),
        }


def param_qa(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Find the parameter that a text describes; the answer is the span of its name in the undocumented function.

    A description that repeats words of its parameter's name needs no understanding. The option ``hide_names`` masks
    these words (``mask``), drops such descriptions (``drop``) or leaves them (``keep``). ``options`` and
    ``option_starts`` list all parameters, for the baselines.
    """
    frame = load_target_functions(inputs, settings, "params")
    frame = frame[frame["params"].str.len() >= 2]
    rows = [row | question for row in to_records(frame) for question in parameter_questions(row, settings)]
    questions = pd.DataFrame(rows, columns=[*frame.columns, *QA_COLUMNS, "position"])
    by = ("package", "position") if settings.required("balance_places") else ("package",)
    return sample_rows(questions, settings, by=by)[[*EXAMPLE_COLUMNS, *QA_COLUMNS]]
