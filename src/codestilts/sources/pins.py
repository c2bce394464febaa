"""Fill in what ``sources.csv`` lacks to be exact: commits, from the hub, and digests of archives, by fetching them."""

import csv
import io
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

from codestilts.errors import CodeStiltsError
from codestilts.files import read_text
from codestilts.provenance import atomic, file_digest
from codestilts.sources.downloads import part_of
from codestilts.sources.hub import commit_of
from codestilts.sources.registry import PARTIAL, download
from codestilts.sources.table import COLUMNS, Source, read_sources

PINNED = ("hub", "url")


def pin(path: Path, only: list[str] | None = None, renew: bool = False, pause: float = 2.0) -> dict[str, str]:
    """Write the commit, or the sha256 and the bytes, of each unpinned row of the table at ``path`` into it.

    Returns commits and digests by name. ``only`` restricts it to some rows; with ``renew`` those are pinned anew though
    they are pinned. Nothing else of the table is changed. An archive that was fetched stays beside the others, so that
    it need not be fetched again. Every row is asked for before anything is written: raises :class:`CodeStiltsError`,
    one line for each row that nobody answers, after the others have been written.
    """
    sources = read_sources(path)
    if unknown := set(only or []) - sources.keys():
        raise CodeStiltsError(f"{path}: no source {min(unknown)!r}")
    wanted = [
        source
        for source in sources.values()
        if source.kind in PINNED and (not only or source.name in only) and (not source.pinned or (renew and only))
    ]
    cells: dict[str, dict[str, str]] = {}
    failed = []
    for source in wanted:
        try:
            if source.kind == "hub":
                cells[source.name] = {"version": commit_of(source)}
            else:
                cells[source.name] = _digest_of(source, path.parent / "resources" / PARTIAL, pause)
        except CodeStiltsError as error:
            failed.append(str(error))
    if cells:
        _write(path, cells)
    if failed:
        raise CodeStiltsError("\nerror: ".join(failed))
    return {name: new.get("version") or new["sha256"] for name, new in cells.items()}


def _digest_of(source: Source, partial: Path, pause: float) -> dict[str, str]:
    with tempfile.TemporaryDirectory(prefix="codestilts-") as scratch:
        unpinned = replace(source, sha256="", bytes=0)
        archive = download(unpinned, Path(scratch), pause, partial=partial)
        cells = {"sha256": file_digest(archive), "bytes": str(archive.stat().st_size)}
        shutil.move(archive, part_of(source, partial))
    return cells


def _write(path: Path, cells: dict[str, dict[str, str]]) -> None:
    rows = list(csv.DictReader(io.StringIO(read_text(path), newline="")))
    for row in rows:
        row.update(cells.get(row["name"].strip(), {}))
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with atomic(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")
