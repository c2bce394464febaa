"""Read Snakemake's own logs: how far each run of a study came, which jobs it submitted to Slurm, and which failed.

The formats are those of Snakemake 9.27.1 and of its Slurm executor plugin 2.8.0; neither documents them.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from codestilts.workflow.job_paths import job_path_of

STUDY = re.compile(r"Study: (\S+)")  # rules/common.smk prints it
SLURM_RUN = re.compile(r"SLURM run ID: (\S+)")
SUBMITTED = re.compile(r"Job \S+ has been submitted with SLURM jobid (\d+) \(log: (.+)\)\.$")
STEPS = re.compile(r"(\d+) of (\d+) steps \(")
JOB_LOG = re.compile(r"\bresults/[^/, ]+/(?:logs/([^, ]+)\.log|(notebooks/[^, ]+)\.ipynb)")
TIMESTAMP = re.compile(r"\[(\w{3} \w{3} [ \d]\d [\d:]{8} \d{4})\]")
TIME_FORMAT = "%a %b %d %H:%M:%S %Y"
ERROR = "Error in rule "


@dataclass(frozen=True)
class Submitted:
    """A job that was submitted to Slurm.

    Attributes:
        kind: ``rule``, or ``group`` if one Slurm job runs several jobs.
        name: the rule or group.
        job_path: empty for a group.
        log: Slurm's log of the job.
    """

    kind: str
    name: str
    job_path: str
    log: Path


@dataclass
class Failed:
    """A failed job as the log tells it; ``slurm_id`` is empty for jobs outside Slurm."""

    rule: str
    time: float
    job_path: str = ""
    slurm_id: str = ""


@dataclass
class RunLog:
    """One run of Snakemake.

    Attributes:
        path: its log.
        began: when it began, in seconds since the epoch.
        study: empty if the run started no job.
        slurm_run: the name that all its jobs have in Slurm.
        done: steps that are finished.
        planned: all steps.
        submitted: by Slurm's job id.
        failed: in the order of the log.
    """

    path: Path
    began: float
    study: str = ""
    slurm_run: str = ""
    done: int = 0
    planned: int = 0
    submitted: dict[str, Submitted] = field(default_factory=dict)
    failed: list[Failed] = field(default_factory=list)


def read_logs(folder: Path, study: str) -> list[RunLog]:
    """The runs of a study that started at least one job, the oldest first."""
    runs = [read_log(path) for path in sorted(folder.glob("*.snakemake.log"))]
    return [run for run in runs if run.study == study]


def read_log(path: Path) -> RunLog:
    """Read one log, whose file name is the time when the run began."""
    began = datetime.strptime(path.name.removesuffix(".snakemake.log"), "%Y-%m-%dT%H%M%S.%f")
    run = RunLog(path, began.timestamp())
    timestamp, error = "", None
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            text = line.strip()  # errors of a group's jobs are indented
            if match := TIMESTAMP.match(text):
                timestamp, error = match[1], None
            elif text.startswith(ERROR):
                rule = text.removeprefix(ERROR).rstrip(":")
                error = Failed(rule, datetime.strptime(timestamp, TIME_FORMAT).timestamp())
            elif not line.startswith(" "):
                error = None
                _read_line(line, run)
            elif error and text.startswith("log: ") and (match := JOB_LOG.search(text)):
                error.job_path = match[1] or match[2]
                run.failed.append(error)
            elif error and text.startswith("external_jobid: "):
                error.slurm_id = text.removeprefix("external_jobid: ")
    return run


def _read_line(line: str, run: RunLog) -> None:
    """Note what a line outside of errors says."""
    if line.startswith("Job ") and (match := SUBMITTED.match(line)):
        run.submitted[match[1]] = _submitted(Path(match[2]))
    elif match := STEPS.match(line):
        run.done, run.planned = int(match[1]), int(match[2])
    elif match := STUDY.match(line):
        run.study = match[1]
    elif match := SLURM_RUN.match(line):
        run.slurm_run = match[1]


def _submitted(log: Path) -> Submitted:
    """A job from the path of its Slurm log: ``.../rule_NAME/WILDCARDS/ID.log`` or ``.../group_NAME/ID.log``.

    The plugin joins the values of wildcards by ``_``, a character that no value of ours contains.
    """
    index = max(index for index, part in enumerate(log.parts) if part.startswith(("rule_", "group_")))
    folder, *wildcards = log.parts[index:-1]
    kind, _, name = folder.partition("_")
    values = wildcards[0].split("_") if wildcards else []
    return Submitted(kind, name, job_path_of(name, values) if kind == "rule" else "", log)
