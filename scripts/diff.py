"""Show two studies, or a study and a release, side by side: settings, versions, data, scores, contrasts and claims."""

import argparse
from pathlib import Path

from codestilts.errors import run
from codestilts.options import whole_number
from codestilts.release.comparison import compare_snapshots
from codestilts.release.comparison_text import comparison_text
from codestilts.release.differences import differences_text, have_same_settings_and_data
from codestilts.release.side_by_side import side_by_side_text
from codestilts.release.snapshot import read_snapshot


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=Path, help="a folder of results, or a release")
    parser.add_argument("second", type=Path, help="the other one")
    parser.add_argument(
        "--shown",
        type=whole_number("--shown", 0),
        default=10,
        help="arms, and cells of each table, that are shown, those that differ most first",
    )
    arguments = parser.parse_args()
    first, second = read_snapshot(arguments.first), read_snapshot(arguments.second)
    print(differences_text(first, second), end="\n\n")
    print(side_by_side_text(first, second, arguments.shown), end="\n\n")
    same = have_same_settings_and_data(first, second)
    print(comparison_text(compare_snapshots(first, second, alike=True), arguments.shown, same))


if __name__ == "__main__":
    run(main)
