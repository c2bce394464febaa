"""Put tables of the same columns below one another, in the order they are named."""

import argparse
from pathlib import Path

from codestilts.errors import CodeStiltsError, run
from codestilts.provenance import atomic


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tables", nargs="+", type=Path, required=True, help="CSV files with one header")
    parser.add_argument("--out", type=Path, required=True, help="CSV, written")
    arguments = parser.parse_args()
    header = None
    with atomic(arguments.out) as temporary, temporary.open("w", encoding="utf-8") as out:
        for path in arguments.tables:
            with path.open(encoding="utf-8") as lines:
                first = next(lines, "")
                if header is None:
                    header = first
                    out.write(first)
                elif first != header:
                    raise CodeStiltsError(
                        f"{path}: its columns are not those of {arguments.tables[0]}: make both again"
                    )
                out.writelines(lines)


if __name__ == "__main__":
    run(main)
