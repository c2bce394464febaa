"""Measure what rounding does to a study's scores on this machine, for the tolerances of its release.

A sample of runs is trained again in ways that differ in rounding only. A killed measurement continues where it stopped.
"""

import argparse
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from codestilts.config.computations import COMPUTATIONS, ROUNDING
from codestilts.config.shown import shown_arms
from codestilts.config.study import Study
from codestilts.config.validation import read_study
from codestilts.errors import CodeStiltsError, run
from codestilts.options import add_configs, whole_number


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_configs(parser)
    parser.add_argument(
        "--results", type=Path, required=True, help="the study's finished results, made on this machine"
    )
    parser.add_argument(
        "--arms", nargs="+", help="arms of the sample (default: those whose predictions the report shows)"
    )
    parser.add_argument(
        "--processes", type=whole_number("--processes", 1), default=2, help="how many computations run at a time"
    )
    parser.add_argument(
        "--computation", choices=COMPUTATIONS, help="compute this one only, with the environment as it is"
    )
    arguments = parser.parse_args()
    study = read_study(arguments.configs)
    pairs = sample_of(study, arguments.arms or shown_arms(study))
    if arguments.computation:
        from codestilts.training.rounding import Sample, train_again

        train_again(
            Sample(study, arguments.results, pairs),
            COMPUTATIONS[arguments.computation],
            folder_of(arguments.results, arguments.computation),
        )
        return
    from codestilts.release.extent import check_first_batch
    from codestilts.release.measurement import write_tolerances
    from codestilts.training.rounding import is_available

    check_first_batch(study, arguments.results, pairs)
    own = study.config.target.precision
    names = [name for name, one in COMPUTATIONS.items() if is_available(one) and one.precision != own]
    with ThreadPoolExecutor(arguments.processes) as pool:
        list(pool.map(lambda name: compute(name, arguments.results), names))
    folders = {name: folder_of(arguments.results, name) for name in names}
    print(write_tolerances(study, arguments.results, folders, pairs))


def sample_of(study: Study, arms: list[str]) -> list[tuple[str, str]]:
    """The encoder-arm pairs of these arms."""
    if unknown := sorted(set(arms) - set(study.arms)):
        raise CodeStiltsError(f"--arms: the study {study.name} has no arm '{unknown[0]}'")
    return [pair for pair in study.encoder_arms if pair[1] in arms]


def folder_of(results: Path, computation: str) -> Path:
    """The folder of a computation's predictions."""
    return results / ROUNDING / computation


def compute(name: str, results: Path) -> None:
    """Run this script for one computation, with its output in a log.

    Raises:
        CodeStiltsError: It failed.
    """
    log = folder_of(results, name).with_suffix(".log")
    log.parent.mkdir(parents=True, exist_ok=True)
    print(f"{name}: computing, see {log}", flush=True)
    with log.open("w", encoding="utf-8") as output:
        child = subprocess.run(
            [sys.executable, *sys.argv, "--computation", name],
            env={**os.environ, **COMPUTATIONS[name].environment},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    if child.returncode:
        raise CodeStiltsError(f"{name}: failed: see the end of {log}, then run the same command again")


if __name__ == "__main__":
    run(main)
