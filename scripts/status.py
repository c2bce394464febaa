"""Print the status of a study: jobs by rule and state, device hours used and left, failures and the next step."""

import argparse
from pathlib import Path

from codestilts.config.validation import read_study
from codestilts.errors import run
from codestilts.options import add_configs, whole_number
from codestilts.workflow.status import read_status
from codestilts.workflow.status_text import Commands, status_text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_configs(parser)
    parser.add_argument(
        "--failures", type=whole_number("--failures", 0), default=10, help="most failed jobs to show, the latest first"
    )
    arguments = parser.parse_args()
    study = read_study(arguments.configs)
    print(status_text(read_status(study, Path()), Commands.of(study.name, arguments.configs[1:]), arguments.failures))


if __name__ == "__main__":
    run(main)
