"""Extract the functions of one programming language from source archives."""

import argparse
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

from codestilts.errors import CodeStiltsError, run
from codestilts.examples.parsing.functions import extract
from codestilts.provenance import atomic
from codestilts.sources.table import read_sources


def main() -> None:
    """Read archives, write the functions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--language", required=True, help="an entry of languages.yaml")
    parser.add_argument("--archives", nargs="+", type=Path, required=True, help="zip files, named as in sources.csv")
    parser.add_argument("--sources", type=Path, default=Path("sources.csv"), help="the table (default: sources.csv)")
    parser.add_argument(
        "--allow-empty", action="store_true", help="a rehearsal: an archive may hold no usable function"
    )
    parser.add_argument("--out", type=Path, required=True, help="parquet file to write")
    arguments = parser.parse_args()
    began = time.monotonic()
    sources = read_sources(arguments.sources)
    if unknown := {path.stem for path in arguments.archives} - sources.keys():
        raise CodeStiltsError(f"{arguments.sources}: no source {min(unknown)!r}: archives are named as their source")
    splits = {
        name: source.split[arguments.language] for name, source in sources.items() if arguments.language in source.split
    }
    table, counts = extract(arguments.language, arguments.archives, splits, arguments.allow_empty)
    with atomic(arguments.out) as temporary:
        pq.write_table(table, temporary, compression="zstd")
    summary = ", ".join(f"{reason} {count}" for reason, count in sorted(counts.items()) if count)
    print(f"{arguments.language}: {summary} ({time.monotonic() - began:.0f} s)", file=sys.stderr)


if __name__ == "__main__":
    run(main)
