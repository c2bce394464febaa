"""A study with two source languages, from packages to the report; its intermediate tasks are ranked, too."""

import shutil
import subprocess
from pathlib import Path

import packages
import pandas as pd
import pytest
import yaml
from projects import ROOT, call, copy_project, snakemake

STUDY = {
    "study": "sources",
    "arms": ["none", "pos", "cloze"],
    "targets": ["match", "tags", "search-untrained"],
    "languages": ["python", "javascript", "c"],
    "source_language": ["python", "javascript"],
    "keep_models": "none",
    "transferability": 20,
    "data": {"target": {"test_source": 12}},
    "intermediate": {"learning_rates": [], "held_out_texts": [], "trial_targets": []},
    "target": {"tasks": {"match": {"steps": 3}}},
}


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return snakemake(folder, *options, configs=["micro.yaml", "two.yaml"])


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a finished study."""
    folder = copy_project(tmp_path_factory.mktemp("sources"))
    packages.make(folder, "javascript")
    (folder / "two.yaml").write_text(yaml.safe_dump(STUDY))
    finished = run(folder)
    assert finished.returncode == 0, finished.stdout[-3000:]
    return folder


def test_each_source_language_is_trained_and_both_are_tested_on_the_same_rows(project: Path) -> None:
    results = project / "results/sources"
    for target in ("match", "tags"):
        first, other = (
            pd.read_parquet(results / f"examples/{target}{name}.parquet") for name in ("", "-from-javascript")
        )
        for table, source in ((first, "python"), (other, "javascript")):
            assert set(table.loc[table["split"] != "test", "language"]) == {source}
        tested = [set(table.loc[table["split"] == "test", "id"]) for table in (first, other)]
        assert tested[0] == tested[1]
        rows = pd.read_parquet(results / f"predictions/tiny/pos/{target}-from-javascript/0-1.parquet")
        assert set(rows["language"]) == {"python", "javascript", "c"} and set(rows["id"]) == tested[1]
    record = yaml.safe_load((results / "target/tiny/pos/match-from-javascript/0-1/0/run.json").read_text())
    assert record["steps"] == 3, "it has the budget of its target"


def test_the_matrix_has_both_source_languages_and_contrasts_have_the_first(project: Path) -> None:
    results = project / "results/sources"
    table = pd.read_csv(results / "source_languages.csv")
    assert set(table["target"]) == {"match", "tags"} and set(table["arm"]) == {"pos", "cloze"}
    cells = table.groupby(["arm", "target", "source", "language"]).size()
    assert len(cells) == 2 * 2 * 2 * 3 and (cells == 1).all()
    assert (table["zero_shot"] == (table["source"] != table["language"])).all()
    assert (table.loc[~table["zero_shot"], "similarity"] == 1).all() and (table["similarity"] <= 1).all()
    effects = pd.read_csv(results / "effects.csv")
    own = table[table["source"] == "python"].set_index(["arm", "target", "language"])["effect"]
    same = effects[effects["kind"] == "arm"].set_index(["arm", "scope", "language_set"])["effect"]
    assert own.to_list() == pytest.approx(same.reindex(own.index).to_list()), "the first source is that of effects.csv"
    scores = pd.read_csv(results / "scores.csv")
    assert set(scores["target"]) == {"match", "tags", "search-untrained"}
    report = (results / "report.html").read_text()
    assert 'id="sources"' in report and 'id="transferability"' in report


def test_its_archive_is_redrawn_with_the_scores_of_twins(project: Path, tmp_path: Path) -> None:
    for name in ("LICENSE", "CITATION.cff"):
        shutil.copy2(ROOT / name, project / name)
    made = call(project, "scripts/archive.py", "--configs", "config.yaml", "micro.yaml", "two.yaml")
    assert made.returncode == 0, made.stdout
    checkout, archive = copy_project(tmp_path / "checkout"), project / "results/sources.zip"
    result = call(checkout, "scripts/redraw.py", "--archive", archive, "--cores", "2", "--verify")
    assert result.returncode == 0 and "Scoring tiny after pos: other source languages" in result.stdout, result.stdout


def test_rankings_need_no_model_that_is_kept(project: Path) -> None:
    results = project / "results/sources"
    table = pd.read_csv(results / "transferability.csv")
    assert set(table["arm"]) == {"pos", "cloze"} and set(table["target"]) == {"match", "tags"}
    assert (table["rows"] == 20).all() and table["log_me"].notna().all()
    assert not list((results / "intermediate").rglob("*.safetensors"))
    again = run(project, "--dry-run")
    assert again.returncode == 0 and "Nothing to be done" in again.stdout, again.stdout[-2000:]
