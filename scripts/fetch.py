"""Fetch one source of sources.csv and strip it to what is used."""

import argparse
from dataclasses import replace
from pathlib import Path

from codestilts.errors import CodeStiltsError, run
from codestilts.options import new_file
from codestilts.sources.registry import fetch, log
from codestilts.sources.table import read_sources


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", required=True, help="name of a row of the table")
    parser.add_argument("--sources", type=Path, default=Path("sources.csv"), help="the table")
    parser.add_argument("--sample", type=int, default=0, help="a rehearsal: so many rows of each table of the hub")
    parser.add_argument("--out", type=new_file, required=True, help="zip to write: resources/NAME.zip")
    arguments = parser.parse_args()
    sources = read_sources(arguments.sources)
    if arguments.source not in sources:
        raise CodeStiltsError(f"{arguments.sources}: no source {arguments.source!r}: there are {', '.join(sources)}")
    source = sources[arguments.source]
    if source.kind == "local":  # its path is relative to the table
        source = replace(source, id=str(arguments.sources.parent / source.id))
    manifest = fetch(source, arguments.out, arguments.sample)
    size = arguments.out.stat().st_size / 1e6
    log(f"fetched {arguments.source}: {manifest['members']} members kept, {size:.1f} MB")


if __name__ == "__main__":
    run(main)
