"""Draws, percentiles and tables of sums against straightforward references."""

import hashlib
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import synthetic

from codestilts.config.analysis_settings import ComparedTarget
from codestilts.evaluation.comparison import compare
from codestilts.evaluation.scoring import compared, compared_runs, read_values, values
from codestilts.evaluation.statistics import resampling
from codestilts.evaluation.sum_tables import READ, SumTables, SumWriter, names_in

TOPICS, MINING = "topics", "mining"
SETTINGS = replace(
    synthetic.SETTINGS,
    targets={
        "match": synthetic.SETTINGS.targets["match"],
        TOPICS: ComparedTarget("macro_f1", "classification", "pl", "python"),
        MINING: ComparedTarget("mining_f1", "retrieval", "pl", "python", trained=False),
    },
    pretraining_languages={"tiny": ("go",), "other": ("c",)},
)
RESAMPLES = 40


def sums_of(encoder: str) -> pd.DataFrame:
    """Sums of all arms: one ratio a unit, a macro average whose labels are in some units, and mostly 0 / 0."""
    rng = np.random.default_rng(len(encoder))
    match = synthetic.sums(units=12, settings=SETTINGS).query("target == 'match'").drop(columns="family")
    match = match.assign(encoder=np.where(match["encoder"] == "", "", encoder))
    tables = [match]
    for label in "abc":
        some = match[rng.random(len(match)) < 0.5].assign(target=TOPICS, metric="macro_f1", label=label, n=1)
        right, wrong = rng.integers(0, 2, (2, len(some)))
        tables.append(some.assign(numerator=2.0 * right, denominator=2.0 * right + wrong))
    pair, mined = match["unit"].str.endswith("1"), rng.random(len(match)) < 0.05
    mining = match.assign(target=MINING, metric="mining_f1", checkpoint="", n=1)
    tables.append(mining.assign(numerator=2.0 * (pair & mined), denominator=1.0 * pair + mined))
    return pd.concat(tables, ignore_index=True)


def write(sums: pd.DataFrame, path: Path) -> str:
    with SumWriter(path) as writer:
        writer.write(compared(sums, SETTINGS.checkpoint))
    return str(path)


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """The sums of two encoders, their values, and a file of sums for each arm."""
    folder = tmp_path_factory.mktemp("sums")
    sums = pd.concat([sums_of("tiny"), sums_of("other").query("encoder != ''")], ignore_index=True)
    paths = []
    for number, (_, part) in enumerate(sums.groupby(["encoder", "arm"])):
        paths.append(
            write(pd.concat([part, part.assign(checkpoint="oracle", numerator=0.0)]), folder / f"{number}.sums")
        )
        values(part).to_parquet(folder / f"{number}.values", index=False)
    return sums, read_values(map(str, sorted(folder.glob("*.values")))), paths


@cache
def weight(unit: str, draw: int) -> float:
    """The weight of a unit in a draw: 1 as observed, then Exp(1) from the digest of the seed and its name."""
    key = hashlib.blake2b(f"0:{unit}".encode(), digest_size=16).digest()
    rng = np.random.Generator(np.random.Philox(key=int.from_bytes(key, "big")))
    return 1.0 if draw == 0 else float(rng.standard_exponential(RESAMPLES)[draw - 1])


def reference(rows: pd.DataFrame, seeds: list[int], seed_weights: np.ndarray, draw: int) -> float:
    """One cell in one draw: the mean over labels of ratios of weighted sums for each seed, then over seeds."""
    total = 0.0
    for seed in seeds:
        ratios, run = [], seed if rows["encoder"].iloc[0] else 0  # a trivial baseline has one run
        for _, part in rows[rows["seed"] == run].groupby("label"):
            weights = [weight(unit, draw) for unit in part["unit"]]
            if (below := np.dot(weights, part["denominator"])) > 0:
                ratios.append(np.dot(weights, part["numerator"]) / below)
        total += seed_weights[draw, seed] * 100 * (np.mean(ratios) if ratios else 0.0)
    return float(total)


@pytest.mark.parametrize(("chunk", "sparse"), [(2**23, 0.05), (5 * (1 + RESAMPLES), 0.0), (1, 1.1)])
def test_draws_are_those_of_a_plain_loop(tables, monkeypatch: pytest.MonkeyPatch, chunk: int, sparse: float) -> None:
    monkeypatch.setattr(resampling, "CHUNK", chunk)
    monkeypatch.setattr(resampling, "KEPT", 4 * chunk)
    monkeypatch.setattr(resampling, "SPARSE", sparse)
    sums, table, paths = tables
    runs = compared_runs(table, "tiny", SETTINGS)
    reader, keys = SumTables(paths, "tiny"), sorted(set(zip(runs["target"], runs["language"], strict=True)))
    scores = resampling.resample(((key, reader.read(*key)) for key in keys), RESAMPLES, 0, runs)
    seed_weights = np.random.default_rng([0, 0]).multinomial(2, [1 / 3] * 3, size=1 + RESAMPLES) / 2
    seed_weights[0] = 1 / 3
    own = sums[sums["encoder"].isin(["", "tiny"]) & sums["arm"].isin(["none", "cloze", synthetic.BASELINE])]
    for (arm, target, language), rows in own.groupby(["arm", "target", "language"]):
        row = scores.rows[scores.arms.index(arm), scores.targets.index(target), scores.languages.index(language)]
        for draw in (0, 1, RESAMPLES):
            expected = reference(rows, [0, 1, 2], seed_weights, draw)
            assert scores.draws[row, draw] == pytest.approx(expected, rel=1e-12)
    assert (scores.units == 12).all(), "units that are 0 / 0 everywhere count, though their sums are not stored"
    examples = dict(zip(scores.targets, scores.examples[:, 0], strict=True))
    assert examples[MINING] == 12 and examples["match"] == 24
    assert scores.trivial == [synthetic.BASELINE]


def test_sums_of_frames_and_of_files_have_the_same_draws(tables) -> None:
    sums, table, paths = tables
    frame = sums[sums["encoder"].isin(["", "other"])].assign(family="code")
    frame.loc[frame["encoder"] == "", "family"] = "trivial"
    runs, reader = compared_runs(table, "other", SETTINGS), SumTables(paths, "other")
    keys = sorted(set(zip(runs["target"], runs["language"], strict=True)))
    ours = resampling.resample(((key, reader.read(*key)) for key in keys), RESAMPLES, 0, runs)
    assert np.allclose(resampling.resample(frame, RESAMPLES, 0).draws, ours.draws, rtol=1e-12)


def test_a_cell_is_found_in_files_of_any_order(tables, tmp_path: Path) -> None:
    """A file of one row group, with all encoders and cells in it, as against one row group a cell."""
    sums, _, paths = tables
    kept = compared(sums, SETTINGS.checkpoint).sample(frac=1, random_state=0)
    kept.to_parquet(tmp_path / "mixed", index=False)
    assert names_in(str(tmp_path / "mixed"), "encoder") == {"", "tiny", "other"}
    assert set.union(*(names_in(path, "encoder") for path in paths)) == {"", "tiny", "other"}
    for key in (("match", "go"), (TOPICS, "c"), (MINING, "python")):
        found, mixed = (
            SumTables(files, "tiny").read(*key).astype({"arm": str, "unit": str, "label": str}).sort_values(READ)
            for files in (paths, [str(tmp_path / "mixed")])
        )
        assert len(found) and found.to_numpy().tolist() == mixed.to_numpy().tolist()


def test_encoders_are_compared_alike_in_one_and_in_two_processes(tables) -> None:
    _, table, paths = tables
    settings = replace(SETTINGS, resamples=200)
    one, two = (compare(table, paths, synthetic.language_rows(), settings, processes) for processes in (1, 2))
    assert list(dict.fromkeys(one["effects"]["encoder"])) == ["other", "tiny"]
    for name, expected in one.items():
        pd.testing.assert_frame_equal(two[name], expected, rtol=1e-9)
