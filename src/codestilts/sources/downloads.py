"""Download a file over HTTP: with a progress bar, resuming where an earlier attempt or run stopped."""

import shutil
import ssl
import sys
from collections.abc import Mapping
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from tqdm import tqdm

from codestilts.errors import CodeStiltsError, disk_error, one_line
from codestilts.job_files import read_json
from codestilts.provenance import file_digest, write_json
from codestilts.sources.table import Source

TIMEOUT = 60  # seconds without a byte
LOG_INTERVAL = 10  # seconds between two states of the bar where stderr is a log and not a terminal
HEADERS = {"User-Agent": "codestilts", "Accept-Encoding": "identity"}


def http_client(pip: Mapping[str, str] | None = None) -> httpx.Client:
    """Make an HTTP client that follows redirects.

    Args:
        pip: Settings of pip by option, of which ``cert``, ``client-cert``, ``proxy`` and ``timeout`` apply. The others
            are those of the environment (``HTTPS_PROXY``, ``SSL_CERT_FILE``, ...).
    """
    pip = pip or {}
    certificates = ssl.create_default_context(cafile=pip.get("cert"))
    if "client-cert" in pip:
        certificates.load_cert_chain(pip["client-cert"])
    proxy = pip.get("proxy")
    return httpx.Client(
        verify=certificates,
        proxy=f"http://{proxy}" if proxy and "://" not in proxy else proxy,
        timeout=float(pip.get("timeout") or pip.get("default-timeout") or TIMEOUT),
        headers=HEADERS,
        follow_redirects=True,
    )


def part_of(source: Source, partial: Path) -> Path:
    """Return the path of a source's archive while it is incomplete."""
    return partial / f"{source.name}.part"


def fetch_file(client: httpx.Client, url: str, source: Source, folder: Path, partial: Path) -> Path:
    """Download the archive of ``source`` from ``url`` into ``folder``, under its own name.

    An incomplete download stays in ``partial``, and the next attempt or run continues it.

    Raises:
        CodeStiltsError: The server can't be reached, answers with an error or breaks off, or the disk is full.
    """
    part = part_of(source, partial)
    partial.mkdir(parents=True, exist_ok=True)
    try:
        if not (source.sha256 and part.exists() and file_digest(part) == source.sha256):
            _resume(client, url, part, verified=bool(source.sha256))
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        raise disk_error(error, part) or CodeStiltsError(
            f"source {source.name}: cannot fetch {url}: {describe(error)}: check the connection, or the row of "
            "sources.csv"
        ) from error
    path = folder / Path(urlsplit(url).path).name
    shutil.move(part, path)
    _note_of(part).unlink(missing_ok=True)
    return path


def describe(error: Exception) -> str:
    """Describe a failed request in one line."""
    if isinstance(error, httpx.HTTPStatusError):
        return f"the server answered {error.response.status_code} {error.response.reason_phrase}"
    return one_line(error)


def _note_of(part: Path) -> Path:
    """The file with the address, and the state of its content, that an incomplete download belongs to."""
    return part.with_suffix(".json")


def _read_note(part: Path) -> dict[str, str]:
    """The note of an incomplete download; an empty one if it is missing or damaged."""
    with suppress(CodeStiltsError):
        note = read_json(_note_of(part))
        if isinstance(note, dict) and note.keys() == {"url", "state"}:
            return note
    return {}


def _resume(client: httpx.Client, url: str, part: Path, verified: bool) -> None:
    """Download ``url`` to ``part`` from where the last attempt stopped, if the server can (RFC 9110, section 14).

    Args:
        client: HTTP client.
        url: Address of the file.
        part: Path to write to; a note beside it holds the server's mark of the file's state.
        verified: Whether a digest will be checked. Without one, and without a mark, two parts are never joined.
    """
    known = _read_note(part) if part.exists() else {}
    usable = known.get("url") == url and bool(known["state"] or verified)
    done = part.stat().st_size if usable else 0
    headers = {"Range": f"bytes={done}-"} if done else {}
    if done and known["state"]:
        headers["If-Range"] = known["state"]
    with client.stream("GET", url, headers=headers) as answer:
        out_of_range = answer.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and done > 0
        if not out_of_range:
            answer.raise_for_status()
            if answer.status_code != HTTPStatus.PARTIAL_CONTENT:
                done = 0
            elif not answer.headers.get("Content-Range", "").startswith(f"bytes {done}-"):
                raise ValueError("the server sent another range than requested")
            etag = answer.headers.get("ETag", "")
            state = answer.headers.get("Last-Modified", "") if etag.startswith("W/") or not etag else etag
            write_json(_note_of(part), {"url": url, "state": state})
            _write(answer, part, done)
    if out_of_range:  # the part is as long as the file, or longer, and not that file: start again
        part.unlink()
        _resume(client, url, part, verified)


def _write(answer: httpx.Response, part: Path, done: int) -> None:
    """Append an answer's body to ``part``, of which ``done`` bytes are kept."""
    length = answer.headers.get("Content-Length")
    interval = 0.1 if sys.stderr.isatty() else LOG_INTERVAL
    total = done + int(length) if length else None
    bar = tqdm(initial=done, total=total, unit="B", unit_scale=True, desc=f"  {part.stem}", mininterval=interval)
    with bar, part.open("ab" if done else "wb") as stream:
        for chunk in answer.iter_raw():
            stream.write(chunk)
            bar.update(len(chunk))
