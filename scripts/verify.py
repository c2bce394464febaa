"""Compare a study's results with its release; exit with 1 if any value deviates."""

import argparse
import sys
from pathlib import Path

from codestilts.errors import run
from codestilts.options import whole_number
from codestilts.release.comparison import compare_results
from codestilts.release.comparison_text import comparison_text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--expected", type=Path, required=True, help="folder of a release, or of other results")
    parser.add_argument("--results", type=Path, required=True, help="the study's folder of results")
    parser.add_argument(
        "--shown",
        type=whole_number("--shown", 0),
        default=10,
        help="cells of each table that are shown, the worst first",
    )
    arguments = parser.parse_args()
    found = compare_results(arguments.expected, arguments.results)
    print(comparison_text(found, arguments.shown))
    if found.deviations:
        sys.exit(1)


if __name__ == "__main__":
    run(main)
