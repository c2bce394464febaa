"""Parallel code: one function in two languages, from a numerical library that has JavaScript and C halves.

Retrieval runs in both directions; ``language`` is that of the functions that are searched, unless ``queries`` says
that they ask.
"""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.examples.builders.code import COLUMNS, HIDDEN, truncate_code
from codestilts.examples.sampling import (
    Inputs,
    Settings,
    hash_uniform,
    load_functions,
    orient_pairs,
    sample_rows,
    shuffle_diverse,
    to_records,
)
from codestilts.examples.text import replace_word

INDEXED = "ndarray"  # the variant of a function that takes offsets has this in its name or in that of its file


def module_folder(path: str) -> str:
    """The folder of a function's own module: what stands before the last ``lib`` or ``src`` of its path."""
    parts = PurePosixPath(path).parts[:-1]
    inner = [place for place, part in enumerate(parts) if part in ("lib", "src")]
    return "/".join(parts[: inner[-1]] if inner else parts)


def resolve_macro_name(name: str, code: str) -> str:
    """A function's name, also where a macro makes it: ``API_SUFFIX(c_daxpy)(...)`` is ``c_daxpy``."""
    inner = re.search(rf"(?<!\w){re.escape(name)}\(\s*(\w+)\s*\)\s*\(", code) if name.isupper() else None
    return inner[1] if inner else name


def pair_key(path: str, name: str) -> str:
    """What the two halves of a function have in common, or "" if the function is not the main one of its module.

    In ``math/base/special/abs`` that is ``abs`` in JavaScript and ``stdlib_base_abs`` in C; in ``blas/base/daxpy`` it
    is ``daxpy`` (``c_daxpy``) and, in ``ndarray.js``, ``daxpy`` (``c_daxpy_ndarray``). Bindings and factories of the
    module are in files of other names.
    """
    module, stem = module_folder(path), PurePosixPath(path).stem
    base = _plain(PurePosixPath(module).name)
    if _plain(stem.removesuffix(f"_{INDEXED}")) not in (base, "main", INDEXED):
        return ""
    variant = INDEXED if INDEXED in f"{stem} {name}" else "main"
    return f"{module} {variant}" if _plain(name.removesuffix(f"_{INDEXED}")).endswith(base) else ""


def _plain(name: str) -> str:
    return re.sub(r"[\W_]", "", name).lower()


def hide_function_names(code: str, names: Iterable[str]) -> str:
    """The code without the names of either half, with or without the suffix of the variant."""
    plain = {name.removesuffix(f"_{INDEXED}") for name in names}
    for name in sorted(plain | {f"{name}_{INDEXED}" for name in plain}):
        code = replace_word(code, name, HIDDEN)
    return code


def load_pair_halves(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """Functions of the parallel packages in the two languages, with ``text``, ``pair`` ("" if alone) and ``split``.

    A pair has exactly one function in each language (see :func:`key`); its texts show neither half's name. Both halves
    get the cluster of the one in the second language: short functions in the first are near copies of too many.
    """
    languages = settings["languages"]
    if len(languages) != 2 or not set(languages) <= set(inputs):
        raise CodeStiltsError(f"task {settings['task']}: needs functions of its two languages: put both in the study")
    frame = load_functions(inputs, settings, ["name", "path", "code", "token_starts"])
    frame = frame[frame["package_split"] == "parallel"].copy()
    frame["name"] = [resolve_macro_name(name, code) for name, code in zip(frame["name"], frame["code"], strict=True)]
    frame["pair"] = [pair_key(path, name) for path, name in zip(frame["path"], frame["name"], strict=True)]
    frame.loc[frame["pair"] != "", "pair"] = frame["package"] + ":" + frame["pair"]
    frame["module"] = frame["package"] + ":" + frame["path"].map(module_folder)
    sides = frame.groupby("pair")["language"].agg(["nunique", "size"])
    whole = sides[(sides["nunique"] == 2) & (sides["size"] == 2)].index
    frame["pair"] = frame["pair"].where(frame["pair"].isin(whole), "")
    second = frame[(frame["pair"] != "") & (frame["language"] == languages[1])].set_index("pair")["cluster"]
    frame["cluster"] = frame["pair"].map(second).fillna(frame["cluster"])
    names = frame[frame["pair"] != ""].groupby("pair")["name"].agg(set)
    frame["text"] = [
        hide_function_names(truncate_code(row, settings), names.get(row["pair"], {row["name"]}))
        for row in to_records(frame)
    ]
    return frame.sort_values("id").assign(split="test")


def pairs_in_direction(pairs: pd.DataFrame, query: str, document: str) -> pd.DataFrame:
    """The pairs as rows: the half in language ``query`` asks, the one in language ``document`` is searched."""
    asked = pairs[pairs["language"] == query].set_index("pair")
    found = pairs[pairs["language"] == document].set_index("pair")
    rows = found.join(asked["text"].rename("query")).rename(columns={"text": "document"})
    return rows.reset_index().sort_values("id")


def pairs_in_both_directions(rows: pd.DataFrame, languages: list[str]) -> pd.DataFrame:
    """The rows of both directions."""
    one, two = languages
    return pd.concat([pairs_in_direction(rows, one, two), pairs_in_direction(rows, two, one)], ignore_index=True)


def drop_repeated_texts(pairs: pd.DataFrame) -> pd.DataFrame:
    """Pairs with no text that another pair has as well: of equal ones the first stays."""
    repeated = pairs[pairs.duplicated(["language", "text"])]["pair"]
    return pairs[~pairs["pair"].isin(set(repeated))]


def parallel_search(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """One row per clean pair and direction."""
    frame = load_pair_halves(inputs, settings)
    rows = pairs_in_both_directions(drop_repeated_texts(frame[frame["pair"] != ""]), settings["languages"])
    return orient_pairs(sample_rows(rows, settings, equal_test=True), settings, "document")[
        [*COLUMNS, "query", "document"]
    ]


def mining(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """The pairs among functions whose partner is absent: rows of a pair, of a query alone or of a document alone.

    Distractors are halves of further pairs, up to ``distractors`` of them in each language for each pair, never both
    halves of one module. The package ``dev_package`` is the dev set, on which the margin is tuned; the others are the
    test set.
    """
    frame = load_pair_halves(inputs, settings)
    frame = drop_repeated_texts(frame[frame["pair"] != ""])
    frame["split"] = frame["package"].eq(settings["dev_package"]).map({True: "dev", False: "test"})
    if set(frame["split"]) != {"dev", "test"}:
        raise CodeStiltsError(
            f"task {settings['task']}: option dev_package: no or only package {settings['dev_package']!r}"
        )
    one, two = settings["languages"]
    parts = []
    for split, rows in frame.groupby("split", sort=True):
        order = shuffle_diverse(rows[rows["language"] == one], settings["task"])["pair"].tolist()
        count = min(int(settings[str(split)]), int(len(order) // (1 + 2 * settings["distractors"])))
        pairs, others = rows[rows["pair"].isin(order[:count])], rows[rows["pair"].isin(order[count:])]
        others = others[~others["cluster"].isin(pairs["cluster"]) & ~others["module"].isin(pairs["module"])]
        side = others["module"].map(
            {name: one if hash_uniform("side", name) < 0.5 else two for name in set(others["module"])}
        )
        alone = shuffle_diverse(others[others["language"] == side], settings["task"], by=("language",))
        alone = alone[alone.groupby("language").cumcount() < round(count * settings["distractors"])]
        parts += [
            pairs_in_both_directions(pairs, [one, two]),
            distractor_rows(alone, one, two),
            distractor_rows(alone, two, one),
        ]
    rows = pd.concat(parts, ignore_index=True)
    rows = rows.assign(id=rows["id"] + "#" + rows["language"])
    return orient_pairs(rows, settings, "document")[[*COLUMNS, "query", "document"]]


def distractor_rows(extra: pd.DataFrame, query: str, document: str) -> pd.DataFrame:
    """Distractors of one direction; the text of the other side is empty."""
    asked = extra["language"] == query
    return extra.assign(
        query=extra["text"].where(asked, ""),
        document=extra["text"].where(~asked, ""),
        language=document,
    )
