"""Control tasks: intermediate training without the labels of the tasks, or without their reasoning.

Continued masked language modelling reads the texts of the intermediate tasks. ``synthetic`` asks whether a text was
corrupted, after Chang and Lu 2021 (arXiv 2108.11696), who tell generated from real sentences. Inputs are the examples
of other tasks, by task name.
"""

import random
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from codestilts.columns import EXAMPLE_COLUMNS
from codestilts.errors import CodeStiltsError
from codestilts.examples.builder_settings import BuilderSettings, Inputs
from codestilts.examples.sampling import hash_uniform, requested_rows, sample_rows, shuffle_diverse, to_records
from codestilts.job_files import read_parquet

TEXT_COLUMNS = ("text_a", "text_b", "question", "context", "query", "document")
MIN_WORDS = 5  # of a text that may be corrupted: half of fewer than five words is one or two
WORD_DRAWS = 20  # draws of a word that differs from the one it replaces
_WORD = re.compile(r"\w+")
_WORD_OR_GAP = re.compile(r"\w+|\W+")


def _texts_of(row: Mapping[str, Any]) -> list[str]:
    """The texts that a task shows in one example; a multiple-choice context is followed by its correct choice."""
    if "tokens" in row:
        return [" ".join(row["tokens"])]
    if "choices" in row:
        return [f"{row['context']} {row['choices'][row['label']]}"]
    return [row[field] for field in TEXT_COLUMNS if row.get(field)]


def collect_texts(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Collect every text of the tasks once.

    A cluster that is dev in one task is dev here too. Examples with a label of the option ``leave_out``, whose texts
    their task altered, are dropped.

    Returns:
        Rows with the common columns, ``task`` and ``text``; split train or dev.

    Raises:
        CodeStiltsError: The tasks have no text.
    """
    rows = []
    for task, path in sorted(inputs.files.items()):
        frame = read_parquet(path)
        if "label" in frame:
            frame = frame[~frame["label"].isin(settings.options.leave_out)]
        for row in to_records(frame[frame["split"].isin(["train", "dev"])]):
            common = {column: row[column] for column in EXAMPLE_COLUMNS}
            for number, text in enumerate(_texts_of(row)):
                rows.append(common | {"id": f"{task}:{row['id']}:{number}", "task": task, "text": text})
    if not rows:
        raise CodeStiltsError(
            f"task {settings.task}: its inputs ({', '.join(sorted(inputs.files))}) have no text: read other tasks"
        )
    texts = pd.DataFrame(rows)
    is_dev = texts["cluster"].isin(texts.loc[texts["split"] == "dev", "cluster"])
    is_dev |= texts["text"].isin(texts.loc[is_dev, "text"])
    texts["split"] = is_dev.map({True: "dev", False: "train"})
    return texts.sort_values("id").drop_duplicates("text").reset_index(drop=True)


def mlm(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Read the texts themselves: at most ``texts`` to train on (tasks take turns), and ``dev`` held-out ones."""
    texts = collect_texts(inputs, settings)
    return sample_rows(texts, replace(settings, train=settings.required("texts")), by=("task",))


def corruption_detection(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Tell whether words of a text were replaced at random; half of the texts are English, half code.

    The share ``replaced`` of the words of a corrupted text (at least one) is replaced by words drawn from all texts of
    its language. Texts are first truncated to ``words`` words, so that a change is always visible.
    """
    texts = collect_texts(inputs, settings)
    texts["text"] = [_truncate_words(text, settings.required("words")) for text in texts["text"]]
    texts = texts[texts["text"].str.count(_WORD.pattern) >= MIN_WORDS].drop_duplicates("text")
    vocabulary = {
        language: [word for text in group.sort_values("id")["text"] for word in _WORD.findall(text)]
        for language, group in texts.groupby("language")
    }
    # One draw for each cluster: a near-duplicate must not show what the text was.
    texts["label"] = ["corrupted" if hash_uniform("half", key) < 0.5 else "real" for key in texts["cluster"]]
    half = {split: -(-requested_rows(settings, split, "") // 2) for split in ("train", "dev")}
    half_settings = replace(settings, train=half["train"], dev=half["dev"])
    english = texts["language"] == "english"
    parts = [sample_rows(group, half_settings, by=("label",)) for group in (texts[english], texts[~english])]
    frame = pd.concat(parts, ignore_index=True)
    frame["text_a"] = [
        replace_random_words(
            row["text"], vocabulary[row["language"]], settings.required("replaced"), hash_uniform("corrupt", row["id"])
        )
        if row["label"] == "corrupted"
        else row["text"]
        for row in to_records(frame)
    ]
    frame = shuffle_diverse(frame.assign(text_b=""), settings.task, by=("label",))
    return frame[[*EXAMPLE_COLUMNS, "text_a", "text_b", "label", "task"]]


def replace_random_words(text: str, vocabulary: list[str], share: float, seed: float) -> str:
    """Replace a share of the text's words, at least one, by other words of ``vocabulary``."""
    rng = random.Random(seed)
    pieces = _WORD_OR_GAP.findall(text)
    words = [index for index, piece in enumerate(pieces) if _WORD.match(piece)]
    for index in rng.sample(words, max(1, round(share * len(words)))):
        others = [word for word in rng.choices(vocabulary, k=WORD_DRAWS) if word != pieces[index]]
        pieces[index] = others[0] if others else pieces[index] + "s"
    return "".join(pieces)


def _truncate_words(text: str, limit: int) -> str:
    """The text up to its ``limit``-th word, white space unchanged."""
    ends = [match.end() for match in _WORD.finditer(text)]
    return text if len(ends) <= limit else text[: ends[limit - 1]]
