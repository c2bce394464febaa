"""Pin sources: write the commit on the hub, or the digest of the archive, of each unpinned row into sources.csv."""

import argparse
from pathlib import Path

from codestilts.errors import run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=Path, default=Path("sources.csv"), help="the table, changed in place")
    parser.add_argument("--only", nargs="*", help="names of rows; all that are unpinned if left out")
    parser.add_argument("--renew", action="store_true", help="pinned rows too (of --only): take what is there now")
    arguments = parser.parse_args()

    from codestilts.sources.pins import pin

    for name, exact in pin(arguments.sources, arguments.only, arguments.renew).items():
        print(f"{name}: {exact}")


if __name__ == "__main__":
    run(main)
