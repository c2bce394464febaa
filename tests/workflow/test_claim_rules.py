"""A claim is judged from what it needs and no more, and the plan of a study is noted by its first run only."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml
from projects import ROOT, snakemake

RESULTS = "results/micro"
PLAN = f"{RESULTS}/plan.json"
ABOUT = {"says": "x", "paper": "a test", "study": "pocket", "minus": {"arms": ["none"]}}
OWN = {
    "tags-gain": {**ABOUT, "kind": "positive", "plus": {"arms": ["cloze"]}, "targets": ["tags"]},
    "best": {
        **ABOUT, "kind": "best_of", "plus": {"arms": ["pos", "cloze"]}, "targets": ["tags", "parallel"],
        "value": 0, "tolerance": 1,
    },
    "near": {**ABOUT, "kind": "positive", "plus": {"arms": ["pos"]}, "targets": ["match"], "languages": "near"},
    "absent": {**ABOUT, "kind": "positive", "plus": {"arms": ["mlm-phang"]}, "study": "paper"},
}  # fmt: skip


@pytest.fixture
def project(fresh: Path, tmp_path: Path) -> Path:
    """The project with claims of the test's own, nothing run yet."""
    folder = Path(shutil.copytree(fresh, tmp_path / "project", symlinks=True))
    (folder / "claims.yaml").write_text(yaml.safe_dump(OWN))
    return folder


def jobs_for(project: Path, claim: str) -> tuple[dict[str, int], str]:
    """The number of jobs of each rule that a claim needs, and the whole plan."""
    plan = snakemake(project, "--dry-run", f"{RESULTS}/claims/{claim}.json").stdout
    return {name: int(count) for name, count in re.findall(r"^(\w+) +(\d+)$", plan, re.MULTILINE)}, plan


def test_a_claim_needs_the_predictions_of_its_arms_and_targets(project: Path) -> None:
    jobs, plan = jobs_for(project, "tags-gain")
    assert jobs["train_target"] == 2 and jobs["train_intermediate"] == 1 and jobs["claim"] == 1
    assert not {"frozen_retrieval", "score", "compare", "language_similarity", "report"} & set(jobs)
    trained = set(re.findall(r"Target training: tiny after (\S+) on (\S+),", plan))
    assert trained == {("none", "tags"), ("cloze", "tags")}
    assert not (project / "results").exists()


def test_the_best_arm_needs_all_that_are_tried_and_an_untrained_target_no_training(project: Path) -> None:
    jobs, _ = jobs_for(project, "best")
    assert jobs["train_target"] == 3 and jobs["frozen_retrieval"] == 3 and jobs["train_intermediate"] == 2


def test_near_languages_are_measured_first(project: Path) -> None:
    assert jobs_for(project, "near")[0]["language_similarity"] == 1


def test_a_claim_about_another_study_runs_nothing_but_says_how(project: Path) -> None:
    result = snakemake(project, f"{RESULTS}/claims/absent.json")
    assert result.returncode == 0, result.stdout
    (found,) = json.loads((project / RESULTS / "claims/absent.json").read_text())["results"]
    assert found["verdict"] == "not run" and found["missing"] == ["the arm mlm-phang"]
    assert found["command"].endswith("results/paper/claims/absent.json --configfile studies/paper.yaml")
    assert {path.name for path in (project / RESULTS).iterdir()} <= {"claims", "logs", "benchmarks", "plan.json"}


def test_a_bad_claim_ends_before_anything_runs(project: Path) -> None:
    bad = {"tags-gain": {**OWN["tags-gain"], "plus": {"arms": ["kloze"]}}}
    (project / "claims.yaml").write_text(yaml.safe_dump(bad))
    result = snakemake(project, f"{RESULTS}/claims/tags-gain.json")
    assert result.returncode == 1 and "Traceback" not in result.stdout
    assert (
        "error: claims.yaml: tags-gain.plus.arms: 'kloze': no arm has that name; did you mean 'cloze'?" in result.stdout
    )


def test_a_finished_study_has_a_verdict_on_every_claim_and_its_plan(done: Path) -> None:
    claims = pd.read_csv(done / RESULTS / "claims.csv", keep_default_na=False)
    written = yaml.safe_load((ROOT / "claims.yaml").read_text())
    assert list(dict.fromkeys(claims["claim"])) == list(written)
    assert set(claims["verdict"]) <= {"supported", "not supported", "inconclusive", "not run"}
    without_command = claims.loc[(claims["verdict"] == "not run") & (claims["command"] == ""), "claim"]
    assert set(without_command) == {name for name, claim in written.items() if "lacks" in claim}
    (entry,) = json.loads((done / PLAN).read_text())["entries"]
    assert entry["kind"] == "registration" and entry["results"] == 0 and entry["plan"]["seeds"] == [0, 1]
    assert f"Plan <code>{entry['digest']}</code>" in (done / RESULTS / "report.html").read_text()


def test_the_plan_is_added_to_and_never_rewritten(done: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(done, tmp_path / "project", symlinks=True))
    first = (project / PLAN).read_bytes()
    assert snakemake(project, f"{RESULTS}/claims.csv", "--forcerun", "claims").returncode == 0
    assert (project / PLAN).read_bytes() == first, "the same plan: nothing is added"
    config = project / "micro.yaml"
    config.write_text(config.read_text().replace("resamples: 200", "resamples: 201, margin: 2.0"))
    assert snakemake(project, "--dry-run").returncode == 0
    assert (project / PLAN).read_bytes() == first, "a dry run writes nothing"
    assert snakemake(project, f"{RESULTS}/claims.csv", "--forcerun", "claims").returncode == 0
    registered, deviation = json.loads((project / PLAN).read_text())["entries"]
    assert registered == json.loads(first)["entries"][0]
    assert deviation["changes"] == {"statistics.margin": [1.0, 2.0], "statistics.resamples": [200, 201]}
    assert deviation["results"] > 0
