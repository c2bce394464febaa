"""Extract the functions of one programming language from source archives."""

import argparse
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

from codestilts.errors import run
from codestilts.examples.parsing.functions import archive_splits, extract, summarize_counts
from codestilts.options import new_file
from codestilts.provenance import atomic
from codestilts.sources.table import read_sources


def main() -> None:
    """Read archives, write the functions."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--language", required=True, help="an entry of languages.yaml")
    parser.add_argument("--archives", nargs="+", type=Path, required=True, help="zip files, named as in sources.csv")
    parser.add_argument("--sources", type=Path, default=Path("sources.csv"), help="the table (default: sources.csv)")
    parser.add_argument("--allow-empty", action="store_true", help="archives may have no usable function (rehearsal)")
    parser.add_argument("--out", type=new_file, required=True, help="parquet file to write")
    arguments = parser.parse_args()
    began = time.monotonic()
    splits = archive_splits(arguments.archives, arguments.language, read_sources(arguments.sources), arguments.sources)
    table, counts = extract(arguments.language, arguments.archives, splits, arguments.allow_empty)
    with atomic(arguments.out) as temporary:
        pq.write_table(table, temporary, compression="zstd")
    print(f"{summarize_counts(arguments.language, counts)} ({time.monotonic() - began:.0f} s)", file=sys.stderr)


if __name__ == "__main__":
    run(main)
