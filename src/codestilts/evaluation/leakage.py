"""Leakage audit: whether test examples are also in a training set, as a function, a near-duplicate or a text.

Ids and the clusters that builders name identify functions and rows of one source; those of published tables may contain
the names of splits. Texts are therefore compared as well, ignoring white space, invisible characters and case, across
all sets and task types, and near-duplicates by one clustering of all texts (:mod:`codestilts.examples.text_clusters`).
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from codestilts.config.analysis_settings import ComparisonSettings
from codestilts.examples.text_clusters import LONGER, normalised, parts
from codestilts.job_files import read_parquet

MAX_COPIED = 0.5  # share of a language's test examples; published sets repeat some rows, but never half of them
SAME_SOURCE = ("functions", "source_clusters")  # the columns that must be zero
COLUMNS = ["trained_on", "split", "tested_on", "tested", *SAME_SOURCE, "copies", "most_copied", "shared_texts",
           "clusters", "left_out", "remaining"]  # fmt: skip
NOTHING = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Contents:
    """What identifies the examples of a set, without their texts.

    ``whole`` has one digest of all texts per example, aligned with the rows; ``longer`` has one of each text of at
    least :data:`LONGER` characters, by row number; ``functions`` and ``clusters`` are the ids of functions and the
    clusters as builders name them.
    """

    languages: np.ndarray
    functions: pd.Index
    clusters: pd.Series
    whole: np.ndarray
    longer: pd.Series


def functions_of(examples: pd.DataFrame) -> pd.Index:
    """Return the functions that examples are made of: their ids without the suffix after ``#``."""
    return pd.Index({name.partition("#")[0] for name in examples["id"]})


def contents(examples: pd.DataFrame) -> Contents:
    """Return what identifies examples."""
    whole, longer, rows = list[str](), list[str](), list[int]()
    for row, texts in enumerate(parts(examples)):
        normal = sorted({normalised(text) for text in texts} - {""})
        whole.append("\0".join(normal))
        long_texts = [text for text in normal if len(text) >= LONGER]
        longer += long_texts
        rows += [row] * len(long_texts)
    found = (examples["language"].to_numpy(), functions_of(examples), examples["cluster"].reset_index(drop=True))
    return Contents(*found, _digests(whole), pd.Series(_digests(longer), index=rows))


def _digests(texts: list[str]) -> np.ndarray:
    return pd.util.hash_array(np.asarray(texts, dtype=object)) if texts else np.empty(0, dtype=np.uint64)


def audit(
    training: Mapping[str, Path],
    targets: Mapping[str, Path],
    clusters: pd.DataFrame,
    left_out: Mapping[str, np.ndarray],
) -> pd.DataFrame:
    """Measure how much of each test set is also trained on.

    The train rows of each task are compared with the dev and test rows of each target, its own included (``split`` is
    ``train``), and the dev rows of each target with its test rows (``split`` is ``dev``). One set is in memory at a
    time, and digests of the tested ones.

    Args:
        training: The files of examples of intermediate tasks and targets, by task.
        targets: The files of targets.
        clusters: What :func:`codestilts.examples.text_clusters.text_clusters` found in all of them.
        left_out: Positions of the examples that each task's training leaves out.

    Returns:
        One row per pair of sets, with the columns

        - ``trained_on``, ``split``, ``tested_on``; ``tested``: the number of examples that are compared, those of dev
          and test (split ``train``) or of test alone (split ``dev``)
        - ``functions``, ``source_clusters``: the shares that are made of a trained function, or of one in the same
          cluster as builders name them; both must be zero for the split ``train``
        - ``copies``: the number of examples whose texts are all those of one training example; ``most_copied``: their
          share in the language where it is highest
        - ``shared_texts``: the number with a text of :data:`LONGER` characters or more that is also a training text
        - ``clusters``: the share with a text in the same cluster of near-duplicates as a training text, over all sets
        - ``left_out``: the number of training examples that are left out because of such a text
        - ``remaining``: the share as in ``clusters`` after these are left out
    """
    tested = {
        (name, part): found for name, file in targets.items() for part, found in _tested(read_parquet(file)).items()
    }
    rows = []
    for task, file in training.items():
        frame = read_parquet(file)
        trained = contents(frame[frame["split"] == "train"])
        for target in targets if len(trained.whole) else ():
            overlap = _overlap(tested[target, "tested"], trained)
            overlap |= _near_duplicates(clusters, (task, target), len(tested[target, "tested"].whole), left_out)
            rows.append({"trained_on": task, "split": "train", "tested_on": target, **overlap})
    for target in targets:
        dev, test = tested[target, "dev"], tested[target, "test"]
        if len(dev.whole) and len(test.whole):
            near = _share(_rows(clusters, target, "dev"), _rows(clusters, target, "test"), len(test.whole))
            overlap = _overlap(test, dev) | {"clusters": near, "left_out": 0, "remaining": near}
            rows.append({"trained_on": target, "split": "dev", "tested_on": target, **overlap})
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.sort_values(["trained_on", "split", "tested_on"], ignore_index=True)


def _tested(examples: pd.DataFrame) -> dict[str, Contents]:
    splits = {"tested": ("dev", "test"), "dev": ("dev",), "test": ("test",)}
    return {part: contents(examples[examples["split"].isin(names)]) for part, names in splits.items()}


def _overlap(tested: Contents, trained: Contents) -> dict[str, float]:
    """What tested and trained examples have in common."""
    copied = pd.Series(np.isin(tested.whole, trained.whole))
    return {
        "tested": len(tested.whole),
        "functions": float(tested.functions.isin(trained.functions).mean()) if len(tested.functions) else 0.0,
        "source_clusters": float(tested.clusters.isin(trained.clusters.unique()).mean()) if len(copied) else 0.0,
        "copies": int(copied.sum()),
        "most_copied": float(copied.groupby(tested.languages).mean().max()) if len(copied) else 0.0,
        "shared_texts": int(tested.longer.index[tested.longer.isin(trained.longer)].nunique()),
    }


def _rows(clusters: pd.DataFrame, task: str, *splits: str) -> pd.DataFrame:
    return clusters[(clusters["task"] == task) & clusters["split"].isin(splits)]


def _share(trained: pd.DataFrame, tested: pd.DataFrame, number: int) -> float:
    """The share of ``number`` tested examples that are in a cluster with a trained one."""
    found = tested.loc[tested["cluster"].isin(trained["cluster"].unique()), "row"].nunique()
    return found / number if number else 0.0


def _near_duplicates(
    clusters: pd.DataFrame, pair: tuple[str, str], number: int, left_out: Mapping[str, np.ndarray]
) -> dict[str, float]:
    """The near-duplicates of a training task and a target, and what is left of them."""
    task, target = pair
    trained, tested = _rows(clusters, task, "train"), _rows(clusters, target, "dev", "test")
    is_out = trained["row"].isin(left_out.get(task, NOTHING))
    dropped = trained.loc[is_out & trained["cluster"].isin(tested["cluster"].unique()), "row"].nunique()
    return {
        "clusters": _share(trained, tested, number),
        "left_out": dropped,
        "remaining": _share(trained[~is_out], tested, number),
    }


def violations(table: pd.DataFrame) -> list[str]:
    """Describe the pairs that share a function or a cluster, or of which one is mostly a copy of the other."""
    trained = table[table["split"] == "train"].to_dict("records")
    same_source = [
        f"task {row['trained_on']} trains on {row[name]:.2%} of the {name.removeprefix('source_')} that target "
        f"{row['tested_on']} is tested on"
        for row in trained
        for name in SAME_SOURCE
        if row[name] > 0
    ]
    copied = [
        f"task {row['trained_on']} trains on the texts of {row['most_copied']:.0%} of the test examples of target "
        f"{row['tested_on']} in one language: check whether one split is read twice"
        for row in trained
        if row["most_copied"] > MAX_COPIED
    ]
    return same_source + copied


def with_leaks(settings: ComparisonSettings, table: pd.DataFrame) -> ComparisonSettings:
    """Add leaked targets to the ``overlaps`` of each arm.

    A target is leaked if more than the study's ``flagged_share`` of its tested examples are near-duplicates of training
    examples of a task of the arm.
    """
    rows = table[(table["split"] == "train") & (table["remaining"] > settings.flagged_share)]
    leaks = rows.groupby("trained_on")["tested_on"].agg(list)
    arms = {}
    for name, arm in settings.arms.items():
        found = {target for task in arm.tasks if task in leaks for target in leaks[task]} & settings.targets.keys()
        arms[name] = replace(arm, overlaps=tuple(sorted({*arm.overlaps, *found})))
    return replace(settings, arms=arms)


def findings(table: pd.DataFrame, split: str) -> list[str]:
    """Describe each pair of sets that overlap: the ``split`` of the first task and the tests of the second."""
    lines = []
    for row in table[table["split"] == split].to_dict("records"):
        if overlaps := _described(row):
            lines.append(f"{row['trained_on']} and {row['tested_on']}: {', '.join(overlaps)}")
    return lines


def _described(row: dict[Hashable, Any]) -> list[str]:
    numbers = {"copies": "are copies", "shared_texts": "share a text"}
    counts = [f"{row[key]} of {row['tested']} {name}" for key, name in numbers.items() if row[key] > 0]
    shares = {"functions": "functions", "source_clusters": "clusters of functions", "clusters": "near-duplicates"}
    counts += [f"{row[key]:.2%} {name}" for key, name in shares.items() if row[key] > 0]
    if row["left_out"] > 0:
        counts.append(f"{row['left_out']} training examples are left out, so that {row['remaining']:.2%} remain")
    return counts


def summary(table: pd.DataFrame) -> list[str]:
    """Return the findings of an audit in lines for a log."""
    train, dev = findings(table, "train"), findings(table, "dev")
    pairs = (table["split"] == "train").sum()
    return [
        *train,
        *(f"dev and test set: {line}" for line in dev),
        f"{len(train)} of {pairs} pairs of training and test sets overlap",
    ]
