"""``keep_models``: which models stay, and that a deleted one repeats nothing and is trained again for a new reader."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from projects import kill_while_training, snakemake
from test_workflow import planned

RESULTS = Path("results/micro")
OLD = (
    "arms: [none, pos, cloze, mlm-code, random]\n"
    "targets: [match, tags, param-qa, search, search-untrained, parallel, mining]"
)
ARMS = "arms: [none, pos, cloze]\ntargets: [tags, search-untrained]"
MORE = "arms: [none, pos, cloze]\ntargets: [tags, match, search-untrained]"
TRAINING = {"train_intermediate", "train_temporary", "train_target", "frozen_retrieval"}


def change(project: Path, old: str, new: str) -> None:
    """Change the config of a project."""
    config = project / "micro.yaml"
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new))


def trained(project: Path, *options: str) -> dict[str, int]:
    """The jobs that train or predict in a dry run."""
    return {rule: count for rule, count in planned(project, *options).items() if rule in TRAINING}


def models(project: Path, folder: str) -> set[str]:
    """The arms that have weights there."""
    found = (project / RESULTS / folder).glob("tiny/*/**/encoder.safetensors")
    return {path.relative_to(project / RESULTS / folder).parts[1] for path in found}


@pytest.fixture(scope="module")
def finished(fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study that keeps the models of one arm."""
    project = Path(shutil.copytree(fresh, tmp_path_factory.mktemp("temporary") / "project"))
    change(project, OLD, f"{ARMS}\nkeep_models: [cloze]")
    result = snakemake(project)
    assert result.returncode == 0, result.stdout[-6000:]
    return project


@pytest.fixture
def project(finished: Path, tmp_path: Path) -> Path:
    """A copy, which a test may change."""
    return Path(shutil.copytree(finished, tmp_path / "project", symlinks=True))


def test_models_of_listed_arms_are_kept_and_the_records_of_all(finished: Path) -> None:
    assert models(finished, "intermediate") == models(finished, "target") == {"cloze"}
    assert not (finished / RESULTS / "intermediate/tiny/pos/0-1").exists()
    runs = pd.read_csv(finished / RESULTS / "runs.csv")
    assert set(runs.loc[runs["phase"] == "intermediate", "arm"]) == {"pos", "cloze"}
    assert set(runs.loc[runs["phase"] == "target", "arm"]) == {"none", "pos", "cloze"}
    assert set(pd.read_csv(finished / RESULTS / "curves.csv")["arm"]) == {"none", "pos", "cloze"}
    assert "Nothing to be done" in snakemake(finished).stdout


def test_a_new_target_trains_the_deleted_models_again_and_repeats_no_finished_run(project: Path) -> None:
    predictions = project / RESULTS / "predictions/tiny/pos/tags/0-1.parquet"
    before = predictions.stat().st_mtime_ns
    change(project, ARMS, MORE)
    assert trained(project) == {"train_temporary": 1, "train_target": 3}, "match after none, pos and cloze"
    result = snakemake(project)
    assert result.returncode == 0, result.stdout[-6000:]
    assert predictions.stat().st_mtime_ns == before
    assert models(project, "intermediate") == {"cloze"}
    assert "Nothing to be done" in snakemake(project).stdout


def test_a_run_that_is_killed_beside_a_model_trained_again_goes_on(project: Path) -> None:
    predictions = project / RESULTS / "predictions/tiny/pos/match/0-1.parquet"
    change(project, ARMS, MORE)
    kill_while_training(project, predictions, when="tiny / pos / match")
    assert models(project, "intermediate") == {"pos", "cloze"}, "its reader is not done"
    assert trained(project) == {"train_target": 3}, "newer than the finished runs that have read its like"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("intermediate: {steps: 4,", "intermediate: {steps: 5,", {"train_intermediate": 1, "train_temporary": 1}),
        ("[cloze]\n", "[cloze, pos]\n", {"train_intermediate": 1}),
    ],
    ids=["settings", "kept"],
)
def test_what_changes_a_model_repeats_its_readers(old: str, new: str, expected: dict[str, int], project: Path) -> None:
    arms = sum(expected.values())
    change(project, old, new)
    assert trained(project) == {**expected, "train_target": arms, "frozen_retrieval": arms}


def test_other_examples_repeat_the_readers_of_a_deleted_model(project: Path) -> None:
    (project / RESULTS / "examples/pos.parquet").unlink()
    assert trained(project) == {"train_temporary": 1, "train_target": 1, "frozen_retrieval": 1}


def test_a_deleted_prediction_costs_its_own_model_only(project: Path) -> None:
    (project / RESULTS / "predictions/tiny/pos/tags/0-1.parquet").unlink()
    assert trained(project) == {"train_temporary": 1, "train_target": 1}


def test_an_unknown_arm_is_one_line(project: Path) -> None:
    change(project, "[cloze]\n", "[clozes]\n")
    result = snakemake(project, "--dry-run")
    [line] = [line for line in result.stdout.splitlines() if line.startswith("error: ")]
    assert "keep_models: 'clozes': no arm of this study has that name" in line and "cloze" in line
