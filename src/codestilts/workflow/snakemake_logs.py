"""What Snakemake's own logs say of a study's runs: how far each came, what went to Slurm, and what failed."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from codestilts.workflow.job_paths import job_path_of, rule_of

STUDY = re.compile(r"Study: (\S+)")
SLURM_RUN = re.compile(r"SLURM run ID: (\S+)")
SUBMITTED = re.compile(r"Job \S+ has been submitted with SLURM jobid (\d+) \(log: (.+)\)\.$")
PROGRESS = re.compile(r"(\d+) of (\d+) steps \(")
OWN_LOG = re.compile(r"\bresults/[^/, ]+/(?:logs/([^, ]+)\.log|(notebooks/[^, ]+)\.ipynb)")
STAMP = re.compile(r"\[(\w{3} \w{3} [ \d]\d [\d:]{8} \d{4})\]")
TIME = "%a %b %d %H:%M:%S %Y"


@dataclass(frozen=True)
class Submitted:
    """A job that went to Slurm: a rule's, or a group of them (``kind``)."""

    kind: str
    name: str
    job_path: str  # "" for a group
    log: Path


@dataclass
class Failed:
    """A job's failure as Snakemake told it."""

    rule: str
    time: float
    job_path: str = ""
    slurm_id: str = ""


@dataclass
class RunLog:
    """One run of Snakemake."""

    path: Path
    began: float
    study: str = ""
    slurm_run: str = ""  # the name of all its jobs in Slurm
    done: int = 0
    planned: int = 0
    submitted: dict[str, Submitted] = field(default_factory=dict)  # by Slurm's id
    failed: list[Failed] = field(default_factory=list)


def read_logs(folder: Path, study: str) -> list[RunLog]:
    """The runs of a study, the oldest first; runs that began no job have no study and are left out."""
    runs = [read_log(path) for path in sorted(folder.glob("*.snakemake.log"))]
    return [run for run in runs if run.study == study]


def read_log(path: Path) -> RunLog:
    """Read one log of Snakemake, whose name is the time when it began."""
    began = datetime.strptime(path.name.removesuffix(".snakemake.log"), "%Y-%m-%dT%H%M%S.%f")
    run = RunLog(path, began.timestamp())
    now, error = "", None
    with path.open(encoding="utf-8", errors="replace") as lines:
        for line in lines:
            text = line.strip()  # what befell a group is told as usual, further in
            if stamp := STAMP.match(text):
                now, error = stamp[1], None
            elif text.startswith("Error in rule "):
                rule = rule_of(text.removeprefix("Error in rule ").rstrip(":"))
                error = Failed(rule, datetime.strptime(now, TIME).timestamp())
            elif not line.startswith(" "):
                error = None
                _read_line(line, run)
            elif error and text.startswith("log: ") and (where := OWN_LOG.search(text)):
                error.job_path = where[1] or where[2]
                run.failed.append(error)
            elif error and text.startswith("external_jobid: "):
                error.slurm_id = text.removeprefix("external_jobid: ")
    return run


def _read_line(line: str, run: RunLog) -> None:
    """A line that is not part of an error."""
    if line.startswith("Job ") and (found := SUBMITTED.match(line)):
        run.submitted[found[1]] = _submitted(Path(found[2]))
    elif found := PROGRESS.match(line):
        run.done, run.planned = int(found[1]), int(found[2])
    elif found := STUDY.match(line):
        run.study = found[1]
    elif found := SLURM_RUN.match(line):
        run.slurm_run = found[1]


def _submitted(log: Path) -> Submitted:
    """Slurm's logs are in rule_NAME/WILDCARDS/ID.log: wildcards joined by _, which none of ours has."""
    first = max(number for number, part in enumerate(log.parts) if part.startswith(("rule_", "group_")))
    folder, *wildcards = log.parts[first:-1]
    kind, _, name = folder.partition("_")
    rule = rule_of(name)
    where = job_path_of(rule, wildcards[0].split("_") if wildcards else []) if kind == "rule" else ""
    return Submitted(kind, rule if kind == "rule" else name, where, log)
