"""The study on a real Slurm, in containers, on pretended GPUs: requests, placement and results of its jobs."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest
from cluster import call, copy_of, jobs_of, study

TABLES = ["scores.csv", "effects.csv", "contrasts.csv"]


@pytest.fixture(scope="module")
def on_slurm(fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A project after ``snakemake --profile slurm``, and the output of that command."""
    folder = copy_of(fresh, tmp_path_factory.mktemp("slurm") / "project")
    told = call(folder, *study())
    assert told.returncode == 0, told.stdout[-6000:]
    return folder, told.stdout


def slurm_jobs(printed: str) -> dict[str, str]:
    """Slurm's id of each job that Snakemake submitted, with its rule or group."""
    return dict(
        re.findall(r"submitted with SLURM jobid (\d+) \(log: \S+/slurm_logs/(?:rule|group)_([\w.-]+)/", printed)
    )


def test_the_numbers_are_those_of_a_laptop(on_slurm: tuple[Path, str], outside: Path) -> None:
    project, _ = on_slurm
    for name in TABLES:
        assert (project / "results/nano" / name).read_bytes() == (outside / "results/nano" / name).read_bytes(), name
    assert (project / "results/nano/report.html").exists()


def test_jobs_go_where_their_devices_are_and_ask_for_little(on_slurm: tuple[Path, str]) -> None:
    project, printed = on_slurm
    rules, jobs = slurm_jobs(printed), {row["JobID"]: row for row in jobs_of(project)}
    assert rules.keys() == jobs.keys() and len(jobs) > 15
    for number, rule in rules.items():
        row = jobs[number]
        trains = rule.startswith(("train_", "frozen_retrieval"))
        assert row["Partition"] == ("gpu" if trains else "cpu"), row
        assert ("gres/gpu=1" in row["AllocTRES"]) == trains, row
        memory = re.search(r"mem=(\d+)M", row["ReqTRES"])
        assert row["State"] == "COMPLETED" and memory and int(memory[1]) <= 16000, row
    assert not any(rule.startswith("fetch") for rule in rules.values())
    for group in ("build", "baseline", "scores", "tables"):
        assert sum(rule.startswith(f"{group}_") for rule in rules.values()) == 1, (
            "short jobs of a kind are one of Slurm"
        )


def test_gpu_jobs_are_told_which_gpu_is_theirs(on_slurm: tuple[Path, str]) -> None:
    project, _ = on_slurm
    logs = [path.read_text() for path in (project / "results/nano/logs/target").rglob("*.log")]
    assert len(logs) == 6 and {log.splitlines()[0] for log in logs} == {"on pretended GPU 0", "on pretended GPU 1"}


def test_a_model_trains_on_two_gpus_of_a_node(outside: Path, tmp_path: Path) -> None:
    project = copy_of(outside, tmp_path / "project")
    run = "tiny/none/tags/0-1"
    predictions = project / f"results/nano/predictions/{run}.parquet"
    alone = pd.read_parquet(predictions)
    predictions.unlink()
    (project / "two.yaml").write_text("definitions: {encoders: {tiny: {gpus: 2}}}\n")
    words = study(files=("micro.yaml", "nano.yaml", "two.yaml"))[:-1]
    told = call(project, *words, "--rerun-triggers", "mtime", "--", predictions.relative_to(project))
    assert told.returncode == 0, told.stdout[-4000:]
    (row,) = jobs_of(project)
    assert row["Partition"] == "gpu" and "gres/gpu=2" in row["AllocTRES"] and "cpu=2" in row["AllocTRES"]
    log = (project / f"results/nano/logs/target/{run}.log").read_text()
    assert log.splitlines()[0] == "on pretended GPU 0, pretended GPU 1"
    record = json.loads((project / f"results/nano/target/{run}/0/run.json").read_text())
    assert record["gpus"] == 2
    keys = ["seed", "checkpoint", "id", "gold"]
    pd.testing.assert_frame_equal(pd.read_parquet(predictions)[keys], alone[keys])


def test_a_second_run_has_nothing_to_do(on_slurm: tuple[Path, str]) -> None:
    assert "Nothing to be done" in call(on_slurm[0], *study()).stdout


def test_the_cluster_is_described_by_variables_alone(outside: Path, tmp_path: Path) -> None:
    """Slurm refuses resources that it does not have, and the plugin prints the request."""
    project = copy_of(outside, tmp_path / "project")
    files = ["results/nano/predictions/tiny/none/tags/0-1.parquet", "results/nano/audit.csv"]
    for name in files:
        (project / name).unlink()
    site = {
        "CPU_PARTITION": "short",
        "GPU_PARTITION": "accelerated",
        "GPU_TYPE": "a100",
        "GPU_CONSTRAINT": "nvlink",
        "CPU_CONSTRAINT": "epyc",
        "QOS": "patient",
    }
    variables = {f"CODESTILTS_{name}": value for name, value in site.items()}
    words = [*study()[:-1], "--rerun-triggers", "mtime", "--retries", "0", "--", *files]
    told = call(project, *words, **variables)
    assert told.returncode == 1
    calls = re.findall(r"^ +sbatch .+?--wrap=", told.stdout, re.MULTILINE)
    on_cpu, on_gpu = sorted(calls, key=lambda line: "--gpus" in line)
    for part in ("-p accelerated", "--gpus=a100:1", "-C nvlink", "--nodes=1", "-A lab", "--qos=patient"):
        assert part in on_gpu, on_gpu
    assert "-p short" in on_cpu and "-C epyc" in on_cpu and "--gpus" not in on_cpu and "--mem 2" in on_cpu


def test_the_profile_runs_the_paper_study_unless_told_otherwise(fresh: Path, tmp_path: Path) -> None:
    project = copy_of(fresh, tmp_path / "project")
    (project / "claims.yaml").write_text("{}\n")  # they are about the arms of the study that is replaced
    micro = (project / "micro.yaml").read_text()
    (project / "studies/paper.yaml").write_text(micro.replace("study: micro", "study: paper"))
    told = call(project, "snakemake", "--profile", "slurm", "--dry-run")
    assert told.returncode == 0, told.stdout
    assert "results/paper/report.html" in call(project, "snakemake", "--profile", "slurm", "--summary").stdout
    assert "results/nano/report.html" in call(project, *study()[:-1], "--summary").stdout


def test_what_scheduling_costs_is_told(on_slurm: tuple[Path, str]) -> None:
    table = pd.read_csv(on_slurm[0] / "results/nano/efficiency.csv")
    assert {"train_target", "frozen_retrieval", "tables (grouped)"} <= set(table["rule"])
    assert table["overhead"].between(0, 1, inclusive="neither").all(), table
    assert (table[table["rule"].str.startswith(("train", "frozen_retrieval"))]["gpu_hours"] > 0).all()
