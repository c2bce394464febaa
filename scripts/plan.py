"""Print what a study costs before it runs: jobs, device hours, wall time, disk space and downloads."""

import argparse
from pathlib import Path

from codestilts.config.validation import read_study
from codestilts.errors import run
from codestilts.options import add_configs, share, whole_number
from codestilts.workflow import device_speed
from codestilts.workflow.plan_text import Plan, plan_text
from codestilts.workflow.planning import Workload, device_jobs, hub_bytes
from codestilts.workflow.task_sizes import FILL

DEVICES = {"cpu": [1, 2, 8], "gpu": [1, 8, 64]}  # numbers to plan for, by the device that a study asks for


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_configs(parser)
    parser.add_argument(
        "--gpus", type=whole_number("--gpus", 1), nargs="+", help="numbers of devices (GPUs or cores) to plan for"
    )
    parser.add_argument(
        "--gpu", help=f"plan for this GPU instead of the measured device: {', '.join(device_speed.GPUS)}"
    )
    parser.add_argument(
        "--utilisation",
        type=share("--utilisation"),
        default=device_speed.UTILISATION,
        help="share of its bf16 peak that it reaches",
    )
    parser.add_argument(
        "--fill", type=share("--fill"), default=FILL, help="mean length of a sequence as a share of max_length"
    )
    parser.add_argument(
        "--results", type=Path, default=Path("results"), help="folder of studies whose runs measure speed and lengths"
    )
    parser.add_argument("--hub", action="store_true", help="ask the hub for the sizes of its repositories")
    arguments = parser.parse_args()
    study = read_study(arguments.configs)
    runs = device_speed.read_measured_runs(arguments.results)
    workload = Workload.of(study, Path(), device_speed.mean_lengths(runs), arguments.fill)
    speed = device_speed.choose_speed(study, runs, arguments.gpu, arguments.utilisation)
    devices = arguments.gpus or DEVICES[study.config.device]
    plan = Plan(workload, device_jobs(workload), speed, devices, arguments.utilisation, arguments.gpu)
    print(plan_text(plan, runs, hub_bytes if arguments.hub else None))


if __name__ == "__main__":
    run(main)
