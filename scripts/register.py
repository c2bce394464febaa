"""Register a new plan of a study deliberately. The record keeps the earlier plans, and the report mentions them.

The first run of a study registers its plan without this script.
"""

import argparse
from pathlib import Path

from codestilts.config.registration import register
from codestilts.config.validation import read_study
from codestilts.errors import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configs", nargs="+", type=Path, default=[Path("config.yaml")], help="its YAML files")
    parser.add_argument("--reason", default="", help="why a new plan is registered; the report prints it")
    arguments = parser.parse_args()
    study = read_study(arguments.configs)
    folder = Path("results", study.name)
    entry = register(study, folder, arguments.reason)
    print(f"{folder}/plan.json: plan {entry.digest} registered on {entry.date}, {entry.results} prediction files exist")


if __name__ == "__main__":
    run(main)
