"""Compare the installed packages with a lock file, or ask the package index for wheels for other Pythons.

Exits with 1 if a package is missing or has another version; with --wheels, if one has no wheel for a Python.
"""

import argparse
from pathlib import Path

from codestilts.errors import CodeStiltsError, run
from codestilts.sources.locked import PYTHONS, Locked, differences, read_lock, without_wheel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lock", type=Path, help="requirements file with exact versions")
    parser.add_argument("--wheels", action="store_true", help=f"ask the index for wheels for {', '.join(PYTHONS)}")
    arguments = parser.parse_args()
    lock = read_lock(arguments.lock)
    if arguments.wheels:
        check_wheels(lock, arguments.lock)
        return
    if wrong := list(differences(lock)):
        raise CodeStiltsError(f"{arguments.lock}: installed otherwise: {', '.join(wrong)}: delete .venv, run make")
    print(f"{sum(item.applies() for item in lock)} packages are as {arguments.lock} says")


def check_wheels(lock: list[Locked], path: Path) -> None:
    """Ask the index for a wheel of every package for every supported Python."""
    from codestilts.sources.downloads import http_client
    from codestilts.sources.registry import pip_indexes

    settings, indexes = pip_indexes()
    failed = []
    with http_client(settings) as client:
        for python in PYTHONS:
            missing = list(without_wheel(lock, python, client, indexes))
            count = sum(item.applies(python) for item in lock)
            print(f"Python {python}: {count - len(missing)} of {count} packages have a wheel or none for any Python")
            failed += [f"{name} for Python {python}" for name in missing]
    if failed:
        raise CodeStiltsError(f"{path}: no wheel of {', '.join(failed)}: choose other versions, `make lock`")


if __name__ == "__main__":
    run(main)
