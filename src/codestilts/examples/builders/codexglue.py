"""Tasks made of CodeXGLUE's data sets (Lu et al. 2021, arXiv 2102.04664) that mapping columns does not cover.

Sets made to generate texts are recast so that an encoder can solve them, as retrieval or classification, and have their
published form too (:func:`other_side`). As in CodeXGLUE's own scripts, tokens are joined by a space and any white space
becomes one. Each entry of ``read`` names its ``languages`` or has ``{code}`` in its config.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pandas as pd

from codestilts.columns import EXAMPLE_COLUMNS, MASK
from codestilts.errors import CodeStiltsError
from codestilts.examples.builder_settings import BuilderSettings, Inputs
from codestilts.examples.hard_negatives import pair_with_negatives
from codestilts.examples.readers.hub_tables import read, values
from codestilts.examples.readers.repository import Archive
from codestilts.examples.sampling import (
    dev_or_train,
    drop_ambiguous_pairs,
    drop_blank,
    drop_cross_split_duplicates,
    hash_choice,
    hash_uniform,
    keep_rows,
    requested_rows,
    sample_rows,
    to_records,
)
from codestilts.examples.text import first_words, normalise_whitespace

TEXT_COLUMNS = ("text_a", "text_b", "query", "document", "buggy", "fixed", "source", "reference")
BLOCK = 2500  # methods compared with each other at once (50 MB a matrix); larger blocks give closer negatives
MASK_TOKENS = (MASK, "<mask>")  # the mask tokens of BERT's and of RoBERTa's tokenizer


def read_tables(inputs: Inputs, settings: BuilderSettings) -> Iterator[pd.DataFrame]:
    """Read the rows of each entry and language in turn; all of them at once would need several times the memory."""
    for entry in settings.read:
        for language in entry.get("languages", settings.languages):
            if language in settings.languages:
                yield read(inputs, replace(settings, read=[entry], languages=[language], source_language=language))


def read_normalised(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Read all rows, or the option ``share`` of them in any split, and normalise the white space of their texts."""
    frames = []
    for frame in read_tables(inputs, settings):
        if settings.options.share:
            frame = frame[[hash_uniform("share", key) < settings.options.share for key in frame["id"]]]
        texts = [name for name in TEXT_COLUMNS if name in frame]
        frames.append(frame.assign(**{name: frame[name].map(normalise_whitespace) for name in texts}))
    return pd.concat(frames, ignore_index=True)


def labelled_code(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Classify functions, or pairs of them (Devign, BigCloneBench)."""
    frame = read_normalised(inputs, settings)
    return sample_rows(frame if "text_b" in frame else frame.assign(text_b=""), settings)


def fix_detection(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Tell whether a function is before or after its fix (Tufano et al. 2019, arXiv 1812.08693).

    Both versions share a cluster. A text that occurs both as buggy and as fixed, in any row, is dropped.
    """
    frame = read_normalised(inputs, settings)
    both = pd.concat(
        [frame.assign(id=frame["id"] + f"#{side}", text_a=frame[side], label=side) for side in settings.labels],
        ignore_index=True,
    )
    sides = both.groupby("text_a")["label"].transform("nunique")
    both = keep_rows(both, sides == 1, "the same text is buggy and fixed", settings)
    for column in ("cluster", "text_a"):
        both = drop_cross_split_duplicates(both, column, settings)
    rows = sample_rows(both.assign(text_b=""), settings, by=("label",))
    return rows[[*EXAMPLE_COLUMNS, "text_a", "text_b", "label"]]


def code_search(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Retrieve the code of a query: of documentation (CodeSearchNet, CONCODE) or of the same method in Java.

    Option ``cut_at``: the query ends before this mark, after which CONCODE lists the fields and methods of the class.
    """
    frame = read_normalised(inputs, settings)
    cut_at = settings.options.cut_at
    if cut_at:
        frame["query"] = [text.partition(cut_at)[0].strip() for text in frame["query"]]
    frame = drop_cross_split_duplicates(frame, "document", settings)
    return sample_rows(drop_ambiguous_pairs(frame, settings), settings)


def other_side(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Generate the ``reference`` of a ``source``: its documentation, its fixed version, or its translation.

    Option ``output_language``: the language of the references, if it is not that of the row.
    """
    frame = drop_blank(read_normalised(inputs, settings), ["source", "reference"], settings)
    frame = drop_cross_split_duplicates(frame, "source", settings)
    return sample_rows(frame.assign(output_language=settings.options.output_language or frame["language"]), settings)


def same_problem_search(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Retrieve programs that solve the same problem (POJ-104; Mou et al. 2016, arXiv 1409.5718).

    A cluster is a problem. The ``document`` of a train row is another program of its problem. A dev or test row is a
    single program, searched among all of its split (protocol ``map``), so each problem there has two programs or more,
    whatever the size. A problem belongs to its last split: the script that split the set counted both ends of its
    ranges as inside.
    """
    frame = drop_cross_split_duplicates(read_normalised(inputs, settings), "cluster", settings)
    texts = frame.groupby(["split", "cluster"])["query"].agg(list)
    frame["document"] = [_draw_partner(row, texts[row["split"], row["cluster"]]) for row in to_records(frame)]
    frame = keep_rows(frame, frame["document"].notna(), "a problem with one program", settings)
    parts = []
    for (split, language), group in frame.groupby(["split", "language"]):
        if split != "train":
            problems = sorted(set(group["cluster"]), key=lambda name: hash_uniform("problem", name))
            count = max(1, requested_rows(settings, str(split), str(language)) // 2)
            group = group[group["cluster"].isin(problems[:count])]
        parts.append(group)
    frame = sample_rows(pd.concat(parts), settings)
    alone = frame.groupby(["split", "cluster"])["id"].transform("size") == 1
    frame = frame[(frame["split"] == "train") | ~alone]
    return frame.assign(document=frame["document"].where(frame["split"] == "train", ""))


def _draw_partner(row: dict[str, Any], texts: list[str]) -> str | None:
    others = [text for text in texts if text != row["query"]]
    return str(hash_choice(others, "partner", row["id"])) if others else None


def _read_cosqa(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Read the pairs of CoSQA (Huang et al. 2021, arXiv 2105.13239) from CoIR, which has the texts in two more tables.

    Raises:
        CodeStiltsError: An id of a query or document has no text.
    """
    frame = pd.concat(list(read_tables(inputs, settings)), ignore_index=True)
    source = settings.read[0]["source"]
    archive = Archive(inputs.files[source], f"task {settings.task}")
    for name, config in (("query", "queries"), ("document", "corpus")):
        table = archive.table({"config": config, "split": config, "as": config})
        keys, texts = (values(table, column, f"{archive.where}: {config}", settings) for column in ("_id", "text"))
        text_of_id = dict(zip(keys, texts, strict=True))
        unknown = frame.loc[~frame[name].isin(text_of_id), name]
        if len(unknown):
            raise CodeStiltsError(f"{archive.where}: config {config} has no text of {unknown.iloc[0]}: fetch it again")
        frame[name] = frame[name].map(text_of_id)
    return frame


def web_query_match(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Tell whether a function answers a question.

    A tenth of the questions becomes dev: the set's own dev pairs, made for retrieval, are all correct.
    """
    frame = _read_cosqa(inputs, settings)
    frame = frame.assign(split=[dev_or_train("held out", key) for key in frame["cluster"]])
    frame = frame.rename(columns={"query": "text_a", "document": "text_b"})
    return sample_rows(frame, settings)[[*EXAMPLE_COLUMNS, "text_a", "text_b", "label"]]


def web_search(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Retrieve the function that answers a question; one function may answer many."""
    return sample_rows(drop_ambiguous_pairs(_read_cosqa(inputs, settings), settings), settings)


def cloze(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Predict a masked word, one of the ``labels``, in a window of ``code_tokens``; ``text_a`` documents the function.

    CodeXGLUE's ClozeTest is published without its answers, so the task is rebuilt from the same set. A string or
    comment is one token: words within it are not masked. Other occurrences of the word stay. Tokens longer than
    ``characters`` are truncated, so that a comment cannot push the mask out of the window that the encoder reads.

    Raises:
        CodeStiltsError: No function has one of the labels as a token.
    """
    rows = [
        example
        for frame in read_tables(inputs, settings)
        for row in to_records(frame)
        if (example := _masked_word(row, settings))
    ]
    if not rows:
        raise CodeStiltsError(f"task {settings.task}: no function has one of its labels as a token: correct the labels")
    frame = drop_cross_split_duplicates(pd.DataFrame(rows), "cluster", settings)
    return sample_rows(frame, settings, by=("label",))[[*EXAMPLE_COLUMNS, "text_a", "text_b", "label"]]


def _masked_word(row: dict[str, Any], settings: BuilderSettings) -> dict[str, Any] | None:
    """The example of a function, or None if it has no token that is a label."""
    length, max_characters = settings.required("code_tokens"), settings.required("characters")
    tokens = row.pop("tokens")
    positions: dict[str, list[int]] = {}
    for index, token in enumerate(tokens):
        positions.setdefault(token, []).append(index)
    words = [word for word in settings.labels if word in positions]
    if not words:
        return None
    word = hash_choice(words, "word", row["id"])
    index = hash_choice(positions[word], "place", row["id"])
    first = max(0, min(index - length // 2, len(tokens) - length))
    window = [_without_masks(token[:max_characters]) for token in tokens[first : first + length]]
    window[index - first] = MASK
    doc = first_words(_without_masks(normalise_whitespace(row["text_a"])), settings.required("doc_words"))
    return {**row, "text_a": doc, "text_b": normalise_whitespace(window), "label": word}


def _without_masks(text: str) -> str:
    for mask in MASK_TOKENS:
        text = text.replace(mask, "mask")
    return text


def translations(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Tell whether ``text_b`` is the same function in another language.

    The counterpart for code of translation pair prediction (Mishra and Haghighi 2021, arXiv 2110.10318). Wrong partners
    have as many words in common (:mod:`codestilts.examples.hard_negatives`). Fields: ``document`` (``text_a``) and
    ``query`` (its translation). Each document appears twice, once with its own translation; a repeated text is used
    once.
    """
    frame = read_normalised(inputs, settings)
    for side in ("query", "document"):
        frame = drop_cross_split_duplicates(frame, side, settings)
    frame = frame.sort_values("id")
    for side in ("query", "document"):
        frame = keep_rows(frame, ~frame.duplicated(["split", side]), f"another row has the {side}", settings)
    parts = []
    for (split, language), group in frame.groupby(["split", "language"]):
        count = -(-requested_rows(settings, str(split), str(language)) // 2)
        parts.append(pair_with_negatives(group, settings, count, BLOCK, by=("nearer",)))
    true = pd.concat(parts, ignore_index=True)
    same, other = settings.labels
    both = [
        true.assign(id=true["id"] + f"#{label}", text_a=true["document"], text_b=true[side], label=label)
        for label, side in ((same, "query"), (other, "other_query"))
    ]
    return pd.concat(both).sort_values("id")[[*EXAMPLE_COLUMNS, "text_a", "text_b", "label", "other_id"]]
