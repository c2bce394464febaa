"""A small study, a recorded log of Snakemake, recorded lines of Slurm's accounting, and files that jobs write."""

import os
from pathlib import Path

from codestilts.workflow.slurm_accounting import Attempt, Usage, parse_attempt, parse_usage
from codestilts.workflow.snakemake_logs import Submitted

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
Job 14 has been submitted with SLURM jobid 14 (log: /p/.snakemake/slurm_logs/rule_train_target/bert-tiny_none_tags_0-1/14.log).
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
Error in rule train_target:
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


def slurm(job: str, *job_paths: str, gpus: int = 0) -> Attempt:
    """A recorded job of Slurm as an attempt at these jobs of ours."""
    of = Submitted("rule" if len(job_paths) == 1 else "group", "train_target", job_paths[0], Path("/p/x.log"))
    return parse_attempt(JOBS[job], of, job_paths, gpus, parse_usage(USAGE).get(job, Usage()))


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
