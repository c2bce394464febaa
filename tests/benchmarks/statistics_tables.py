"""Made-up tables of values and sums in the shape of the paper study, for benchmarks of ``compare``.

    python tests/benchmarks/statistics_tables.py FOLDER --share 0.1

The shape is that of the study's grid and of ``make plan`` (:mod:`codestilts.workflow.task_sizes`): every encoder, arm,
target, language and seed, with a unit for each test row. Numbers are random but as dense as those of their metric: a
macro average has several labels a unit, and in mining most queries are neither pairs nor mined.
"""

import argparse
import zlib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from codestilts.columns import SUM_COLUMNS
from codestilts.config.study import Study
from codestilts.config.validation import load_study, read_configs
from codestilts.evaluation.metrics.registry import reported_metrics
from codestilts.evaluation.sum_tables import DICTIONARY_BYTES, TEXTS
from codestilts.workflow.task_sizes import task_size

ROOT = Path(__file__).parents[2]
NUMBERS = {"seed": pa.int64(), "numerator": pa.float64(), "denominator": pa.float64(), "n": pa.int64()}
TEXT = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema([(name, NUMBERS.get(name, TEXT)) for name in SUM_COLUMNS])
# Of the queries of BUCC: true pairs, distractors that some model mines, and the share of either that each run mines.
PAIRS, PLAUSIBLE, FOUND, WRONG = 0.025, 0.1, 0.6, 0.1
LABELS, LIKELY = 36, 5  # of a macro average, and those that a unit may get
SHARED_UNITS = ("problem", "pair", "question")  # kinds of units that stand in several languages
TRIVIAL = ["baseline:majority", "baseline:random"]


@dataclass(frozen=True)
class Cell:
    """A target in one language; ``queries`` is the number of its test rows, each a unit."""

    target: str
    language: str
    metric: str
    unit: str
    queries: int


def paper() -> Study:
    """The paper study."""
    return load_study(read_configs([ROOT / "config.yaml", ROOT / "studies/paper.yaml"]), ROOT)


def cells_of(study: Study, target: str, share: float) -> list[Cell]:
    """The cells of a target with a share of its test rows."""
    spec, languages = study.tasks[target], sorted(study.task_languages(target))
    rows = task_size(study, target, None, {}).test * share / len(languages)
    if target == "bucc":
        rows /= 2  # those of the other side are searched, not queries
    return [Cell(target, name, spec.metric, str(spec.unit), max(20, round(rows))) for name in languages]


def sums_of_cell(cell: Cell, seeds: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Codes of ``seed``, ``unit`` and ``label``, numerators and denominators; rows that are 0 / 0 are left out."""
    fixed = np.random.default_rng(zlib.crc32(f"{cell.target} {cell.language}".encode()))  # the same in every arm
    shape = (seeds, cell.queries)
    label = np.zeros((1, 1), dtype=int)
    if cell.metric == "mining_f1":
        pair = fixed.random(cell.queries) < PAIRS
        mined = rng.random(shape) < np.where(pair, FOUND, WRONG * (fixed.random(cell.queries) < PLAUSIBLE))
        numerator, denominator = 2.0 * (mined & pair), mined + 1.0 * pair
    elif cell.metric == "macro_f1":
        shape = (seeds, cell.queries, LIKELY)
        label = fixed.integers(0, LABELS // LIKELY, shape[1:]) + np.arange(LIKELY) * (LABELS // LIKELY)
        gold, predicted = fixed.random(shape[1:]) < 0.5, rng.random(shape) < 0.5
        numerator, denominator = 2.0 * (gold & predicted), predicted + 1.0 * gold
    elif cell.metric in ("entity_f1", "pos_f1"):
        gold = fixed.integers(1, 6, cell.queries)
        right = rng.binomial(np.broadcast_to(gold, shape), 0.7)
        numerator, denominator = 2.0 * right, right + gold + rng.integers(0, 2, shape) * 1.0
    elif cell.metric == "token_accuracy":
        tokens = np.broadcast_to(fixed.integers(20, 200, cell.queries), shape)
        numerator, denominator = rng.binomial(tokens, 0.8) * 1.0, tokens * 1.0
    elif cell.metric == "mrr" or cell.metric.endswith("_mean"):
        numerator, denominator = 1 / rng.integers(1, 20, shape), np.ones(shape)
    else:
        numerator, denominator = (rng.random(shape) < 0.6) * 1.0, np.ones(shape)
    kept = np.nonzero((numerator != 0) | (denominator != 0))
    codes = np.broadcast_to(label, shape[1:] if len(shape) == 3 else (1, 1))
    return {
        "seed": kept[0],
        "unit": kept[1],
        "label": codes[kept[1:]] if len(shape) == 3 else np.zeros(len(kept[0]), dtype=int),
        "numerator": numerator[kept],
        "denominator": denominator[kept],
    }


def _texts(codes: np.ndarray, names: list[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(codes.astype(np.int32), pa.array(names, pa.string()))


def _table(cell: Cell, encoder: str, arm: str, checkpoint: str, sums: dict[str, np.ndarray]) -> pa.Table:
    place = "" if cell.unit.endswith(SHARED_UNITS) else f"{cell.language}:"
    names = [f"{cell.unit}:{cell.target}:{place}{number}" for number in range(cell.queries)]
    same = {"encoder": encoder, "arm": arm, "target": cell.target, "checkpoint": checkpoint, "language": cell.language}
    zeros = np.zeros(len(sums["seed"]), dtype=np.int32)
    columns = {name: _texts(zeros, [value]) for name, value in {**same, "metric": cell.metric}.items()}
    columns["unit"] = _texts(sums["unit"], names)
    labels = [f"label {number}" for number in range(LABELS)] if cell.metric == "macro_f1" else [""]
    columns["label"] = _texts(sums["label"], labels)
    columns |= {"seed": sums["seed"], "n": np.ones(len(zeros), dtype=np.int64)}
    columns |= {name: sums[name] for name in ("numerator", "denominator")}
    return pa.table({name: columns[name] for name in SUM_COLUMNS}, schema=SCHEMA)


def _values(cell: Cell, encoder: str, arm: str, seeds: int, checkpoints: list[str]) -> Iterator[dict[str, object]]:
    for seed in range(seeds):
        for checkpoint in checkpoints:
            for metric in reported_metrics(cell.metric):
                keys = {"encoder": encoder, "arm": arm, "target": cell.target, "seed": seed, "checkpoint": checkpoint}
                n = cell.queries
                yield {**keys, "language": cell.language, "metric": metric, "value": 0.5, "n": n, "units": n}


def write_pair(folder: Path, study: Study, share: float, seeds: int, pair: tuple[str, str]) -> int:
    """Write the tables of an encoder-arm pair, or of a trivial baseline; return the number of rows of its sums."""
    encoder, arm = pair
    rng = np.random.default_rng(zlib.crc32(f"{encoder} {arm}".encode()))
    stem, values, count = f"{encoder or 'baselines'}-{arm.replace(':', '-')}", [], 0
    arguments = {"compression": "zstd", "dictionary_pagesize_limit": DICTIONARY_BYTES, "use_dictionary": TEXTS}
    with pq.ParquetWriter(folder / f"{stem}.sums.parquet", SCHEMA, **arguments) as writer:
        for target in sorted(study.encoder_arms[pair] if encoder else study.targets):
            trained = bool(encoder) and target in study.trained_targets
            selection = list(study.config.target.selection) if trained else [""]
            for cell in cells_of(study, target, share):
                sums = sums_of_cell(cell, seeds if encoder else 1, rng)
                writer.write_table(_table(cell, encoder, arm, selection[0], sums))
                values += _values(cell, encoder, arm, seeds if encoder else 1, selection)
                count += len(sums["seed"])
    pd.DataFrame(values).to_parquet(folder / f"{stem}.values.parquet", index=False)
    return count


def write_tables(folder: Path, study: Study, share: float, seeds: int, encoders: list[str]) -> int:
    """Write all tables of these encoders and of the trivial baselines; return the number of rows of sums."""
    folder.mkdir(parents=True, exist_ok=True)
    pairs = [pair for pair in study.encoder_arms if pair[0] in encoders] + [("", name) for name in TRIVIAL]
    with ProcessPoolExecutor() as pool:
        return sum(pool.map(partial(write_pair, folder, study, share, seeds), pairs))


def main() -> None:
    """Write tables into a folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--share", type=float, default=1.0, help="share of the test rows")
    parser.add_argument("--encoders", nargs="+", help="encoders of the study (default: all)")
    arguments = parser.parse_args()
    study = paper()
    encoders = arguments.encoders or study.encoders
    print(write_tables(arguments.folder, study, arguments.share, len(study.config.seeds), encoders), "rows of sums")


if __name__ == "__main__":
    main()
