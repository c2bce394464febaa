"""Read ``sources.csv``, the table of everything that a study fetches. Standard library only: the rules read it too."""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from codestilts.errors import CodeStiltsError
from codestilts.files import read_text

NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$"
KINDS = ("pypi", "npm", "hub", "url", "local")
HUB_ID = "datasets/owner/name or models/owner/name"
UNPINNED = "unpinned"  # until `make pins` fills in a commit; a ref to take it from may follow after a colon
ARCHIVES = (".zip", ".whl", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
SPLITS = ("intermediate", "train", "dev", "test", "parallel", "hub")
COLUMNS = (
    "name",
    "kind",
    "id",
    "version",
    "file",
    "sha256",
    "bytes",
    "languages",
    "split",
    "keep",
    "licence",
    "citation",
    "notes",
)


@dataclass(frozen=True)
class Source:
    """One row of ``sources.csv``.

    Attributes:
        name: Name of the source, and of its archive.
        kind: One of ``KINDS``.
        id: The package's name in its registry, ``datasets/owner/name`` or ``models/owner/name`` on the hub, the address
            of an archive (url), or a path (local).
        version: Exact version. On the hub a commit, or ``unpinned`` (``unpinned:refs/convert/parquet``) until ``make
            pins`` has asked the hub for it. An address has none.
        file: The file of a PyPI release.
        sha256: Digest of the download. Optional for hub and local, and for an address until ``make pins`` fetches it.
        bytes: Size of the download; optional like ``sha256``.
        languages: Programming languages of the source, or ``english``, ``encoder``, ...
        split: Maps each language to the split that uses this source. ``hub`` means that each file names its own.
        keep: Globs of the members to keep (``*`` also matches ``/``). A glob that starts with ``!`` excludes members.
        licence: SPDX expression or name of the licence.
        citation: Authors or publication to cite.
        notes: Remarks for readers.
    """

    name: str
    kind: str
    id: str
    version: str
    file: str
    sha256: str
    bytes: int
    languages: tuple[str, ...]
    split: dict[str, str]
    keep: tuple[str, ...]
    licence: str
    citation: str
    notes: str

    @property
    def pinned(self) -> bool:
        """Whether the row determines the download: by its version, or for an address by the archive's digest."""
        return bool(self.sha256) if self.kind == "url" else not self.version.startswith(UNPINNED)

    @property
    def revision(self) -> str:
        """The revision of a hub repository that is fetched: its commit, or its ref while it has none."""
        return self.version if self.pinned else self.ref

    @property
    def ref(self) -> str:
        """The ref of an unpinned repository whose commit ``make pins`` takes."""
        return self.version.partition(":")[2] or "main"


def read_sources(path: str | Path) -> dict[str, Source]:
    """Read and validate ``sources.csv``.

    Returns:
        Sources by name, in the order of the file.

    Raises:
        CodeStiltsError: A field is not valid; the message names file, line and column.
    """
    reader, rows, begun = csv.DictReader(io.StringIO(read_text(path), newline=""), strict=True), [], 1
    try:
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise CodeStiltsError(f"{path}: the columns must be {', '.join(COLUMNS)}")
        begun = reader.line_num + 1
        for row in reader:
            rows.append((reader.line_num, row))
            begun = reader.line_num + 1
    except csv.Error as error:  # at the end of the file, or at the next quote
        raise CodeStiltsError(
            f"{path}, line {begun}: the row that begins here cannot be read: {error}: close each quote, and double "
            "those within a quoted text"
        ) from error
    sources: dict[str, Source] = {}
    for line, row in rows:
        source = _parse(row, f"{path}, line {line}")
        if source.name in sources:
            raise CodeStiltsError(f"{path}, line {line}: name: {source.name!r} is listed twice")
        sources[source.name] = source
    return sources


def _parse(row: dict[str, str], where: str) -> Source:
    if None in row or None in row.values():
        raise CodeStiltsError(f"{where}: has {'more' if None in row else 'fewer'} fields than the header")
    fields = {column: row[column].strip() for column in COLUMNS}

    def require(valid: bool, column: str, expected: str) -> None:
        if not valid:
            raise CodeStiltsError(f"{where}: {column}: expected {expected}, not {fields[column]!r}")

    name, kind, digest, size = fields["name"], fields["kind"], fields["sha256"], fields["bytes"]
    allowed = "letters, digits and -_. only, a letter, a digit or _ first"
    require(re.fullmatch(NAME, name) is not None, "name", allowed)
    require(kind in KINDS, "kind", f"one of {', '.join(KINDS)}")
    require(
        bool(fields["id"]) and not fields["id"].startswith("-"),
        "id",
        "a package name, or a path if kind is local",
    )
    if kind == "url":
        address = urlsplit(fields["id"])
        require(address.scheme in ("http", "https") and bool(address.netloc), "id", "an address, https://...")
        require(address.path.endswith(ARCHIVES), "id", f"the address of an archive ({', '.join(ARCHIVES)})")
    if kind == "hub":
        require(re.fullmatch(r"(datasets|models)/[\w.-]+(/[\w.-]+)?", fields["id"]) is not None, "id", HUB_ID)
        unpinned = re.fullmatch(rf"{UNPINNED}(:[\w./-]+)?", fields["version"]) is not None
        commit = f"a commit of 40 hexadecimal digits, or {UNPINNED} until `make pins` fills it in"
        require(unpinned or _hexadecimal(fields["version"], 40), "version", commit)
    folder = kind in ("hub", "url", "local")
    require(size.isdigit() or (folder and not size), "bytes", "the size of the download in bytes")
    require(_hexadecimal(digest, 64) or (folder and not digest), "sha256", "64 hexadecimal digits")
    require(kind in ("url", "local") or bool(fields["version"]), "version", "an exact version")
    archive = fields["file"].endswith((".whl", ".tar.gz", ".zip")) and "/" not in fields["file"]
    require(archive or kind != "pypi", "file", "the name of a .whl, .tar.gz or .zip file of this release")
    languages = _list(fields["languages"])
    require(bool(languages), "languages", "languages (or english, encoder) joined by ;")
    return Source(
        **{column: fields[column] for column in ("name", "kind", "id", "version", "file", "sha256")},
        bytes=int(size or 0),
        languages=languages,
        split=_split(fields["split"], languages, where),
        keep=_list(fields["keep"]) or ("*",),
        **{column: fields[column] for column in ("licence", "citation", "notes")},
    )


def _hexadecimal(text: str, digits: int) -> bool:
    return re.fullmatch(f"[0-9a-f]{{{digits}}}", text) is not None


def _list(cell: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in cell.split(";") if item.strip())


def _split(cell: str, languages: tuple[str, ...], where: str) -> dict[str, str]:
    """Parse ``test`` (for all languages) or ``java:test;kotlin:dev``; empty if splits do not apply."""
    pairs = [item.split(":") if ":" in item else ["", item] for item in _list(cell)]
    if len(pairs) == 1 and not pairs[0][0]:
        pairs = [[language, pairs[0][1]] for language in languages]
    if any(len(pair) != 2 or pair[0] not in languages or pair[1] not in SPLITS for pair in pairs):
        raise CodeStiltsError(
            f"{where}: split: expected one of {', '.join(SPLITS)}, or language:split joined by ; with the "
            f"languages of this row ({', '.join(languages)}), not {cell!r}"
        )
    return dict(pairs)
