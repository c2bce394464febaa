"""Fill in the commits that ``sources.csv`` lacks, from the hub."""

import csv
import io
from pathlib import Path

from codestilts.errors import CodeStiltsError
from codestilts.files import read_text
from codestilts.provenance import atomic
from codestilts.sources import COLUMNS, Source, read_sources
from codestilts.sources.hub import commit_of


def pin(path: Path, only: list[str] | None = None, renew: bool = False) -> dict[str, str]:
    """Write the commit of each unpinned hub row of the table at ``path`` into it; the commits by name.

    ``only`` restricts it to some rows; with ``renew`` those are pinned anew though they are pinned. Nothing else of the
    table is changed. Every commit is asked for before anything is written: raises :class:`CodeStiltsError`, one line
    for each row that the hub does not answer, after the others have been written.
    """
    sources = read_sources(path)
    if unknown := set(only or []) - sources.keys():
        raise CodeStiltsError(f"{path}: no source {min(unknown)!r}")
    wanted = [
        source
        for source in sources.values()
        if source.kind == "hub" and (not only or source.name in only) and (not source.pinned or (renew and only))
    ]
    commits, failed = {}, []
    for source in wanted:
        try:
            commits[source.name] = commit_of(source)
        except CodeStiltsError as error:
            failed.append(str(error))
    if commits:
        _write(path, commits, sources)
    if failed:
        raise CodeStiltsError("\nerror: ".join(failed))
    return commits


def _write(path: Path, commits: dict[str, str], sources: dict[str, Source]) -> None:
    rows = list(csv.DictReader(io.StringIO(read_text(path), newline="")))
    for row in rows:
        row["version"] = commits.get(row["name"].strip(), row["version"])
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with atomic(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")
