"""Say what a study takes before it runs: jobs, device hours, wall time and disk."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from codestilts.config.study import Study
from codestilts.config.validation import load_study, read_configs
from codestilts.errors import run
from codestilts.sources.table import Source
from codestilts.workflow import flops, planning

KNOWN = {
    "counted": "those that were built",
    "set": "what the study asks for, at most what the published set has",
    "asked": "what the study asks for, though the set may have fewer",
}
LEFT_OUT = """\
Tokens are those of the budgets; in epochs and predictions a sequence has the mean length that runs of its task have
shown, else the share --fill of max_length. Left out: the start of each job (loading, tokenising), jobs that need no
device, padding; on disk archives, examples and logs."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configs", type=Path, nargs="+", required=True, help="config.yaml and the study's overlay")
    parser.add_argument("--gpus", type=int, nargs="+", default=[1, 8, 64], help="numbers of devices")
    parser.add_argument("--gpu", help=f"count with this one, not with measured runs: {', '.join(planning.GPUS)}")
    parser.add_argument("--utilisation", type=float, default=planning.UTILISATION, help="share of its bf16 peak")
    parser.add_argument("--fill", type=float, default=flops.FILL, help="share of max_length that a sequence has")
    parser.add_argument(
        "--results", type=Path, default=Path("results"), help="studies whose runs tell speed and lengths"
    )
    parser.add_argument("--hub", action="store_true", help="ask the hub for the sizes of its repositories")
    arguments = parser.parse_args()
    study = load_study(read_configs(arguments.configs), ".", arguments.configs)
    runs = flops.measured(arguments.results)
    costs = planning.Costs.of(study, Path(), flops.lengths(runs), arguments.fill)
    speed, how = planning.choose_speed(study, runs, arguments.gpu, arguments.utilisation)
    jobs = planning.gpu_jobs(costs)
    print(
        f"Study {study.name}: {len(study.encoders)} encoders, {len(study.arms)} arms, {len(study.targets)} targets, "
        f"{len(study.config.seeds)} seeds"
    )
    show("\n".join(how))
    show_jobs(study, jobs, speed)
    total = sum((job.work for job in jobs), flops.Work())
    show(
        f"Device hours on {speed.name}: {total.train:.2g} FLOPs of training, {total.forward:.2g} of predicting",
        planning.hours(jobs, speed),
    )
    show(
        f"Wall time: the longest chain of jobs takes {planning.critical_path(jobs, speed) / 3600:,.2f} hours",
        planning.wall(jobs, speed, arguments.gpus),
    )
    show_bytes(costs, max(arguments.gpus), planning.hub_bytes if arguments.hub else None)
    for kind, what in KNOWN.items():
        if names := [name for name in study.targets if costs.examples[name].known == kind]:
            show(f"Examples of {', '.join(names)}: {what}.")
    show(LEFT_OUT)


def show(title: str, table: pd.DataFrame | None = None) -> None:
    """A paragraph, and perhaps a table under it."""
    print(f"\n{title}")
    if table is not None:
        print(table.to_string(float_format="{:,.2f}".format, formatters={"busy": "{:.0%}".format}))


def show_jobs(study: Study, jobs: Sequence[planning.Job], speed: planning.Speed) -> None:
    """Jobs of each rule, and the hours of the longest one of those that need a device."""
    counts = pd.DataFrame({"jobs": planning.job_counts(study)})
    longest = pd.Series([speed.seconds(job.work) / 3600 for job in jobs]).groupby([job.rule for job in jobs]).max()
    counts["longest, hours"] = [f"{longest[rule]:,.3f}" if rule in longest else "" for rule in counts.index]
    show(f"Jobs: {counts['jobs'].sum():,}", counts)


def show_bytes(costs: planning.Costs, running: int, ask: Callable[[Source], int] | None) -> None:
    """What is stored, and what is fetched."""
    stored = pd.DataFrame({"GB": planning.disk(costs, running)}) / 1e9
    flight = "checkpoints in flight"
    stored.loc["kept"] = stored.drop(flight).sum()
    stored.loc["at most at once"] = stored.loc["kept"] + stored.loc[flight]
    show(f"Disk: with {running} jobs training at once", stored)
    size, unknown, local = planning.downloads(costs.study, ask)
    rest = f", and {len(unknown)} of {len(costs.study.used_sources)} sources of unknown size" if unknown else ""
    there = f"; {', '.join(local)} must be there already" if local else ""
    show(f"Downloads: {size / 1e9:,.2f} GB{rest}{there}")


if __name__ == "__main__":
    run(main)
