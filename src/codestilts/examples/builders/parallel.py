"""Parallel code: the same function in two languages, from libraries that have implementations in both.

Retrieval runs in both directions. ``language`` is that of the functions that are searched, unless the option
``queries`` makes them the queries.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from codestilts.columns import EXAMPLE_COLUMNS
from codestilts.errors import CodeStiltsError
from codestilts.examples.builder_settings import BuilderSettings, Inputs
from codestilts.examples.builders.code import HIDDEN_NAME, truncate_code
from codestilts.examples.sampling import (
    hash_uniform,
    load_functions,
    orient_pairs,
    requested_rows,
    sample_rows,
    shuffle_diverse,
    to_records,
)
from codestilts.examples.text import letters_only, replace_word

INDEXED = "ndarray"  # part of the name of a function's variant that takes offsets, or of its file's name


def module_folder(path: str) -> str:
    """Return the folder of a function's module: the path up to the last ``lib`` or ``src``."""
    parts = PurePosixPath(path).parts[:-1]
    inner = [index for index, part in enumerate(parts) if part in ("lib", "src")]
    return "/".join(parts[: inner[-1]] if inner else parts)


def resolve_macro_name(name: str, code: str) -> str:
    """Return a function's name even if a macro makes it: ``API_SUFFIX(c_daxpy)(...)`` is ``c_daxpy``."""
    inner = re.search(rf"(?<!\w){re.escape(name)}\(\s*(\w+)\s*\)\s*\(", code) if name.isupper() else None
    return inner[1] if inner else name


def module_pair_key(path: str, name: str) -> str:
    """Return the key that both implementations of a function have, or "" for one that is not its module's main one.

    In ``math/base/special/abs`` it belongs to ``abs`` in JavaScript and ``stdlib_base_abs`` in C, in
    ``blas/base/daxpy`` to ``daxpy`` (``c_daxpy``) and, in ``ndarray.js``, to ``daxpy`` (``c_daxpy_ndarray``). Bindings
    and factories of the module are in files of other names.
    """
    module, stem = module_folder(path), PurePosixPath(path).stem
    base = letters_only(PurePosixPath(module).name)
    if letters_only(stem.removesuffix(f"_{INDEXED}")) not in (base, "main", INDEXED):
        return ""
    variant = INDEXED if INDEXED in f"{stem} {name}" else "main"
    return f"{module} {variant}" if letters_only(name.removesuffix(f"_{INDEXED}")).endswith(base) else ""


def pair_key(row: Mapping[str, Any], libraries: Mapping[str, str]) -> str:
    """Return a key, with the library's name, that both implementations of a function have, or "".

    A package with both languages has a module for each function (see :func:`module_pair_key`). If each language has a
    package of its own, the key is the name without case and underscores: ``_MoonPhase`` and ``moon_phase`` are a pair.

    Args:
        row: package, path and name of a function.
        libraries: the library of each package that has one language only.
    """
    library = libraries.get(row["package"])
    key = letters_only(row["name"]) if library else module_pair_key(row["path"], row["name"])
    return f"{library or row['package']}:{key}" if key else ""


def hide_function_names(code: str, names: Iterable[str]) -> str:
    """Hide the names of both implementations, with and without the variant's suffix."""
    without_suffix = {name.removesuffix(f"_{INDEXED}") for name in names}
    for name in sorted(without_suffix | {f"{name}_{INDEXED}" for name in without_suffix}):
        code = replace_word(code, name, HIDDEN_NAME)
    return code


def load_implementations(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Load the functions of the parallel packages with ``text``, ``pair`` ("" without a partner) and ``split``.

    A pair has exactly one function in each language (see :func:`pair_key`); its texts show neither name. Both functions
    get the cluster of the one in the second language, because short functions in the first are near-duplicates of
    too many others.

    Raises:
        CodeStiltsError: One of the two languages has no functions, or a package of ``libraries`` has none.
    """
    languages = settings.languages
    if len(languages) != 2 or not set(languages) <= set(inputs.files):
        raise CodeStiltsError(f"task {settings.task}: needs functions of its two languages: put both in the study")
    frame = load_functions(inputs, settings, ["name", "path", "code", "token_starts"])
    frame = frame[frame["package_split"] == "parallel"].copy()
    frame["name"] = [resolve_macro_name(name, code) for name, code in zip(frame["name"], frame["code"], strict=True)]
    libraries = {package: name for name, packages in settings.options.libraries.items() for package in packages}
    if missing := sorted(set(libraries) - set(frame["package"])):
        raise CodeStiltsError(
            f"task {settings.task}: option libraries: {', '.join(missing)}: no functions in the split parallel: correct"
            " the name, or list the package in sources.csv"
        )
    frame["pair"] = [pair_key(row, libraries) for row in to_records(frame[["package", "path", "name"]])]
    frame["module"] = frame["package"] + ":" + frame["path"].map(module_folder)
    sides = frame.groupby("pair")["language"].agg(["nunique", "size"])
    complete = sides[(sides["nunique"] == 2) & (sides["size"] == 2)].index
    frame["pair"] = frame["pair"].where(frame["pair"].isin(complete), "")
    second = frame[(frame["pair"] != "") & (frame["language"] == languages[1])].set_index("pair")["cluster"]
    frame["cluster"] = frame["pair"].map(second).fillna(frame["cluster"])
    names = frame[frame["pair"] != ""].groupby("pair")["name"].agg(set)
    frame["text"] = [
        hide_function_names(truncate_code(row, settings), names.get(row["pair"], {row["name"]}))
        for row in to_records(frame)
    ]
    return frame.sort_values("id").assign(split="test")


def pairs_in_direction(pairs: pd.DataFrame, query: str, document: str) -> pd.DataFrame:
    """Return a row for each pair: the function in language ``query`` searches the one in language ``document``."""
    queries = pairs[pairs["language"] == query].set_index("pair")
    documents = pairs[pairs["language"] == document].set_index("pair")
    rows = documents.join(queries["text"].rename("query")).rename(columns={"text": "document"})
    return rows.reset_index().sort_values("id")


def pairs_in_both_directions(rows: pd.DataFrame, languages: Sequence[str]) -> pd.DataFrame:
    """Return the rows of both directions."""
    one, two = languages
    return pd.concat([pairs_in_direction(rows, one, two), pairs_in_direction(rows, two, one)], ignore_index=True)


def drop_repeated_texts(pairs: pd.DataFrame) -> pd.DataFrame:
    """Drop pairs with a text that an earlier pair has as well."""
    repeated = pairs[pairs.duplicated(["language", "text"])]["pair"]
    return pairs[~pairs["pair"].isin(set(repeated))]


def parallel_search(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Retrieve the implementation in the other language: a row for each pair and direction."""
    frame = load_implementations(inputs, settings)
    rows = pairs_in_both_directions(drop_repeated_texts(frame[frame["pair"] != ""]), settings.languages)
    rows = orient_pairs(sample_rows(rows, settings, equal_test=True), settings, "document")
    return rows[[*EXAMPLE_COLUMNS, "query", "document"]]


def mining(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Mine the pairs among functions without a partner: rows of a pair, of a query alone or of a document alone.

    Distractors are implementations of further pairs, up to ``distractors`` of them in each language for each pair,
    never both implementations of one module. The package ``dev_package`` is the dev set, on which the margin is tuned;
    the others are the test set.

    Raises:
        CodeStiltsError: ``dev_package`` has no functions, or no other package has.
    """
    frame = load_implementations(inputs, settings)
    frame = drop_repeated_texts(frame[frame["pair"] != ""])
    dev_package = settings.required("dev_package")
    frame["split"] = frame["package"].eq(dev_package).map({True: "dev", False: "test"})
    if set(frame["split"]) != {"dev", "test"}:
        raise CodeStiltsError(
            f"task {settings.task}: option dev_package: {dev_package!r} has no functions, or no other package has: "
            "name another one"
        )
    parts = [part for _, rows in frame.groupby("split", sort=True) for part in _with_distractors(rows, settings)]
    rows = pd.concat(parts, ignore_index=True)
    rows = rows.assign(id=rows["id"] + "#" + rows["language"])
    return orient_pairs(rows, settings, "document")[[*EXAMPLE_COLUMNS, "query", "document"]]


def _with_distractors(rows: pd.DataFrame, settings: BuilderSettings) -> list[pd.DataFrame]:
    """The pairs of a split in both directions, then the distractors of either direction."""
    one, two = settings.languages
    share = settings.required("distractors")
    order = shuffle_diverse(rows[rows["language"] == one], settings.task)["pair"].tolist()
    count = min(requested_rows(settings, rows["split"].iloc[0], ""), int(len(order) // (1 + 2 * share)))
    pairs, others = rows[rows["pair"].isin(order[:count])], rows[rows["pair"].isin(order[count:])]
    others = others[~others["cluster"].isin(pairs["cluster"]) & ~others["module"].isin(pairs["module"])]
    side = {name: one if hash_uniform("side", name) < 0.5 else two for name in set(others["module"])}
    others = others[others["language"] == others["module"].map(side)]
    distractors = shuffle_diverse(others, settings.task, by=("language",))
    distractors = distractors[distractors.groupby("language").cumcount() < round(count * share)]
    return [
        pairs_in_both_directions(pairs, [one, two]),
        distractor_rows(distractors, one, two),
        distractor_rows(distractors, two, one),
    ]


def distractor_rows(distractors: pd.DataFrame, query: str, document: str) -> pd.DataFrame:
    """Return the distractors of one direction; the text of the other side is empty."""
    is_query = distractors["language"] == query
    return distractors.assign(
        query=distractors["text"].where(is_query, ""),
        document=distractors["text"].where(~is_query, ""),
        language=document,
    )
