"""The release of the micro study: written, verified, and its tables computed again with and without rounding errors."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from projects import environment

from codestilts.columns import SCORE_KEYS
from codestilts.config.study import Study
from codestilts.config.validation import load_study, read_configs
from codestilts.csv_tables import read_csv
from codestilts.errors import CodeStiltsError
from codestilts.release.extent import tables_of_part
from codestilts.release.measurement import check_repeats
from codestilts.release.replicates import Replicates
from codestilts.release.rounding import SIDES, SUM_KEYS, Measured
from codestilts.release.tables import TABLES

RESULTS = Path("results/micro")
CONFIGS = ["--configs", "config.yaml", "micro.yaml"]
KEYS = [*SCORE_KEYS, "metric"]
NO_ERRORS = pd.DataFrame(columns=["computation", *SUM_KEYS, *SIDES])


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a script of the project."""
    return subprocess.run(
        ["python", *words], cwd=folder, env=environment(folder), text=True, capture_output=True, timeout=300
    )


def study_of(folder: Path) -> Study:
    configs = [folder / "config.yaml", folder / "micro.yaml"]
    return load_study(read_configs(configs), folder, configs)


def side_by_side(table: pd.DataFrame, results: Path, name: str) -> pd.DataFrame:
    """The rows of a table and, with "whole" after their names, the columns of the same table of the study."""
    keys, whole = list(TABLES[name].keys), read_csv(results / f"{name}.csv", texts=True)
    texts = table.assign(**{key: table[key].astype(object).fillna("").astype(str) for key in keys})
    merged = texts.merge(whole, on=keys, suffixes=("", " whole"), validate="1:1")
    assert len(merged) == len(texts) == len(whole)
    return merged


def change(merged: pd.DataFrame, column: str) -> np.ndarray:
    """How much the numbers of a column differ from those of the study."""
    ours, whole = (pd.to_numeric(merged[name]).to_numpy(float) for name in (column, f"{column} whole"))
    assert (np.isnan(ours) == np.isnan(whole)).all()
    return np.nan_to_num(np.abs(ours - whole))


def test_a_release_verifies_and_finds_one_exchanged_answer(done: Path, tmp_path: Path) -> None:
    results, expected = (
        Path(shutil.copytree(done / RESULTS, tmp_path / "results", symlinks=True)),
        tmp_path / "expected",
    )
    folders = ["--results", str(results)]
    written = run(done, "scripts/release.py", *CONFIGS, *folders, "--out", str(expected))
    assert written.returncode == 0 and "all runs" in written.stdout, written.stderr
    record = json.loads((expected / "release.json").read_text())
    assert record["runs"] == record["of"] and record["seeds"] == [0, 1] and len(record["machines"]) == 1
    same = run(done, "scripts/verify.py", "--expected", str(expected), *folders)
    assert same.returncode == 0 and same.stdout.endswith("no value deviates\n"), same.stdout + same.stderr
    path = results / "predictions/tiny/pos/tags/0-1.parquet"
    rows = pd.read_parquet(path)
    rows.loc[[0, 1], "prediction"] = rows.loc[[1, 0], "prediction"].to_numpy()
    rows.to_parquet(path, index=False)
    changed = run(done, "scripts/verify.py", "--expected", str(expected), *folders)
    assert changed.returncode == 1 and "predictions/tiny/pos/tags/0-1.parquet" in changed.stdout
    both = run(done, "scripts/diff.py", str(expected), str(results))
    assert "settings: the same" in both.stdout and both.stdout.endswith("1 value deviates\n")


@pytest.fixture
def nothing_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample has no run more than it has."""
    monkeypatch.setattr("codestilts.release.replicates.one_answer", lambda rows, rng: rows.head(0))


@pytest.mark.usefixtures("nothing_missed")
def test_without_rounding_errors_the_tables_are_those_of_the_study(done: Path) -> None:
    replicates = Replicates(study_of(done), done / RESULTS, Measured(NO_ERRORS, NO_ERRORS, frozenset()))
    found = replicates.tables(np.random.default_rng(0))
    for name in ("scores", "effects", "contrasts", "claims", "target_checks"):
        merged = side_by_side(found[name], done / RESULTS, name)
        assert all(change(merged, column).max() < 1e-5 for column in TABLES[name].numbers), name


def test_a_sample_without_changes_may_have_missed_one_answer_of_each_cell(done: Path) -> None:
    replicates = Replicates(study_of(done), done / RESULTS, Measured(NO_ERRORS, NO_ERRORS, frozenset()))
    merged = side_by_side(replicates.tables(np.random.default_rng(0))["scores"], done / RESULTS, "scores")
    merged = merged.assign(change=change(merged, "value"))
    paths = (done / RESULTS).glob("scores/**/*.sums.parquet")
    sums = pd.concat([pd.read_parquet(path).astype(dict.fromkeys(KEYS, str)) for path in paths])
    total = sums.groupby(KEYS)["denominator"].sum().rename("denominator").reset_index()
    merged = merged.merge(total, on=KEYS, validate="1:1")
    answer = merged["metric"].map({"mining_f1": 2.0}).fillna(1.0)  # an F1 is 2 tp / (found + true)
    assert (merged["change"] <= answer / merged["denominator"] + 1e-6).all()
    cells = ["target", "language"]
    changed = merged[merged["change"] > 1e-5].groupby(cells)["arm"].agg(set).to_dict()
    assert changed == merged[merged["encoder"] != ""].groupby(cells)["arm"].agg(set).to_dict()


@pytest.mark.usefixtures("nothing_missed")
def test_an_answer_that_rounding_changes_moves_the_effects_of_arms_that_are_trained_like_it(done: Path) -> None:
    sums = pd.read_parquet(done / RESULTS / "scores/tiny/pos.sums.parquet")
    lost = sums[(sums["target"] == "tags") & (sums["seed"] == 0) & (sums["numerator"] > 0)].head(1)
    errors = lost.assign(computation="avx2", numerator=-1.0, denominator=0.0)[["computation", *SUM_KEYS, *SIDES]]
    replicates = Replicates(study_of(done), done / RESULTS, Measured(NO_ERRORS, errors, frozenset({"pos"})))
    effects = replicates.tables(np.random.default_rng(0))["effects"]
    merged = side_by_side(effects, done / RESULTS, "effects")
    moved = merged[change(merged, "effect") > 1e-5]
    assert (
        "pos" in set(moved["arm"]) and "tags" in set(moved["scope"]) and "search-untrained" not in set(moved["scope"])
    )
    assert change(merged, "none").max() < 1e-5


def test_the_same_computation_repeats_the_predictions_of_the_study(done: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(done, tmp_path / "project", symlinks=True))
    words = ["--results", str(RESULTS), "--arms", "none", "--computation", "reference"]
    again = run(project, "scripts/rounding.py", *CONFIGS, *words)
    assert again.returncode == 0, again.stderr
    reference = project / RESULTS / "rounding/reference"
    check_repeats(project / RESULTS, reference)
    path = next(reference.glob("predictions/tiny/none/tags/*.parquet"))
    pd.read_parquet(path).assign(score=0.0).to_parquet(path, index=False)
    with pytest.raises(CodeStiltsError, match="tags"):
        check_repeats(project / RESULTS, reference)


def test_rounding_is_measured_of_a_finished_study(done: Path, tmp_path: Path) -> None:
    stopped = run(done, "scripts/rounding.py", *CONFIGS, "--results", str(tmp_path / "none"))
    assert stopped.returncode == 1 and "missing: finish the study first" in stopped.stderr
    assert not (tmp_path / "none").exists()


def test_a_part_of_a_study_has_the_tables_of_the_arms_that_are_finished(done: Path, tmp_path: Path) -> None:
    results = Path(shutil.copytree(done / RESULTS, tmp_path / "results", symlinks=True))
    shutil.rmtree(results / "predictions/tiny/pos/tags")
    shutil.rmtree(results / "predictions/tiny/cloze")
    shutil.rmtree(results / "retrieval/tiny/cloze")
    found = tables_of_part(study_of(done), results)
    whole = read_csv(results / "scores.csv")
    left_out = (whole["arm"] == "cloze") | ((whole["arm"] == "pos") & (whole["target"] == "tags"))
    assert np.allclose(found["scores"]["value"], whole.loc[~left_out, "value"], atol=1e-6)
    assert "pos" in set(found["effects"]["arm"]) and "cloze" not in set(found["effects"]["arm"])


def test_a_target_that_none_lacks_is_left_out_of_a_part(done: Path, tmp_path: Path) -> None:
    results = Path(shutil.copytree(done / RESULTS, tmp_path / "results", symlinks=True))
    shutil.rmtree(results / "predictions/tiny/none/tags")
    found = tables_of_part(study_of(done), results)["scores"]
    arms = found[found["arm"].isin(["none", "pos"])]
    assert "tags" not in set(arms["target"]) and set(arms["arm"]) == {"none", "pos"}
    assert {"match", "search-untrained"} <= set(arms.loc[arms["arm"] == "pos", "target"])
    shutil.rmtree(results / "predictions/tiny/none")
    shutil.rmtree(results / "retrieval/tiny/none")
    with pytest.raises(CodeStiltsError, match="the arm none has no predictions"):
        tables_of_part(study_of(done), results)
