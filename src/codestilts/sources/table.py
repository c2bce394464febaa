"""What the study fetches: the rows of ``sources.csv``. Standard library only: the workflow reads it too."""

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
UNPINNED = "unpinned"  # in place of a commit that `make pins` fills in; what may follow the colon is the ref it takes
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

    ``id`` is the package's name in its registry, ``datasets/owner/name`` or ``models/owner/name`` on the hub, the
    address of an archive if the kind is url, or a path if it is local. ``version`` is exact: on the hub a commit, or
    ``unpinned`` (``unpinned:refs/convert/parquet``) until ``make pins`` has asked the hub for it; an address has none.
    ``file`` is the exact file of a PyPI release, which has many. ``bytes`` is the size of the download; it and
    ``sha256`` may be left out where the kind is hub or local, and for an address until ``make pins`` has fetched it.
    ``keep`` holds globs of the members to keep (``*`` also matches ``/``); one that
    starts with ``!`` drops members again. ``split`` maps each language to the split that this package serves in it;
    ``hub`` says that each of its files tells its own.
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
        """Whether the row says exactly what is fetched: by its version, or for an address by the archive's digest."""
        return bool(self.sha256) if self.kind == "url" else not self.version.startswith(UNPINNED)

    @property
    def revision(self) -> str:
        """What is fetched of a repository of the hub: its commit, or until it has one its ref."""
        return self.version if self.pinned else self.ref

    @property
    def ref(self) -> str:
        """The ref of an unpinned repository that ``make pins`` takes the commit of."""
        return self.version.partition(":")[2] or "main"


def read_sources(path: str | Path) -> dict[str, Source]:
    """Read and check ``sources.csv``; sources by name, in the order of the file.

    Raises CodeStiltsError, naming file, line and column, for anything that is not allowed.
    """
    try:
        reader = csv.DictReader(io.StringIO(read_text(path), newline=""), strict=True)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise CodeStiltsError(f"{path}: the columns must be {', '.join(COLUMNS)}")
        rows = [(reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise CodeStiltsError(f"{path}: cannot be read as a table: {error}") from error
    sources: dict[str, Source] = {}
    for line, row in rows:
        source = _parse(row, f"{path}, line {line}")
        if source.name in sources:
            raise CodeStiltsError(f"{path}, line {line}: name: {source.name!r} stands there twice")
        sources[source.name] = source
    return sources


def _parse(row: dict[str, str], where: str) -> Source:
    if None in row or None in row.values():
        raise CodeStiltsError(f"{where}: has {'more' if None in row else 'fewer'} cells than the header")
    cells = {column: row[column].strip() for column in COLUMNS}

    def demand(holds: bool, column: str, what: str) -> None:
        if not holds:
            raise CodeStiltsError(f"{where}: {column}: {what}, not {cells[column]!r}")

    name, kind, digest, size = cells["name"], cells["kind"], cells["sha256"], cells["bytes"]
    what = "letters, digits and -_. only, a letter, a digit or _ first"
    demand(re.fullmatch(NAME, name) is not None, "name", what)
    demand(kind in KINDS, "kind", f"one of {', '.join(KINDS)}")
    demand(
        bool(cells["id"]) and not cells["id"].startswith("-"),
        "id",
        "a package name, or a path if kind is local",
    )
    if kind == "url":
        address = urlsplit(cells["id"])
        demand(address.scheme in ("http", "https") and bool(address.netloc), "id", "an address, https://...")
        demand(address.path.endswith(ARCHIVES), "id", f"the address of an archive ({', '.join(ARCHIVES)})")
    if kind == "hub":
        demand(re.fullmatch(r"(datasets|models)/[\w.-]+(/[\w.-]+)?", cells["id"]) is not None, "id", HUB_ID)
        unpinned = re.fullmatch(rf"{UNPINNED}(:[\w./-]+)?", cells["version"]) is not None
        commit = f"a commit of 40 hexadecimal digits, or {UNPINNED} until `make pins` fills it in"
        demand(unpinned or _hexadecimal(cells["version"], 40), "version", commit)
    folder = kind in ("hub", "url", "local")
    demand(size.isdigit() or (folder and not size), "bytes", "the size of the download in bytes")
    demand(_hexadecimal(digest, 64) or (folder and not digest), "sha256", "64 hexadecimal digits")
    demand(kind in ("url", "local") or bool(cells["version"]), "version", "an exact version")
    archive = cells["file"].endswith((".whl", ".tar.gz", ".zip")) and "/" not in cells["file"]
    demand(archive or kind != "pypi", "file", "the name of a .whl, .tar.gz or .zip file of this release")
    languages = _list(cells["languages"])
    demand(bool(languages), "languages", "languages (or english, encoder) joined by ;")
    return Source(
        **{column: cells[column] for column in ("name", "kind", "id", "version", "file", "sha256")},
        bytes=int(size or 0),
        languages=languages,
        split=_split(cells["split"], languages, where),
        keep=_list(cells["keep"]) or ("*",),
        **{column: cells[column] for column in ("licence", "citation", "notes")},
    )


def _hexadecimal(text: str, digits: int) -> bool:
    return re.fullmatch(f"[0-9a-f]{{{digits}}}", text) is not None


def _list(cell: str) -> tuple[str, ...]:
    return tuple(item.strip() for item in cell.split(";") if item.strip())


def _split(cell: str, languages: tuple[str, ...], where: str) -> dict[str, str]:
    """``test`` for all languages, or ``java:test;kotlin:dev``; empty where splits do not apply."""
    pairs = [item.split(":") if ":" in item else ["", item] for item in _list(cell)]
    if len(pairs) == 1 and not pairs[0][0]:
        pairs = [[language, pairs[0][1]] for language in languages]
    if any(len(pair) != 2 or pair[0] not in languages or pair[1] not in SPLITS for pair in pairs):
        raise CodeStiltsError(
            f"{where}: split: one of {', '.join(SPLITS)}, or language:split joined by ; with the "
            f"languages of this row ({', '.join(languages)}), not {cell!r}"
        )
    return dict(pairs)
