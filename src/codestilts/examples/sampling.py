"""Select the rows that examples are made of: load functions, split them by package and cluster, sample reproducibly."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.examples.builder_settings import BuilderSettings, Inputs
from codestilts.examples.text import is_blank
from codestilts.job_files import read_parquet

# A cluster of near-duplicates belongs to one split: the first of these that the package of any member has. Members in
# other splits are dropped, so test sets are never reduced and nothing that is tested is trained on.
SPLIT_PRIORITY = ("parallel", "test", "dev", "train", "intermediate")
NO_LIMIT = 1 << 40  # rows
# Share of the clusters (articles, questions) that becomes dev where a set has no dev split of its own. A convention: in
# the pocket study it leaves 960 intermediate functions for dev sets of 120, and 8,599 to train on.
DEV_SHARE = 0.1


def hash_uniform(*words: object) -> float:
    """Return a number in [0, 1) that depends on the words alone.

    A row gets the same number in every run, so the examples of a larger study contain those of a smaller one.
    """
    digest = hashlib.blake2b("\0".join(map(str, words)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


def hash_choice(items: Sequence[Any], *words: object) -> Any:
    """Pick one item of a non-empty sequence by :func:`hash_uniform`."""
    return items[int(hash_uniform(*words) * len(items))]


def dev_or_train(salt: str, key: object, share: float = DEV_SHARE) -> str:
    """Return the split of a cluster, by its key alone. Sets with one ``salt`` are split in the same way."""
    return "dev" if hash_uniform(salt, key) < share else "train"


def cluster_splits(cluster: pd.Series, split: pd.Series) -> pd.Series:
    """Return the split that each row's cluster belongs to (see ``SPLIT_PRIORITY``), aligned with the rows.

    Raises:
        CodeStiltsError: A split of a package is unknown.
    """
    unknown = sorted(set(split) - set(SPLIT_PRIORITY))
    if unknown:
        raise CodeStiltsError(f"package split {unknown[0]!r} is unknown: use one of {', '.join(SPLIT_PRIORITY)}")
    rank = split.map({name: rank for rank, name in enumerate(SPLIT_PRIORITY)}).astype(int)
    return rank.groupby(cluster).transform("min").map(dict(enumerate(SPLIT_PRIORITY)))


def load_functions(
    inputs: Inputs, settings: BuilderSettings, columns: Iterable[str] = (), with_doc: bool = False
) -> pd.DataFrame:
    """Load the usable functions of the task's languages. A function is usable if its cluster has its package's split.

    Args:
        inputs: The functions file of each language, and the clusters.
        settings: The builder's settings.
        columns: Columns to load beside the common ones.
        with_doc: Load documented functions only.

    Returns:
        Functions with id, language, package, package_split, cluster and ``columns``.

    Raises:
        CodeStiltsError: No language has a functions file, or a function has no cluster.
    """
    wanted = ["id", "language", "source", "package_split", *columns]
    wanted += ["doc"] if with_doc and "doc" not in wanted else []
    files = [inputs.files[name] for name in settings.languages if name in inputs.files]
    if not files or inputs.clusters is None:
        raise CodeStiltsError(f"task {settings.task}: no functions file of its languages, or no clusters: give both")
    functions = pd.concat([read_parquet(file, columns=wanted) for file in files], ignore_index=True)
    clusters = read_parquet(inputs.clusters, columns=["id", "cluster", "split"])
    frame = functions.merge(clusters, on="id", how="left", validate="one_to_one")
    if frame["cluster"].isna().any():
        missing = frame.loc[frame["cluster"].isna(), "id"].iloc[0]
        raise CodeStiltsError(f"function {missing} has no cluster: rebuild {inputs.clusters}")
    frame = frame[frame["package_split"] == frame["split"]].drop(columns="split")
    if with_doc:
        frame = frame[frame["doc"] != ""]
    return frame.rename(columns={"source": "package"}).reset_index(drop=True)


def to_records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows as dictionaries with string keys."""
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def log_dropped_rows(settings: BuilderSettings, count: int, total: int, reason: str) -> None:
    """Log how many of ``total`` rows are dropped and why; ``build`` stores the count with the examples."""
    if count:
        print(f"{settings.task}: {count} of {total} rows dropped: {reason}")
        dropped = settings.log.dropped
        dropped[reason] = dropped.get(reason, 0) + int(count)


def keep_rows(frame: pd.DataFrame, mask: pd.Series, reason: str, settings: BuilderSettings) -> pd.DataFrame:
    """Return the rows where ``mask`` is true; log the number of the others and the reason they are dropped."""
    log_dropped_rows(settings, (~mask).sum(), len(mask), reason)
    return frame[mask].reset_index(drop=True)


def drop_blank(frame: pd.DataFrame, columns: Iterable[str], settings: BuilderSettings) -> pd.DataFrame:
    """Drop the rows in which one of the columns has nothing to read."""
    for name in columns:
        frame = keep_rows(frame, ~frame[name].map(is_blank).astype(bool), f"its {name} is empty", settings)
    return frame


def drop_cross_split_duplicates(frame: pd.DataFrame, column: str, settings: BuilderSettings) -> pd.DataFrame:
    """Drop the rows whose ``column`` recurs in a later split, so test sets are never reduced."""
    split = frame["split"].map(("train", "dev", "test").index)
    latest = split.groupby(frame[column]).transform("max")
    return keep_rows(frame, split == latest, f"a later split has the same {column}", settings)


def drop_ambiguous_pairs(frame: pd.DataFrame, settings: BuilderSettings) -> pd.DataFrame:
    """Keep the pairs that retrieval can score: both sides present, each query once in a split and language.

    Rows with the same document get one cluster, as rows of a cluster are not each other's negatives. A second row of a
    query would count the right document of the first as wrong.
    """
    blank = [is_blank(query) or is_blank(found) for query, found in zip(frame["query"], frame["document"], strict=True)]
    frame = keep_rows(frame, ~pd.Series(blank, frame.index, dtype=bool), "a side is empty", settings)
    frame = frame.sort_values("id")
    repeated = frame.assign(key=frame["query"].str.lower()).duplicated(["split", "language", "key"])
    frame = keep_rows(frame, ~repeated, "another row has the query", settings)
    return frame.assign(cluster=frame.groupby("document")["id"].transform("first"))


def shuffle_diverse(frame: pd.DataFrame, *words: object, by: Sequence[str] = ("package",)) -> pd.DataFrame:
    """Put rows into a random but reproducible order of which any prefix is diverse.

    Within a group (columns ``by``: packages, labels) the second member of a cluster comes after the first members of
    all clusters. Groups take turns, so a large package or a frequent label does not crowd out the others.
    """
    frame = frame.assign(_key=[hash_uniform(*words, key) for key in frame["id"]]).sort_values(["_key", "id"])
    frame = frame.assign(_copy=frame.groupby("cluster").cumcount()).sort_values(["_copy", "_key", "id"])
    frame = frame.assign(_turn=frame.groupby(list(by)).cumcount()).sort_values(["_turn", "_key", "id"])
    return frame.drop(columns=["_key", "_copy", "_turn"]).reset_index(drop=True)


def split_intermediate_functions(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the functions of intermediate packages with ``split`` train or dev, split by cluster."""
    frame = frame[frame["package_split"] == "intermediate"]
    split = {key: dev_or_train("intermediate dev", key) for key in set(frame["cluster"])}
    return frame.assign(split=frame["cluster"].map(split))


def select_target_functions(frame: pd.DataFrame, settings: BuilderSettings) -> pd.DataFrame:
    """Return the functions that a target may use: train and dev of the source language, test of every language.

    Raises:
        CodeStiltsError: The source language has no package with the split train.
    """
    source = frame["language"] == settings.source_language
    frame = frame[(source & frame["package_split"].isin(["train", "dev"])) | (frame["package_split"] == "test")]
    if not (frame["package_split"] == "train").any():
        raise CodeStiltsError(
            f"task {settings.task}: no package of source language {settings.source_language} "
            "has the split train in sources.csv: choose another source_language"
        )
    return frame.assign(split=frame["package_split"])


def orient_pairs(pairs: pd.DataFrame, settings: BuilderSettings, own: str) -> pd.DataFrame:
    """Swap ``query`` and ``document`` if the option ``queries`` asks for it.

    Args:
        pairs: Rows with the columns ``query`` and ``document``.
        settings: With ``queries: language`` the side in the row's language is the query, with ``partner`` the other
            side. Without the option the pairs stay as they are.
        own: The column that is in the row's language, ``query`` or ``document``.
    """
    query = {"language": "query", "partner": "document"}.get(settings.options.queries or "", own)
    return pairs if query == own else pairs.rename(columns={"query": "document", "document": "query"})


def requested_rows(settings: BuilderSettings, split: str, language: str) -> int:
    """Return how many rows are asked for: of test in ``language``, of train and dev in all languages together."""
    size = settings.sizes().get(split)
    if split == "test" and language == settings.source_language:
        size = settings.test_source or size
    return NO_LIMIT if size is None else size


def fair_shares(total: int, available: Sequence[int]) -> list[int]:
    """Divide ``total`` evenly; what one group lacks goes to the others: ``fair_shares(10, [2, 9]) == [2, 8]``."""
    shares = [0] * len(available)
    smallest_first = sorted(range(len(available)), key=lambda index: available[index])
    for done, index in enumerate(smallest_first):
        even = -(-(total - sum(shares)) // (len(available) - done))
        shares[index] = min(available[index], even)
    return shares


def sample_rows(
    frame: pd.DataFrame,
    settings: BuilderSettings,
    by: Sequence[str] = ("package",),
    equal_test: bool = False,
    times: int = 1,
) -> pd.DataFrame:
    """Sample as many rows of each split and language as the settings ask for.

    A target's dev rows are counted by language, like its test rows: only the oracle uses those of other languages.

    Args:
        frame: Rows with the columns of ``EXAMPLE_COLUMNS``.
        settings: The builder's settings.
        by: The columns whose groups take turns (see :func:`shuffle_diverse`).
        equal_test: Make the source language's test set as large as the others'.
        times: Sample this many times as many rows, for a builder that cannot use every one.
    """
    parts = []
    for split, rows in frame.groupby("split", sort=True):
        groups = [(str(language), group) for language, group in rows.groupby("language", sort=True)]
        sizes = [times * requested_rows(settings, str(split), "" if equal_test else name) for name, _ in groups]
        if split == "train" or (split == "dev" and settings.role != "target"):
            sizes = fair_shares(sizes[0], [len(group) for _, group in groups])
        for (_, group), count in zip(groups, sizes, strict=True):
            parts.append(shuffle_diverse(group, settings.task, by=by).head(count))
    return pd.concat(parts, ignore_index=True) if parts else frame
