"""The workflow on the micro study: from sources to report, and which jobs rerun after a change."""

import json
import re
import shutil
import subprocess
import time
from pathlib import Path

import pandas as pd
import pytest
from filelock import FileLock
from projects import environment, kill_while_training, snakemake

from codestilts.config.validation import load_study, read_configs
from codestilts.reporting.exhibits import CATEGORIES, NOTEBOOK_OF
from codestilts.workflow.job_paths import log_path, rules_by_job_path

RESULTS = Path("results/micro")


@pytest.fixture
def project(done: Path, tmp_path: Path) -> Path:
    """A copy of the finished project, which a test may change."""
    return Path(shutil.copytree(done, tmp_path / "project", symlinks=True))


def planned(folder: Path, *options: str) -> dict[str, int]:
    """The jobs that a dry run announces: rule -> count."""
    result = snakemake(folder, "--dry-run", *options)
    assert result.returncode == 0, result.stdout
    table = result.stdout.partition("Job stats:")[2].partition("\n\n")[0]
    rows = re.findall(r"^([a-z][\w-]*) +(\d+)$", table, re.MULTILINE)
    return {rule: int(count) for rule, count in rows if rule not in ("total", "all")}


def status(folder: Path) -> str:
    """The output of scripts/status.py."""
    command = ["python", "scripts/status.py", "--configs", "config.yaml", "micro.yaml"]
    result = subprocess.run(command, cwd=folder, env=environment(folder), capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_from_sources_to_report(done: Path) -> None:
    results = done / RESULTS
    page = (results / "report.html").read_text()
    assert "<svg" in page and re.findall(r'http-equiv="([^"]*)"', page) == ["Content-Security-Policy"]
    beside = [link for link in re.findall(r'href="([^"]*)"', page) if not re.match(r"#|data:|https?:", link)]
    assert len(beside) > 50 and [link for link in beside if not (results / link).is_file()] == []
    scores = pd.read_csv(results / "scores.csv")
    assert set(scores["arm"]) >= {"none", "pos", "cloze", "mlm-code", "random"}
    assert set(scores["language"]) == {"python", "javascript", "c", "invented"} and set(scores["seed"]) >= {0, 1}
    assert scores["value"].between(0, 1).all()
    assert not list(results.rglob("*.work")), "checkpoints are removed when a job is done"


def test_every_job_leaves_its_benchmark_and_status_counts_them(done: Path) -> None:
    study = load_study(read_configs([done / "config.yaml", done / "micro.yaml"]), done)
    benchmarks = done / RESULTS / "benchmarks"
    found = {str(path.relative_to(benchmarks).with_suffix("")) for path in benchmarks.rglob("*.tsv")}
    expected = rules_by_job_path(study)
    assert found == set(expected)
    assert {job_path for job_path in expected if not (done / RESULTS / log_path(job_path)).exists()} == set()
    told = status(done)
    assert f"Next: all jobs are done, open {RESULTS}/report.html" in told and "Failed" not in told
    assert re.search(rf"^all +{len(expected)} +{len(expected)} *$", told, re.MULTILINE)


def test_where_slurm_ran_nothing_there_is_nothing_to_say_of_it(done: Path) -> None:
    assert len((done / RESULTS / "efficiency.csv").read_text().splitlines()) == 1
    assert "Slurm" not in (done / RESULTS / "report.html").read_text()


def test_status_of_a_folder_where_nothing_has_run(fresh: Path) -> None:
    assert "not started" in status(fresh)


def test_status_tells_a_failure_until_it_is_made_good(project: Path) -> None:
    (project / RESULTS / "examples/tags.parquet").unlink()
    script = project / "scripts/build.py"
    works = script.read_text()
    script.write_text("raise SystemExit('error: broken')")
    assert snakemake(project, f"{RESULTS}/examples/tags.parquet").returncode == 1
    told = status(project)
    assert "Failed: build tags" in told and "    error: broken" in told and "Next: snakemake" in told
    script.write_text(works)
    assert snakemake(project, f"{RESULTS}/examples/tags.parquet").returncode == 0
    told = status(project)
    assert "Failed:" not in told and "Failures resolved by a later attempt: 1" in told


def test_two_seeds_differ(done: Path) -> None:
    rows = pd.read_parquet(done / RESULTS / "predictions/tiny/cloze/search/0-1.parquet")
    first, second = (rows[rows["seed"] == seed]["score"].to_numpy() for seed in (0, 1))
    assert len(first) == len(second) and (first != second).any()


def test_a_second_run_does_nothing_and_says_so(done: Path) -> None:
    started = time.monotonic()
    result = snakemake(done)
    assert result.returncode == 0 and "Nothing to be done" in result.stdout
    assert time.monotonic() - started < 60


def test_snakemake_can_report_it_too(done: Path, tmp_path: Path) -> None:
    page = tmp_path / "snakemake.html"
    result = snakemake(done, "--report", str(page))
    assert result.returncode == 0 and "missing" not in result.stdout.lower(), result.stdout[-2000:]
    text = page.read_text(encoding="utf-8")
    shown, categories = (
        json.JSONDecoder().raw_decode(text.partition(f'<script id="{name}">')[2].partition(f"var {name} = ")[2])[0]
        for name in ("results", "categories")
    )
    figures = {f"{RESULTS}/{path.relative_to(done / RESULTS)}" for path in (done / RESULTS / "figures").rglob("*.svg")}
    tables = {f"{RESULTS}/{path.relative_to(done / RESULTS)}" for path in (done / RESULTS / "tables").rglob("*.csv")}
    assert set(shown) == figures | tables | {f"{RESULTS}/report.html"} and len(figures) > 8
    assert all(len(result["caption"]) > 40 and result["labels"] for result in shown.values())
    notebooks = {"study", "effects", "languages", "training", "doses", "transferability"}
    assert set(categories) == {CATEGORIES[name] for name in notebooks}
    of_doses = [path for paths in categories["Doses"].values() for path in paths]
    assert f"{RESULTS}/figures/tiny/doses.svg" in of_doses and f"{RESULTS}/figures/tiny/curves.svg" not in of_doses
    for path in figures | tables:
        notebook = NOTEBOOK_OF.get(Path(path).stem, "effects")
        assert re.search(rf"The notebook <\w+[^>]*>{notebook}<", shown[path]["caption"]), path


def test_a_deleted_output_rebuilds_what_depends_on_it(project: Path) -> None:
    shutil.rmtree(project / RESULTS / "retrieval/tiny/cloze/0-1")
    (project / RESULTS / "predictions/tiny/cloze/search/0-1.parquet").unlink()
    shutil.rmtree(project / RESULTS / "target/tiny/none/tags/0-1")
    jobs = planned(project)
    assert jobs["frozen_retrieval"] == 1 and jobs["train_target"] == 2 and jobs["score"] == 2 and "compare" in jobs
    assert not {"train_intermediate", "build", "extract", "fetch", "baseline"} & set(jobs)


def test_a_training_setting_reruns_training_only(project: Path) -> None:
    config = project / "micro.yaml"
    config.write_text(config.read_text().replace("match: {steps: 4}", "match: {steps: 5}"))
    jobs = planned(project)
    assert jobs["train_target"] == 5 and jobs["score"] == 5
    assert not {
        "try_doses",
        "train_intermediate",
        "frozen_retrieval",
        "build",
        "extract",
        "near_duplicates",
        "fetch",
        "import_encoder",
        "baseline",
    } & set(jobs)


def test_a_setting_of_intermediate_training_leaves_the_arms_without_it_alone(project: Path) -> None:
    config = project / "micro.yaml"
    config.write_text(config.read_text().replace("intermediate: {steps: 4,", "intermediate: {steps: 5,"))
    jobs = planned(project)
    assert jobs["try_doses"] == 3 and jobs["train_intermediate"] == 3 and jobs["train_target"] == 12
    assert not {"build", "extract", "near_duplicates", "fetch", "import_encoder"} & set(jobs)


def test_a_setting_of_a_target_that_chooses_doses_repeats_the_trials_and_what_follows(project: Path) -> None:
    config = project / "micro.yaml"
    config.write_text(config.read_text().replace("tags: {steps: 4}", "tags: {steps: 5}"))
    jobs = planned(project)
    assert jobs["try_doses"] == 4 and jobs["train_intermediate"] == 3, "none has no dose"
    assert jobs["train_target"] == 3 * 4 + 2, "after three arms, and tags after none and random"
    assert not {"build", "extract", "near_duplicates", "fetch", "import_encoder"} & set(jobs)


def test_every_trial_is_declared_and_the_best_rate_is_trained_with(done: Path) -> None:
    for arm in ("pos", "cloze", "mlm-code"):
        trials = json.loads((done / RESULTS / f"doses/tiny/{arm}.json").read_text())
        assert [trial["learning_rate"] for trial in trials] == [1e-4, 5e-4]
        first, second = (trial["dev"] for trial in trials)
        record = json.loads((done / RESULTS / f"intermediate/tiny/{arm}/0-1/1/run.json").read_text())
        assert record["settings"]["learning_rate"] == (5e-4 if second > first else 1e-4)
    table = pd.read_csv(done / RESULTS / "doses.csv")
    assert set(table["arm"]) == {"none", "pos", "cloze", "mlm-code"} and set(table["seed"]) == {0}
    assert set(table["measure"]) == {"dev", "test", "held_out_loss"}
    assert set(table.loc[table["measure"] == "dev", "language"]) == {"python"}
    assert (done / RESULTS / "figures/tiny/doses.svg").exists()
    assert "with one learning rate for all arms" in (done / RESULTS / "report.html").read_text()


def test_a_changed_plot_reruns_only_the_plots(project: Path) -> None:
    with (project / "src/codestilts/reporting/figures.py").open("a") as stream:
        stream.write("\n# A thought about colours.\n")
    drawing = {f"notebook_{name}" for name in ("effects", "languages", "training", "doses", "study", "transferability")}
    assert drawing <= set(planned(project)) <= drawing | {"slurm_efficiency", "report"}


def test_changed_training_code_reruns_training_and_what_follows(project: Path) -> None:
    with (project / "src/codestilts/training/loop.py").open("a") as stream:
        stream.write("\n# A thought about rates.\n")
    jobs = planned(project)
    assert jobs["train_intermediate"] == 3 and jobs["train_target"] == 20
    assert not {"build", "extract", "near_duplicates", "fetch", "import_encoder", "baseline"} & set(jobs)


def test_a_changed_task_file_rebuilds_its_examples_only(project: Path) -> None:
    task = project / "tasks/pl/match.yaml"
    task.write_text(task.read_text().replace("tolerance: 0.2", "tolerance: 0.25"))
    jobs = planned(project)
    assert jobs["build"] == 1 and jobs["train_target"] == 5


def test_more_seeds_add_jobs_and_repeat_none(project: Path) -> None:
    config = project / "micro.yaml"
    config.write_text(config.read_text().replace("seeds: [0, 1]", "seeds: [0, 1, 2, 3]"))
    jobs = planned(project)
    assert jobs["train_intermediate"] == 3 and jobs["train_target"] == 20 and jobs["frozen_retrieval"] == 5


def test_a_killed_run_goes_on_and_ends_with_the_same_numbers(project: Path) -> None:
    model = project / RESULTS / "target/tiny/cloze/tags/0-1"
    predictions = project / RESULTS / "predictions/tiny/cloze/tags/0-1.parquet"
    before = pd.read_parquet(predictions)
    shutil.rmtree(model)
    predictions.unlink()  # a run that asks for them alone does not miss the models
    kill_while_training(project, predictions, when="step 4/4")
    assert not (model / "1/run.json").exists()
    result = snakemake(project, "--cores", "1")
    assert result.returncode == 0, result.stdout[-3000:]
    pd.testing.assert_frame_equal(before, pd.read_parquet(predictions))
    assert "Nothing to be done" in snakemake(project).stdout


def test_two_runs_of_a_study_do_not_get_in_each_others_way(project: Path) -> None:
    (project / RESULTS / "report.html").unlink()
    with FileLock(project / ".snakemake/micro.lock"):
        result = snakemake(project)
        assert result.returncode == 1 and "another run of this study is going on" in result.stdout
        assert "Traceback" not in result.stdout and not (project / RESULTS / "report.html").exists()
    assert snakemake(project).returncode == 0


def test_a_changed_download_is_an_error_that_names_it(fresh: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(fresh, tmp_path / "project"))
    table = project / "sources.csv"
    digest = "0" * 64
    table.write_text(table.read_text().replace("packages/c-test,,,,,", f"packages/c-test,,,{digest},,"))
    result = snakemake(project, "resources/c-test.zip", "resources/python-test.zip", "--keep-going")
    assert result.returncode == 1
    assert "error: source c-test: c-test is not what sources.csv names" in result.stdout
    assert "Traceback" not in result.stdout
    assert (project / "resources/python-test.zip").exists() and not (project / "resources/c-test.zip").exists()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("arms: [none, pos,", "arms: [none, poss,", "micro.yaml: arms: 'poss': no arm or task has that name"),
        ("seeds: [0, 1]", "seeds: [0, 0]", "micro.yaml: seeds: 0 occurs 2 times"),
        ("{steps: 4, t", "{steps: four, t", "micro.yaml: intermediate.steps: must be a valid integer, not 'four'"),
        ("encoders: [tiny]", "encoder: [tiny]", "micro.yaml: encoder: unknown key; did you mean 'encoders'?"),
    ],
)
def test_a_bad_config_is_one_line_and_starts_nothing(
    old: str, new: str, expected: str, fresh: Path, tmp_path: Path
) -> None:
    project = Path(shutil.copytree(fresh, tmp_path / "project"))
    config = project / "micro.yaml"
    config.write_text(config.read_text().replace(old, new))
    result = snakemake(project)
    assert result.returncode == 1
    errors = [line for line in result.stdout.splitlines() if line.startswith("error: ")]
    assert len(errors) >= 1 and errors[0].startswith(f"error: {expected}")
    assert "Traceback" not in result.stdout and "Job stats" not in result.stdout
    assert not (project / "results").exists() and not (project / "resources").exists()


def test_without_an_image_the_error_says_how_to_build_one(fresh: Path) -> None:
    result = snakemake(fresh, "--use-apptainer", "--dry-run")
    assert result.returncode == 1 and "Traceback" not in result.stdout
    assert "error: containers/codestilts.sif: " in result.stdout and "`make container`" in result.stdout
