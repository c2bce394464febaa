"""Pin sources: fill commits of the hub and digests of archives into ``sources.csv``."""

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
    """Write the commit, or the sha256 and size, of each unpinned row of a table into it; nothing else is changed.

    Fetched archives are kept among the partial downloads, so that they need not be fetched again.

    Args:
        path: The table, changed in place.
        only: Names of the rows to pin; all unpinned ones if left out.
        renew: Pin the rows of ``only`` again if they are pinned already.
        pause: Seconds before the second attempt to fetch.

    Returns:
        Commits and digests by name.

    Raises:
        CodeStiltsError: Some rows could not be pinned (one line each); the others have been written.
    """
    sources = read_sources(path)
    if unknown := set(only or []) - sources.keys():
        raise CodeStiltsError(f"{path}: no source {min(unknown)!r}")
    wanted = [
        source
        for source in sources.values()
        if source.kind in PINNED and (not only or source.name in only) and (not source.pinned or (renew and only))
    ]
    fields: dict[str, dict[str, str]] = {}
    failed = []
    for source in wanted:
        try:
            if source.kind == "hub":
                fields[source.name] = {"version": commit_of(source)}
            else:
                fields[source.name] = _digest_of(source, path.parent / "resources" / PARTIAL, pause)
        except CodeStiltsError as error:
            failed.append(str(error))
    if fields:
        _write(path, fields)
    if failed:
        raise CodeStiltsError("\nerror: ".join(failed))
    return {name: new.get("version") or new["sha256"] for name, new in fields.items()}


def _digest_of(source: Source, partial: Path, pause: float) -> dict[str, str]:
    with tempfile.TemporaryDirectory(prefix="codestilts-") as scratch:
        unpinned = replace(source, sha256="", bytes=0)
        archive = download(unpinned, Path(scratch), pause, partial=partial)
        fields = {"sha256": file_digest(archive), "bytes": str(archive.stat().st_size)}
        shutil.move(archive, part_of(source, partial))
    return fields


def _write(path: Path, fields: dict[str, dict[str, str]]) -> None:
    rows = list(csv.DictReader(io.StringIO(read_text(path), newline="")))
    for row in rows:
        row.update(fields.get(row["name"].strip(), {}))
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    with atomic(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")
