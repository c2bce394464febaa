"""Which functions an example may be made of: loading, splits by package and cluster, stable sampling."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from codestilts.errors import CodeStiltsError

# One cluster of near duplicates belongs to one split only, the first of these that any member's package has;
# members elsewhere are dropped. So what is tested never loses, and what trains never sees what is tested.
SPLIT_PRIORITY = ("parallel", "test", "dev", "train", "intermediate")
NO_LIMIT = 1 << 40  # rows
DEV_SHARE = 0.1  # share of the intermediate packages' clusters that is held out as their dev set

Settings = dict[str, Any]
Inputs = dict[str, Path]  # language or source name, and "clusters" -> file


def hash_uniform(*words: object) -> float:
    """A number in [0, 1) that depends on the words alone.

    The same row has the same luck in every run, so a larger study's examples contain those of a smaller one.
    """
    digest = hashlib.blake2b("\0".join(map(str, words)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def hash_choice(items: Sequence[Any], *words: object) -> Any:
    """One item of a non-empty sequence, picked by :func:`draw`."""
    return items[int(hash_uniform(*words) * len(items))]


def cluster_splits(cluster: pd.Series, split: pd.Series) -> pd.Series:
    """The split each row's cluster belongs to (see ``SPLIT_PRIORITY``), aligned with the rows."""
    unknown = sorted(set(split) - set(SPLIT_PRIORITY))
    if unknown:
        raise CodeStiltsError(f"package split {unknown[0]!r} is unknown: use one of {', '.join(SPLIT_PRIORITY)}")
    rank = split.map({name: rank for rank, name in enumerate(SPLIT_PRIORITY)}).astype(int)
    return rank.groupby(cluster).transform("min").map(dict(enumerate(SPLIT_PRIORITY)))


def load_functions(
    inputs: Inputs, settings: Settings, columns: Iterable[str] = (), with_doc: bool = False
) -> pd.DataFrame:
    """Usable functions of the task's languages: id, language, package, package_split, cluster and ``columns``.

    A function is usable if its package's split is the split of its cluster. ``inputs`` maps each language to
    its functions file and "clusters" to the cluster file.
    """
    wanted = ["id", "language", "source", "package_split", *columns]
    wanted += ["doc"] if with_doc and "doc" not in wanted else []
    frames = [pd.read_parquet(inputs[name], columns=wanted) for name in settings["languages"] if name in inputs]
    if not frames:
        raise CodeStiltsError(f"task {settings['task']}: none of its languages has a functions file")
    clusters = pd.read_parquet(inputs["clusters"], columns=["id", "cluster", "split"])
    frame = pd.concat(frames, ignore_index=True).merge(clusters, on="id", how="left", validate="one_to_one")
    if frame["cluster"].isna().any():
        missing = frame.loc[frame["cluster"].isna(), "id"].iloc[0]
        raise CodeStiltsError(f"function {missing} has no cluster: rebuild {inputs['clusters']}")
    frame = frame[frame["package_split"] == frame["split"]].drop(columns="split")
    if with_doc:
        frame = frame[frame["doc"] != ""]
    return frame.rename(columns={"source": "package"}).reset_index(drop=True)


def to_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows as dictionaries."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def log_dropped_rows(settings: Settings, count: int, total: int, why: str) -> None:
    """Say in the log how many of ``total`` rows are left out, and why; ``build`` notes it with the examples."""
    if count:
        print(f"{settings['task']}: {count} of {total} rows dropped: {why}")
        settings.get("dropped", {}).update({why: settings.get("dropped", {}).get(why, 0) + int(count)})


def shuffle_diverse(frame: pd.DataFrame, *words: object, by: Sequence[str] = ("package",)) -> pd.DataFrame:
    """Rows in a random but reproducible order in which any prefix is diverse.

    A cluster's second member comes after every first one of its group, and groups (columns ``by``: packages,
    labels) take turns, so that a large package or a frequent label does not crowd out the others.
    """
    frame = frame.assign(_luck=[hash_uniform(*words, key) for key in frame["id"]]).sort_values(["_luck", "id"])
    frame = frame.assign(_copy=frame.groupby("cluster").cumcount()).sort_values(["_copy", "_luck", "id"])
    frame = frame.assign(_turn=frame.groupby(list(by)).cumcount()).sort_values(["_turn", "_luck", "id"])
    return frame.drop(columns=["_luck", "_copy", "_turn"]).reset_index(drop=True)


def split_intermediate_functions(frame: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Functions of intermediate packages with ``split`` train or dev, told apart by cluster."""
    frame = frame[frame["package_split"] == "intermediate"]
    held_out = {key: hash_uniform("intermediate dev", key) < DEV_SHARE for key in set(frame["cluster"])}
    return frame.assign(split=frame["cluster"].map(held_out).map({True: "dev", False: "train"}))


def select_target_functions(frame: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Functions a target may use, with ``split``: train and dev of the source language, test of every language."""
    source = frame["language"] == settings["source_language"]
    use = (source & frame["package_split"].isin(["train", "dev"])) | (frame["package_split"] == "test")
    frame = frame[use]
    if not (frame["package_split"] == "train").any():
        raise CodeStiltsError(
            f"task {settings['task']}: no package of source language {settings['source_language']} "
            "has the split train in sources.csv: choose another source_language"
        )
    return frame.assign(split=frame["package_split"])


def orient_pairs(pairs: pd.DataFrame, settings: Settings, own: str) -> pd.DataFrame:
    """Pairs with the side that the task says as ``query``; ``own`` is the one of ``query`` and ``document`` that is in
    the row's language.

    Option ``queries``: ``language`` lets this side ask and searches the other, ``partner`` the reverse. Without it the
    pairs stay as they are.
    """
    asking = {"language": "query", "partner": "document"}.get(settings.get("queries", ""), own)
    return pairs if asking == own else pairs.rename(columns={"query": "document", "document": "query"})


def requested_rows(settings: Settings, split: str, language: str) -> int:
    """How many rows are asked for: per language in test, in all languages together in train and dev.

    A size that is not given means all there are.
    """
    wanted = settings.get(split)
    if split == "test" and language == settings.get("source_language"):
        wanted = settings.get("test_source") or wanted
    return NO_LIMIT if wanted is None else int(wanted)


def fair_shares(total: int, available: Sequence[int]) -> list[int]:
    """``total`` divided evenly, what one cannot fill going to the others: ``fair_shares(10, [2, 9]) == [2, 8]``."""
    shares = [0] * len(available)
    order = sorted(range(len(available)), key=lambda place: available[place])
    for done, place in enumerate(order):
        shares[place] = min(available[place], -(-(total - sum(shares)) // (len(order) - done)))
    return shares


def sample_rows(
    frame: pd.DataFrame, settings: Settings, by: Sequence[str] = ("package",), equal_test: bool = False, times: int = 1
) -> pd.DataFrame:
    """Of each split and language, as many rows as asked for, diverse (see :func:`shuffled`).

    A target's dev rows are counted by language, like its test rows: those of other languages serve the oracle only.

    ``equal_test``: the source language's test set is as large as the others'. ``times``: so many times as many rows,
    the pool for a builder that cannot use every one.
    """
    parts = []
    for split, rows in frame.groupby("split", sort=True):
        groups = [(str(language), group) for language, group in rows.groupby("language", sort=True)]
        sizes = [times * requested_rows(settings, str(split), "" if equal_test else language) for language, _ in groups]
        if split == "train" or (split == "dev" and settings.get("role") != "target"):
            sizes = fair_shares(sizes[0], [len(group) for _, group in groups])
        for (_, group), count in zip(groups, sizes, strict=True):
            parts.append(shuffle_diverse(group, settings["task"], by=by).head(count))
    return pd.concat(parts, ignore_index=True) if parts else frame
