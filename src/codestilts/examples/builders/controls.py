"""Control tasks: what is left of intermediate training when its labels, or its reasoning, are taken away.

Continued masked language modelling reads the very texts of the intermediate tasks; ``synthetic`` asks only whether
a text was tampered with, after Chang and Lu 2021 (arXiv 2108.11696, who tell generated from real sentences).
Inputs are example files of other tasks, by task name.
"""

import random
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.examples.sampling import Settings, hash_uniform, requested_rows, sample_rows, shuffle_diverse

WORD = re.compile(r"\w+|\W+")
FIELDS = ("text_a", "text_b", "question", "context", "query", "document")
COMMON = ["id", "language", "split", "cluster", "package"]


def _texts_of(row: Mapping[Any, Any]) -> list[str]:
    """The texts that a task shows in one example; of a choice, its context goes on with the right one."""
    if "tokens" in row:
        return [" ".join(row["tokens"])]
    if "choices" in row:
        return [f"{row['context']} {row['choices'][row['label']]}"]
    return [row[field] for field in FIELDS if row.get(field)]


def collect_texts(inputs: dict[str, Path], settings: Settings) -> pd.DataFrame:
    """Every text of the tasks once: the common columns, ``task`` and ``text``; split train or dev.

    A cluster that one task holds out is held out here too. Examples with a label of ``settings["leave_out"]`` are
    left out (texts that their task altered).
    """
    rows = []
    for task, path in sorted(inputs.items()):
        frame = pd.read_parquet(path)
        if "label" in frame:
            frame = frame[~frame["label"].isin(settings.get("leave_out", []))]
        for row in frame[frame["split"].isin(["train", "dev"])].to_dict("records"):
            for number, text in enumerate(_texts_of(row)):
                common = {column: row[column] for column in COMMON}
                rows.append(common | {"id": f"{task}:{row['id']}:{number}", "task": task, "text": text})
    if not rows:
        raise CodeStiltsError(f"task {settings['task']}: its inputs ({', '.join(sorted(inputs))}) hold no text")
    found = pd.DataFrame(rows)
    held_out = found["cluster"].isin(found.loc[found["split"] == "dev", "cluster"])
    held_out |= found["text"].isin(found.loc[held_out, "text"])
    found["split"] = held_out.map({True: "dev", False: "train"})
    return found.sort_values("id").drop_duplicates("text").reset_index(drop=True)


def mlm(inputs: dict[str, Path], settings: Settings) -> pd.DataFrame:
    """The texts themselves: at most ``settings["texts"]`` to train on (tasks take turns) and ``dev`` held out."""
    return sample_rows(collect_texts(inputs, settings), settings | {"train": settings["texts"]}, by=("task",))


def corruption_detection(inputs: dict[str, Path], settings: Settings) -> pd.DataFrame:
    """Is this text as it was, or were some of its words replaced at random? Half English, half code.

    Of a corrupted text the share ``settings["replaced"]`` of words (at least one) gives way to words drawn from all
    texts of its language. Texts are cut to ``settings["words"]`` words first, so that a change is always in sight.
    """
    pool = collect_texts(inputs, settings)
    pool["text"] = [_first_words(text, settings["words"]) for text in pool["text"]]
    pool = pool[pool["text"].str.count(r"\w+") >= 5].drop_duplicates("text")
    vocabulary = {
        language: [word for text in group.sort_values("id")["text"] for word in re.findall(r"\w+", text)]
        for language, group in pool.groupby("language")
    }
    # One coin a cluster: a near copy must not show what the text was.
    pool["label"] = ["corrupted" if hash_uniform("half", key) < 0.5 else "real" for key in pool["cluster"]]
    halves = {split: -(-requested_rows(settings, split, "") // 2) for split in ("train", "dev")}
    english = pool["language"] == "english"
    found = pd.concat(
        [sample_rows(group, settings | halves, by=("label",)) for group in (pool[english], pool[~english])],
        ignore_index=True,
    )
    found["text_a"] = [
        replace_random_words(
            row["text"], vocabulary[row["language"]], settings["replaced"], hash_uniform("corrupt", row["id"])
        )
        if row["label"] == "corrupted"
        else row["text"]
        for row in found.to_dict("records")
    ]
    return shuffle_diverse(found.assign(text_b=""), settings["task"], by=("label",))[
        [*COMMON, "text_a", "text_b", "label", "task"]
    ]


def replace_random_words(text: str, vocabulary: list[str], share: float, seed: float) -> str:
    """``text`` with a share of its words, at least one, replaced by other words of ``vocabulary``."""
    luck = random.Random(seed)
    pieces = WORD.findall(text)
    places = [place for place, piece in enumerate(pieces) if re.match(r"\w", piece)]
    for place in luck.sample(places, max(1, round(share * len(places)))):
        others = [word for word in luck.choices(vocabulary, k=20) if word != pieces[place]]
        pieces[place] = others[0] if others else pieces[place] + "s"
    return "".join(pieces)


def _first_words(text: str, limit: int) -> str:
    """The text up to its ``limit``-th word, with its own white space."""
    ends = [match.end() for match in re.finditer(r"\w+", text)]
    return text if len(ends) <= limit else text[: ends[limit - 1]]
