"""The rules are independent of the scheduler: another executor plugin, and a workstation with GPUs."""

import json
import re
from pathlib import Path

from cluster import HERE, call, copy_of
from projects import environment

STUDY = ["--configfile", "micro.yaml", "nano.yaml"]
TABLES = ["scores.csv", "effects.csv", "contrasts.csv"]


def test_another_executor_has_the_same_numbers(fresh: Path, outside: Path, tmp_path: Path) -> None:
    project = copy_of(fresh, tmp_path / "project")
    executor = ["--executor", "cluster-generic", "--cluster-generic-submit-cmd", str(HERE / "submit.sh")]
    words = [*executor, "--jobs", "2", "--seconds-between-status-checks", "2", *STUDY, "--config", "device=cpu"]
    words += ["--", *(f"results/nano/{name}" for name in TABLES)]  # without figures and the report, which take as long
    told = call(project, "snakemake", *words, PATH=environment(project)["PATH"])
    assert told.returncode == 0, told.stdout[-6000:]
    assert len(set(re.findall(r"Submitted job (\d+) with external jobid", told.stdout))) > 20
    for name in TABLES:
        assert (project / "results/nano" / name).read_bytes() == (outside / "results/nano" / name).read_bytes(), name


def local(project: Path, gpus: int) -> dict[str, list[tuple[float, float]]]:
    """Run two trainings on a workstation with ``gpus`` GPUs; the times when each began and ended, by its GPU."""
    for target in ("tags", "search"):
        (project / f"results/nano/predictions/tiny/none/{target}/0-1.parquet").unlink()
    files = [f"results/nano/predictions/tiny/none/{target}/0-1.parquet" for target in ("tags", "search")]
    words = ["snakemake", "--profile", "profiles/workstation", "--cores", "2", *STUDY, "--", *files]
    told = call(project, *words, CODESTILTS_GPUS=str(gpus), CODESTILTS_PRETEND_GPUS=str(gpus))
    assert told.returncode == 0, told.stdout[-3000:]
    spans: dict[str, list[tuple[float, float]]] = {}
    for target in ("tags", "search"):
        log = project / f"results/nano/logs/target/tiny/none/{target}/0-1.log"
        benchmark = project / f"results/nano/benchmarks/target/tiny/none/{target}/0-1.tsv"
        end, took = benchmark.stat().st_mtime, float(benchmark.read_text().split("\n")[1].split("\t")[0])
        spans.setdefault(log.read_text().splitlines()[0], []).append((end - took, end))
        record = project / f"results/nano/target/tiny/none/{target}/0-1/0/run.json"
        assert json.loads(record.read_text())["device"] == "cpu", "what is pretended is no GPU"
    return spans


def test_two_jobs_on_two_gpus_have_one_each(outside: Path, tmp_path: Path) -> None:
    assert set(local(copy_of(outside, tmp_path / "project"), 2)) == {"on pretended GPU 0", "on pretended GPU 1"}


def test_two_jobs_on_one_gpu_take_turns(outside: Path, tmp_path: Path) -> None:
    ((gpu, spans),) = local(copy_of(outside, tmp_path / "project"), 1).items()
    (_, first), (second, _) = sorted(spans)
    assert gpu == "on pretended GPU 0" and second >= first - 0.5
