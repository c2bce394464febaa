"""Say how far a study is: jobs by rule and state, device hours so far and to go, what failed and how to go on."""

import argparse
from collections import Counter
from datetime import datetime
from pathlib import Path

from codestilts.config.validation import load_study, read_configs
from codestilts.errors import run
from codestilts.workflow.compute_hours import hours
from codestilts.workflow.job_paths import log_path
from codestilts.workflow.status import STATES, Failure, Progress, look

LAST_LINES = 5  # of a log that are shown
REACH = 10_000  # bytes of its end that are looked through for them
SLURM_SAYS = ("slurmstepd", "srun: error", "error:")  # in its log, among all that Snakemake says


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configs", type=Path, nargs="+", required=True, help="config.yaml and the study's overlay")
    parser.add_argument("--failures", type=int, default=10, help="failed jobs that are shown, the latest first")
    arguments = parser.parse_args()
    study = load_study(read_configs(arguments.configs), ".", arguments.configs)
    progress = look(study, Path())
    command = f"snakemake --cores all --configfile {' '.join(map(str, arguments.configs[1:]))}"
    again = "make report" if len(arguments.configs) == 1 else command
    print(headline(progress))
    if not progress.states:
        print(f"\nTo begin: {again}")
        return
    if progress.silent:
        print(f"Slurm does not answer, so what runs and waits there is not known: {progress.silent}")
    show_jobs(progress)
    show_hours(progress)
    show_failures(progress, arguments.failures)
    print(f"\n{way_on(progress, again, this_command(study.name, arguments.configs[1:]))}")


def headline(progress: Progress) -> str:
    """Whether the study runs, and how far its last run came."""
    name = f"Study {progress.study.name}"
    if not progress.runs:
        return f"{name}: {'no run has left a log here' if progress.states else 'nothing has run here yet'}"
    last = progress.runs[-1]
    began = datetime.fromtimestamp(last.began).strftime("%Y-%m-%d %H:%M")
    how = "runs since" if progress.going_on else "does not run; its last run began"
    steps = f", {last.done:,} of its {last.planned:,} steps done" if last.planned else ""
    return f"{name} {how} {began}{steps}"


def show_jobs(progress: Progress) -> None:
    """A row a rule and one of sums."""
    rows = progress.counts()
    rows["all"] = sum(rows.values(), Counter())
    columns = ["planned", *STATES]
    print("\n" + " " * 20 + "".join(f"{column:>9}" for column in columns))
    for rule, counts in rows.items():
        cells = [f"{counts[column]:,}" if counts[column] else "" for column in columns]
        print(f"{rule:20}" + "".join(f"{cell:>9}" for cell in cells))


def show_hours(progress: Progress) -> None:
    """Device hours so far and to go."""
    found = hours(progress)
    name = "GPU-hours" if progress.study.config.device == "gpu" else "Hours of training and predicting"
    lost = f" ({found.lost:,.2f} of them in attempts that failed)" if found.lost else ""
    rest = f"about {found.to_go:,.2f} to go, {found.how}" if found.to_go else found.how
    print(f"\n{name}: {found.so_far:,.2f} so far{lost}, {rest}")


def show_failures(progress: Progress, most: int) -> None:
    """Each job whose last attempt failed, with the end of its logs."""
    if progress.made_good:
        print(f"Failures that a later attempt made good: {progress.made_good:,}")
    if again := len(progress.failures) - len(progress.failed):
        print(f"Failed jobs that are tried again now: {again:,}")
    for failure in progress.failed[:most]:
        show_failure(progress, failure)
    if len(progress.failed) > most:
        print(f"\n{len(progress.failed) - most:,} more failed: --failures {len(progress.failed)} shows them all")


def show_failure(progress: Progress, failure: Failure) -> None:
    """One failed job."""
    attempt = failure.attempt
    slurm = f", Slurm job {attempt.slurm_id}: {attempt.state}" if attempt else ""
    when = datetime.fromtimestamp(failure.time).strftime("%Y-%m-%d %H:%M:%S")
    print(f"\nFailed: {failure.rule} {' '.join(failure.job_path.split('/')[1:])}, {when}{slurm}")
    log = progress.results / log_path(failure.job_path)
    show_end(log, last_lines(log) if log.suffix == ".log" else [])
    if attempt:
        lines = last_lines(attempt.job.log, REACH)
        show_end(attempt.job.log, [line for line in lines if line.startswith(SLURM_SAYS)][-LAST_LINES:])


def show_end(log: Path, lines: list[str]) -> None:
    """The name of a log that is there, and some of its lines."""
    if log.exists():
        print(f"  {log}" + ("" if lines else ": nothing of note"))
        print("".join(f"    {line}\n" for line in lines), end="")


def last_lines(log: Path, most: int = LAST_LINES) -> list[str]:
    """The last lines of a log that say something."""
    if not log.exists():
        return []
    with log.open("rb") as stream:
        stream.seek(max(0, log.stat().st_size - REACH))
        lines = stream.read().decode(errors="replace").splitlines()
    return [line for line in lines if line.strip()][-most:]


def this_command(name: str, overlays: list[Path]) -> str:
    """What shows this again."""
    if not overlays:
        return "make status"
    if overlays == [Path(f"studies/{name}.yaml")]:
        return f"make status STUDY={name}"
    return f"python scripts/status.py --configs config.yaml {' '.join(map(str, overlays))}"


def way_on(progress: Progress, again: str, here: str) -> str:
    """What to type next."""
    active = Counter(progress.states.values())
    if progress.going_on:
        return f"It goes on by itself: {here} looks again"
    if left := active["running"] + active["waiting"]:
        return f"Snakemake has stopped, {left:,} of its jobs are still in Slurm: {here} looks again"
    if active["done"] == len(progress.rules):
        return f"Everything is there: {progress.results}/report.html"
    if not progress.runs or not progress.runs[-1].slurm_run:
        return f"To go on: {again}"
    return f"To go on: the command of the last run{' with ' + more if (more := more_resources(progress)) else ''}"


def more_resources(progress: Progress) -> str:
    """The option that gives twice as much to the rules that ran out of time or memory."""
    wanted: dict[str, float] = {}
    for failure in progress.failed:
        if failure.attempt and failure.attempt.state == "TIMEOUT" and failure.attempt.limit:
            wanted[f"{failure.rule}:runtime"] = 2 * failure.attempt.limit / 60
        elif failure.attempt and failure.attempt.state == "OUT_OF_MEMORY":
            wanted[f"{failure.rule}:mem_mb"] = 2 * failure.attempt.memory
    return "--set-resources " + " ".join(f"{name}={value:.0f}" for name, value in wanted.items()) if wanted else ""


if __name__ == "__main__":
    run(main)
