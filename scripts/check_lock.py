"""Compare the installed packages with a lock file; exit 1 if one is missing or has another version."""

import argparse
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from packaging.requirements import Requirement

from codestilts.errors import CodeStiltsError, run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("lock", type=Path, help="requirements file with exact versions")
    arguments = parser.parse_args()
    lines = [
        line.rstrip(" \\") for line in arguments.lock.read_text(encoding="utf-8").splitlines() if line[:1].isalnum()
    ]
    locked = [Requirement(line) for line in lines]
    wanted = [requirement for requirement in locked if not requirement.marker or requirement.marker.evaluate()]
    wrong = [f"{item.name} {_have(item)}" for item in wanted if f"=={_have(item)}" != str(item.specifier)]
    if wrong:
        raise CodeStiltsError(f"{arguments.lock}: installed otherwise: {', '.join(wrong)}: delete .venv, run make")
    print(f"{len(wanted)} packages are as {arguments.lock} says")


def _have(requirement: Requirement) -> str:
    try:
        return version(requirement.name)
    except PackageNotFoundError:
        return "missing"


if __name__ == "__main__":
    run(main)
