"""The zip of a study archive: equal files make equal bytes, and a list of them is checked when it is read."""

import csv
import io
import os
import zipfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from codestilts.errors import CodeStiltsError
from codestilts.provenance import atomic
from codestilts.sources.archive import Wanted, members, undated

FILES = "files.csv"  # every other file: its size, digest, and the time when it was written
CHECKSUMS = "checksums.sha256"  # the same digests, for sha256sum --check
COLUMNS = ["path", "bytes", "sha256", "written"]


def write_archive(files: Mapping[str, Path | bytes], out: Path) -> None:
    """Write the members of a study archive, sorted and undated, with ``files.csv`` and ``checksums.sha256``."""
    table = io.StringIO()
    writer = csv.DictWriter(table, COLUMNS, lineterminator="\n")
    writer.writeheader()
    sums = dict[str, str]()
    with atomic(out) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name in sorted(files):
            content, written = _content(files[name])
            sums[name] = sha256(content).hexdigest()
            writer.writerow({"path": name, "bytes": len(content), "sha256": sums[name], "written": written})
            archive.writestr(undated(name, zipfile.ZIP_DEFLATED), content)
        for name, text in ((FILES, table.getvalue()), (CHECKSUMS, _checksums(sums))):
            archive.writestr(undated(name, zipfile.ZIP_DEFLATED), text)


def _checksums(digests: Mapping[str, str]) -> str:
    """Return ``checksums.sha256``."""
    return "".join(f"{digest}  {name}\n" for name, digest in digests.items())


def _content(file: Path | bytes) -> tuple[bytes, str]:
    """Return the bytes of a member, and when it was written if it is a file."""
    if isinstance(file, bytes):
        return file, ""
    return file.read_bytes(), datetime.fromtimestamp(file.stat().st_mtime, UTC).isoformat(timespec="seconds")


def check(archive: Path) -> None:
    """Compare every file of a study archive with ``files.csv``, and ``checksums.sha256`` with it.

    In a folder that an archive was unpacked to, other files may have come up: they are not looked at.

    Raises:
        CodeStiltsError: The archive is damaged, or a file is missing, is not listed or differs from ``files.csv``.
    """
    listed = _listed(archive)
    for _ in _verified(archive, listed, lambda name: archive.is_file() or name in listed):
        pass
    if read_member(archive, CHECKSUMS).decode(errors="replace") != _checksums(digests(archive)):
        raise CodeStiltsError(f"{archive}: {CHECKSUMS} and {FILES} have different digests: fetch the archive again")


def extract(archive: Path, out: Path, wanted: Wanted) -> None:
    """Write the wanted members of a study archive, or of a folder that one was unpacked to, below ``out``.

    Files get the time back at which they were written: the report counts predictions that are older than the plan.

    Raises:
        CodeStiltsError: As :func:`check`, of the wanted members, or some point outside.
    """
    for name, content, written in _verified(archive, _listed(archive), wanted):
        path = out / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError as error:
            raise CodeStiltsError(f"{archive}: cannot write {name[:200]}: {error.strerror}") from None
        if written:
            seconds = datetime.fromisoformat(written).timestamp()
            os.utime(path, (seconds, seconds))


def _verified(
    archive: Path, listed: Mapping[str, Mapping[str, str]], wanted: Wanted
) -> Iterator[tuple[str, bytes, str]]:
    """Yield name, content and date of the wanted members; raise an error if one is not what ``files.csv`` says."""
    missing = {name for name in listed if wanted(name)}
    for name, content in members(archive, lambda name: name not in (FILES, CHECKSUMS) and wanted(name)):
        row = listed.get(name)
        if row is None or sha256(content).hexdigest() != row["sha256"] or str(len(content)) != row["bytes"]:
            what = "differs from its digest or size in" if row else "is not listed in"
            raise CodeStiltsError(f"{archive}: {name} {what} {FILES}: fetch the archive again")
        missing.discard(name)
        yield name, content, row["written"]
    if missing:
        raise CodeStiltsError(f"{archive}: {min(missing)} is missing: fetch the archive again")


def read_member(archive: Path, name: str) -> bytes:
    """Return one member.

    Raises:
        CodeStiltsError: There is no such archive, or it lacks the member, so that it is no study archive.
    """
    if not archive.exists():
        raise CodeStiltsError(f"{archive}: there is no such file: FROM must be a study archive (make archive)")
    if archive.is_file() and archive.suffix != ".zip":  # as browsers and wget may name it
        raise CodeStiltsError(f"{archive}: the name of a study archive ends in .zip: rename the file if it is one")
    for _, content in members(archive, lambda member: member == name):
        return content
    raise CodeStiltsError(f"{archive}: has no {name}: it is not a study archive (make archive)")


def digests(archive: Path) -> dict[str, str]:
    """Return the digest of each member by ``files.csv``."""
    return {name: row["sha256"] for name, row in _listed(archive).items()}


def _listed(archive: Path) -> dict[str, dict[str, str]]:
    raw = read_member(archive, FILES)
    try:
        rows = list(csv.DictReader(io.StringIO(raw.decode("utf-8")), strict=True))
    except (ValueError, csv.Error):
        raise CodeStiltsError(f"{archive}: {FILES} is damaged: fetch the archive again") from None
    if not rows or set(rows[0]) != set(COLUMNS):
        raise CodeStiltsError(f"{archive}: {FILES}: the columns must be {', '.join(COLUMNS)}")
    if wrong := next((number for number, row in enumerate(rows, 2) if not _is_complete(row)), None):
        raise CodeStiltsError(f"{archive}: {FILES}, line {wrong}, is damaged: fetch the archive again")
    return {row["path"]: row for row in rows}


def _is_complete(row: dict[str, str]) -> bool:
    """Return whether a row of ``files.csv`` has all columns and no others, and a date or none."""
    try:
        return (
            set(row) == set(COLUMNS)
            and None not in row.values()
            and bool(datetime.fromisoformat(row["written"] or "2000-01-01"))
        )
    except ValueError:
        return False
