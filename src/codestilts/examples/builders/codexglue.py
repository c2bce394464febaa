"""Tasks out of CodeXGLUE's sets (Lu et al. 2021, arXiv 2102.04664): what :mod:`readers.hub_tables` can't map.

Sets made to generate code are recast so that an encoder can read them: retrieval, or a label. As in CodeXGLUE's own
scripts, tokens are joined by a blank and any white space becomes one. Each entry of ``read`` names its ``languages`` or
has ``{code}`` in its config.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.examples.builders.code import COLUMNS, MASK
from codestilts.examples.builders.pl import LEAST_POOL
from codestilts.examples.hard_negatives import assign_negatives
from codestilts.examples.readers.hub_tables import read, values
from codestilts.examples.readers.repository import Archive
from codestilts.examples.sampling import (
    DEV_SHARE,
    Inputs,
    Settings,
    hash_choice,
    hash_uniform,
    log_dropped_rows,
    requested_rows,
    sample_rows,
    shuffle_diverse,
    to_records,
)
from codestilts.examples.text import first_words

TEXTS = ("text_a", "text_b", "query", "document", "buggy", "fixed")
SPLITS = ("train", "dev", "test")
BLOCK = 2500  # methods that are compared with each other at once: the more, the nearer the wrong partners
MASKS = (MASK, "<mask>")  # what tokenizers take for the mask


def read_tables(inputs: Inputs, settings: Settings) -> Iterator[pd.DataFrame]:
    """The rows of :func:`readers.hub_tables.read`, an entry and language at a time: all at once they are large."""
    for entry in settings["read"]:
        for language in entry.get("languages", settings["languages"]):
            if language in settings["languages"]:
                yield read(inputs, settings | {"read": [entry], "languages": [language], "source_language": language})


def normalise_whitespace(text: Any) -> str:
    """A text, or a list of tokens, with one blank for any white space."""
    return " ".join((text if isinstance(text, str) else " ".join(text)).split())


def read_normalised(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """All rows with folded texts; with ``share``, so many of them, whichever splits they are of."""
    frames = []
    for frame in read_tables(inputs, settings):
        if settings.get("share"):
            frame = frame[[hash_uniform("share", key) < settings["share"] for key in frame["id"]]]
        frames.append(frame.assign(**{name: frame[name].map(normalise_whitespace) for name in TEXTS if name in frame}))
    return pd.concat(frames, ignore_index=True)


def keep_rows(frame: pd.DataFrame, mask: pd.Series, why: str, settings: Settings) -> pd.DataFrame:
    """The rows of ``mask``; the log says how many others there were, and why they go."""
    log_dropped_rows(settings, (~mask).sum(), len(mask), why)
    return frame[mask].reset_index(drop=True)


def drop_cross_split_duplicates(frame: pd.DataFrame, column: str, settings: Settings) -> pd.DataFrame:
    """The rows whose ``column`` no later split has as well: what is tested stays whole."""
    split = frame["split"].map(SPLITS.index)
    latest = split.groupby(frame[column]).transform("max")
    return keep_rows(frame, split == latest, f"a later split has the same {column}", settings)


def labelled_code(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """Functions, or pairs of them, with a label (Devign, BigCloneBench)."""
    frame = read_normalised(inputs, settings)
    return sample_rows(frame if "text_b" in frame else frame.assign(text_b=""), settings)


def fix_detection(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """A function before its fix or after it (Tufano et al. 2019, arXiv 1812.08693); both are of one cluster.

    A text that stands on both sides, in whichever row, says nothing and is left out.
    """
    frame = read_normalised(inputs, settings)
    both = pd.concat(
        [frame.assign(id=frame["id"] + f"#{side}", text_a=frame[side], label=side) for side in settings["labels"]],
        ignore_index=True,
    )
    sides = both.groupby("text_a")["label"].transform("nunique")
    both = keep_rows(both, sides == 1, "the same text is buggy and fixed", settings)
    both = drop_cross_split_duplicates(drop_cross_split_duplicates(both, "cluster", settings), "text_a", settings)
    return sample_rows(both.assign(text_b=""), settings, by=("label",))[[*COLUMNS, "text_a", "text_b", "label"]]


def drop_ambiguous_pairs(frame: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Pairs to be retrieved: no side empty, every query once a split and language, rows of one document one cluster.

    Rows of a cluster are not each other's wrong answers, but a second row of a query would make its right one wrong.
    """
    frame = keep_rows(frame, (frame["query"] != "") & (frame["document"] != ""), "a side is empty", settings)
    frame = frame.sort_values("id")
    repeated = frame.assign(key=frame["query"].str.lower()).duplicated(["split", "language", "key"])
    frame = keep_rows(frame, ~repeated, "another row has the query", settings)
    return frame.assign(cluster=frame.groupby("document")["id"].transform("first"))


def code_search(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """A query and the code that it belongs to: documentation (CodeSearchNet, CONCODE) or the same code in Java.

    Option ``cut_at``: CONCODE writes the fields and methods of the class after the description, with a mark between.
    """
    frame = read_normalised(inputs, settings)
    if settings.get("cut_at"):
        frame["query"] = [text.partition(settings["cut_at"])[0].strip() for text in frame["query"]]
    return sample_rows(
        drop_ambiguous_pairs(drop_cross_split_duplicates(frame, "document", settings), settings), settings
    )


def same_problem_search(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """Programs that solve the same problem (POJ-104; Mou et al. 2016, arXiv 1409.5718), a cluster being a problem.

    A train row has as ``document`` another program of its problem; a dev or test row is one program, to be searched
    among all of its split (protocol ``map``), so there each problem has two programs or more, whatever the size. A
    problem belongs to its last split: the script that split the set counted both ends of its ranges as inside.
    """
    frame = drop_cross_split_duplicates(read_normalised(inputs, settings), "cluster", settings)
    texts = frame.groupby(["split", "cluster"])["query"].agg(list)
    frame["document"] = [_partner(row, texts[row["split"], row["cluster"]]) for row in to_records(frame)]
    frame = keep_rows(frame, frame["document"].notna(), "a problem with one program", settings)
    parts = []
    for (split, language), group in frame.groupby(["split", "language"]):
        if split != "train":
            problems = sorted(set(group["cluster"]), key=lambda name: hash_uniform("problem", name))
            group = group[
                group["cluster"].isin(problems[: max(1, requested_rows(settings, str(split), str(language)) // 2)])
            ]
        parts.append(group)
    frame = sample_rows(pd.concat(parts), settings)
    alone = frame.groupby(["split", "cluster"])["id"].transform("size") == 1
    frame = frame[(frame["split"] == "train") | ~alone]
    return frame.assign(document=frame["document"].where(frame["split"] == "train", ""))


def _partner(row: dict[str, Any], texts: list[str]) -> str | None:
    others = [text for text in texts if text != row["query"]]
    return str(hash_choice(others, "partner", row["id"])) if others else None


def _with_texts(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """The pairs of CoSQA (Huang et al. 2021, arXiv 2105.13239) as CoIR has it: their texts are in two more tables.

    Fields ``query`` and ``document`` are ids at first. Raises :class:`CodeStiltsError` for an id without a text.
    """
    frame = pd.concat(list(read_tables(inputs, settings)), ignore_index=True)
    source = settings["read"][0]["source"]
    archive = Archive(inputs[source], f"task {settings['task']}")
    for name, config in (("query", "queries"), ("document", "corpus")):
        table = archive.table({"config": config, "split": config, "as": config})
        keys, texts = (values(table, column, f"{archive.where}: {config}", settings) for column in ("_id", "text"))
        known = dict(zip(keys, texts, strict=True))
        unknown = frame.loc[~frame[name].isin(known), name]
        if len(unknown):
            raise CodeStiltsError(f"{archive.where}: config {config} has no text of {unknown.iloc[0]}: fetch it again")
        frame[name] = frame[name].map(known)
    return frame


def web_query_match(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """Does this function answer the question?

    A tenth of the questions is held out: the set's own dev pairs are all right ones, made for retrieval.
    """
    frame = _with_texts(inputs, settings)
    held_out = [hash_uniform("held out", key) < DEV_SHARE for key in frame["cluster"]]
    frame = frame.assign(split=np.where(held_out, "dev", "train"))
    frame = frame.rename(columns={"query": "text_a", "document": "text_b"})
    return sample_rows(frame, settings)[[*COLUMNS, "text_a", "text_b", "label"]]


def web_search(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """Questions with the function that answers them; one function may answer many."""
    return sample_rows(drop_ambiguous_pairs(_with_texts(inputs, settings), settings), settings)


def cloze(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """One occurrence of one of the ``labels`` is masked, in a window of ``code_tokens``; ``text_a`` documents it.

    CodeXGLUE's ClozeTest has no gold words, so it is made anew, of the same set. A string or comment is one token of
    it: a word within is no occurrence. Other occurrences of the word stay. Tokens longer than ``characters`` are cut,
    lest a comment push the mask out of sight.
    """
    length, longest = settings["code_tokens"], settings["characters"]
    found = []
    for frame in read_tables(inputs, settings):
        for row in to_records(frame):
            tokens = row.pop("tokens")
            places: dict[str, list[int]] = {}
            for place, token in enumerate(tokens):
                places.setdefault(token, []).append(place)
            words = [word for word in settings["labels"] if word in places]
            if words:
                word = hash_choice(words, "word", row["id"])
                place = hash_choice(places[word], "place", row["id"])
                first = max(0, min(place - length // 2, len(tokens) - length))
                window = [_unmasked(token[:longest]) for token in tokens[first : first + length]]
                window[place - first] = MASK
                said = first_words(_unmasked(normalise_whitespace(row["text_a"])), settings["doc_words"])
                found.append({**row, "text_a": said, "text_b": normalise_whitespace(window), "label": word})
    if not found:
        raise CodeStiltsError(f"task {settings['task']}: no function has one of its labels as a token")
    both = drop_cross_split_duplicates(pd.DataFrame(found), "cluster", settings)
    return sample_rows(both, settings, by=("label",))[[*COLUMNS, "text_a", "text_b", "label"]]


def _unmasked(text: str) -> str:
    for mask in MASKS:
        text = text.replace(mask, "mask")
    return text


def translations(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """Is ``text_b`` the same function in another language? As translation pair prediction is for sentences (Mishra and
    Haghighi 2021, arXiv 2110.10318); wrong ones have as many words in common (:mod:`hard_negatives`).

    Fields: ``document`` (``text_a``) and ``query`` (its translation). Each document stands there twice, once with its
    own translation; a text that recurs is used once.
    """
    frame = drop_cross_split_duplicates(
        drop_cross_split_duplicates(read_normalised(inputs, settings), "query", settings), "document", settings
    ).sort_values("id")
    for side in ("query", "document"):
        frame = keep_rows(frame, ~frame.duplicated(["split", side]), f"another row has the {side}", settings)
    parts = []
    for (split, language), group in frame.groupby(["split", "language"]):
        count = -(-requested_rows(settings, str(split), str(language)) // 2)
        pool = shuffle_diverse(group, settings["task"]).head(max(count * settings["pool"], LEAST_POOL))
        blocks = np.array_split(np.arange(len(pool)), -(-len(pool) // BLOCK))
        found = pd.concat([assign_negatives(pool.iloc[places], settings) for places in blocks])
        parts.append(shuffle_diverse(found, settings["task"], by=("nearer",)).head(count))
    true = pd.concat(parts, ignore_index=True)
    same, other = settings["labels"]
    both = [
        true.assign(id=true["id"] + f"#{label}", text_a=true["document"], text_b=true[side], label=label)
        for label, side in ((same, "query"), (other, "other_query"))
    ]
    return pd.concat(both).sort_values("id")[[*COLUMNS, "text_a", "text_b", "label", "other_id"]]
