"""Reduce a downloaded archive to the members that are used, as a zip whose bytes depend on their content only."""

import hashlib
import json
import lzma
import posixpath
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from codestilts.errors import CodeStiltsError
from codestilts.provenance import atomic, file_digest
from codestilts.sources.table import Source

LICENCE_STEMS = ("license", "licence", "copying", "notice", "copyright", "unlicense")
TAR_SUFFIXES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
DAMAGED = (
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError),
    *(EOFError, OSError, NotImplementedError, RuntimeError),
)
Wanted = Callable[[str], bool]


def members(path: Path, wanted: Wanted = lambda name: True) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of the wanted files of a zip, wheel, tar archive or folder, or of one plain file.

    Nothing is written to disk.

    Raises:
        CodeStiltsError: The archive is damaged, or a member has an absolute path, a path with ``..``, a link out of the
            archive, or is a device.
    """
    if path.is_dir():
        yield from _folder_members(path, wanted)
        return
    try:
        if path.name.endswith((".zip", ".whl")):
            yield from _zip_members(path, wanted)
        elif path.name.endswith(TAR_SUFFIXES):
            yield from _tar_members(path, wanted)
        elif wanted(path.name):
            yield path.name, path.read_bytes()
    except DAMAGED as error:
        raise CodeStiltsError(f"{path.name}: damaged archive ({error}): fetch it again") from error


def _zip_members(path: Path, wanted: Wanted) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        for info in archive.infolist():
            name = _checked(path, info.filename)
            if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
                raise CodeStiltsError(f"{path.name}: member {info.filename!r} is a link or device: refused")
            if not info.is_dir() and wanted(name):
                yield name, archive.read(info)


def _tar_members(path: Path, wanted: Wanted) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path, "r:*") as archive:
        for info in archive:
            name = _checked(path, info.name)
            if info.isfile():
                stream = archive.extractfile(info) if wanted(name) else None
                if stream:
                    yield name, stream.read()
            elif info.issym() or info.islnk():
                # A link within the archive is skipped: its target is a member. A link out of it is an attack.
                folder = "" if info.islnk() else posixpath.dirname(name)
                _checked(path, posixpath.normpath(posixpath.join(folder, info.linkname)), f"{info.name} -> ")
            elif not info.isdir():
                raise CodeStiltsError(f"{path.name}: member {info.name!r} is a device: refused")


def _folder_members(path: Path, wanted: Wanted) -> Iterator[tuple[str, bytes]]:
    for file in sorted(path.rglob("*")):
        name = file.relative_to(path).as_posix()
        if file.is_symlink():
            raise CodeStiltsError(f"{path}: {name!r} is a link: refused")
        if file.is_file() and wanted(name):
            yield name, file.read_bytes()


def _checked(path: Path, name: str, link: str = "") -> str:
    """Return a member's name without ``./``; raise an error if it points outside the archive."""
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if "\0" in name or ".." in parts or (parts and (parts[0].startswith("/") or parts[0][1:2] == ":")):
        raise CodeStiltsError(f"{path.name}: member {link + name!r} points outside the archive: refused")
    return "/".join(parts)


def is_licence(name: str) -> bool:
    """Return whether a member is a licence or notice, which is always kept."""
    path = PurePosixPath(name.lower())
    return path.stem.startswith(LICENCE_STEMS) and path.suffix in ("", ".txt", ".md", ".rst")


def matches(name: str, keep: tuple[str, ...]) -> bool:
    """Return whether a member matches a pattern of ``keep`` and none of its ``!`` patterns."""
    wanted = [pattern for pattern in keep if not pattern.startswith("!")]
    dropped = [pattern[1:] for pattern in keep if pattern.startswith("!")]
    return any(fnmatchcase(name, p) for p in wanted or ["*"]) and not any(fnmatchcase(name, p) for p in dropped)


def digest(path: Path, wanted: Wanted = lambda name: True) -> str:
    """Compute the sha256 of a file, or of the names and contents of a folder's wanted files."""
    if not path.is_dir():
        return file_digest(path)
    total = hashlib.sha256()
    for name, content in members(path, wanted):
        total.update(f"{name}\0{len(content)}\0".encode() + content)
    return total.hexdigest()


def kept_digest(path: Path, source: Source) -> str:
    """Compute the digest of the files that ``keep`` selects from a folder."""
    return digest(path, lambda name: is_licence(name) or matches(name, source.keep))


def local_content(source: Source, archive: Path) -> str:
    """Compute a digest that changes with a local source: of its content, or of that in ``archive`` if it is gone.

    Empty if neither can be read; fetching reports the error.
    """
    path = Path(source.id)
    try:
        if path.exists():
            return kept_digest(path, source)
        with zipfile.ZipFile(archive) as members:
            return str(json.loads(members.read("MANIFEST.json")).get("content", ""))
    except (CodeStiltsError, *DAMAGED, KeyError, ValueError):
        return ""


def check(path: Path, source: Source) -> str:
    """Return the archive's sha256; raise CodeStiltsError if it is not the one pinned in ``sources.csv``."""
    found = digest(path)
    if source.sha256 and found != source.sha256:
        raise CodeStiltsError(
            f"source {source.name}: {path.name} is not what sources.csv names (truncated or changed): "
            f"expected sha256 {source.sha256} and {source.bytes} bytes, got {found} and "
            f"{path.stat().st_size} bytes: fetch it again, or correct sources.csv if the change is wanted"
        )
    return found


def strip(path: Path, source: Source, out: Path) -> dict[str, object]:
    """Check the archive ``path`` and write the members that ``keep`` selects to the zip ``out``, sorted and undated.

    Returns:
        The manifest (where the archive came from), which is also the zip's ``MANIFEST.json``.

    Raises:
        CodeStiltsError: As :func:`check` and :func:`members`, or no member matches ``keep``.
    """
    found = check(path, source)
    kept = dict(members(path, lambda name: is_licence(name) or matches(name, source.keep)))
    if all(map(is_licence, kept)):
        raise CodeStiltsError(f"source {source.name}: no member of {path.name} matches keep {';'.join(source.keep)!r}")
    manifest = manifest_of(source, found, source.bytes or sum(map(len, kept.values())), len(kept))
    if source.kind == "local":
        manifest["content"] = kept_digest(path, source)
    kept["MANIFEST.json"] = (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()
    with atomic(out) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name in sorted(kept):
            archive.writestr(undated(name, zipfile.ZIP_DEFLATED), kept[name])
    return manifest


def pack(folder: Path, source: Source, out: Path) -> dict[str, object]:
    """Write a fetched repository to the zip ``out`` like :func:`strip`, but file by file and uncompressed.

    Tables and weights are gigabytes that hardly compress. The manifest also has each file's sha256.
    """
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    kept = [name for name in names if matches(name, source.keep)]
    if not kept:
        raise CodeStiltsError(
            f"source {source.name}: no file of {source.id} matches keep {';'.join(source.keep)!r}; it has "
            f"{', '.join(names[:5]) or 'none'}"
        )
    size = sum((folder / name).stat().st_size for name in names)
    manifest = manifest_of(source, digest(folder) if source.sha256 else "", size, len(names))
    manifest["files"] = {name: file_digest(folder / name) for name in names}
    with atomic(out) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name in names:
            with (folder / name).open("rb") as file, archive.open(undated(name), "w", force_zip64=True) as stream:
                shutil.copyfileobj(file, stream, 1 << 20)
        text = json.dumps(manifest, indent=2, ensure_ascii=False) + "\n"
        archive.writestr(undated("MANIFEST.json"), text)
    return manifest


def manifest_of(source: Source, sha256: str, size: int, members: int) -> dict[str, object]:
    """Describe where an archive came from."""
    row = {key: getattr(source, key) for key in ("name", "kind", "id", "version", "licence")}
    return {**row, "sha256": sha256, "bytes": size, "members": members}


def undated(name: str, compression: int = zipfile.ZIP_STORED) -> zipfile.ZipInfo:
    """Make the header of a member with a fixed date and mode."""
    info = zipfile.ZipInfo(name)
    info.compress_type = compression
    info.create_system, info.external_attr = 3, 0o100644 << 16
    return info
