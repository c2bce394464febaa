"""Slurm's accounting and Snakemake's log as they were recorded, and what jobs used of what they requested."""

import os
from pathlib import Path

import pytest
from slurm_records import TAGS, begin_run, slurm, write

from codestilts.workflow.job_paths import job_path_of
from codestilts.workflow.slurm_accounting import (
    Usage,
    group_job_paths,
    parse_duration,
    parse_gpus,
    parse_megabytes,
    parse_requested_memory,
)
from codestilts.workflow.slurm_efficiency import efficiency
from codestilts.workflow.snakemake_logs import read_logs


def test_a_log_tells_what_went_to_slurm_and_what_failed(tmp_path: Path) -> None:
    begin_run(tmp_path)
    assert read_logs(tmp_path / ".snakemake/log", "other") == []
    [run] = read_logs(tmp_path / ".snakemake/log", "small")
    assert (run.done, run.planned, run.slurm_run[:8]) == (3, 5, "b99ac364")
    found = {job_id: (job.kind, job.name, job.job_path) for job_id, job in run.submitted.items()}
    assert found == {
        "13": ("rule", "build", "build/pos"),
        "14": ("rule", "train_target", TAGS),
        "17": ("group", "few_build", ""),
    }
    told = [(failed.rule, failed.job_path, failed.slurm_id) for failed in run.failed]
    assert told == [("build", "build/pos", "13"), ("build", "build/tags", ""), ("train_target", TAGS, "")]
    assert run.failed[2].time - run.failed[0].time == 83


def test_accounting_is_read_as_slurm_writes_it() -> None:
    timeout = slurm("14", TAGS)
    assert timeout.failed and (timeout.state, timeout.seconds, timeout.limit) == ("TIMEOUT", 65, 60)
    assert timeout.used == Usage(2.576, pytest.approx(208964 / 1024))
    never = slurm("16", TAGS)
    assert never.state == "CANCELLED" and never.began is None and not never.failed
    assert slurm("21", TAGS).running and slurm("21", TAGS).ended is None
    assert (
        parse_gpus("billing=1,cpu=1,gres/gpu=2,gres/gpu:a100=2,mem=4G")
        == 2
        == parse_gpus("gres/gpu:a100=1,gres/gpu:v100=1")
    )
    assert slurm("12", TAGS, gpus=4).gpus == 4, "where Slurm keeps no account of GPUs, those that were asked for"
    assert [parse_duration(text) for text in ("00:03.141", "01:00:00", "1-00:00:01", "")] == [3.141, 3600, 86401, 0]
    assert [parse_megabytes(text) for text in ("1024K", "1.5G", "")] == [1, 1536, 0]
    assert [parse_requested_memory(text, 2, 3) for text in ("2000M", "4Gc", "1Gn")] == [2000, 8192, 3072]
    line = (
        "17|sbatch --wrap=snakemake --target-jobs 'build:task=pos' 'score:encoder=tiny,arm=none'"
        " 'near_duplicates:' --jobs 1"
    )
    assert group_job_paths([line]) == {"17": ("build/pos", job_path_of("score", ["tiny", "none"]), "near_duplicates")}


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
