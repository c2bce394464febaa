"""A Hugging Face hub on loopback: the part of its API that ``huggingface_hub`` and ``datasets`` use to read.

The clients talk to it where ``HF_ENDPOINT`` names it. A repository is a folder ``{datasets,models}/OWNER/NAME`` and has
one state: its branches and every commit of 40 hexadecimal digits give the same files. By hand::

    PYTHONPATH=tests python -m hub.server FOLDER      # writes the made-up repositories there and serves them
"""

import hashlib
import json
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

COMMIT = re.compile(r"[0-9a-f]{40}")
BRANCHES = ("main", "refs/convert/parquet")
# What git itself stores; of anything else the hub knows the sha256 (Git LFS).
IN_GIT = (".json", ".jsonl", ".md", ".py", ".txt")
API = re.compile(r"/api/(datasets|models)/([^/]+/[^/]+)(?:/(revision|tree|paths-info)/([^/]+)(?:/(.*))?)?")
FILE = re.compile(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")


class Faults:
    """How many more answers are to go wrong; all threads count together."""

    def __init__(self, count: int) -> None:
        self._left, self._lock = count, threading.Lock()

    def take(self) -> bool:
        """Whether the next answer goes wrong."""
        with self._lock:
            self._left -= 1
            return self._left >= 0


@cache
def etag(path: Path) -> str:
    """A file's digest as the hub has it."""
    data = path.read_bytes()
    if path.suffix in IN_GIT:
        return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    return hashlib.sha256(data).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Answers requests for the repositories below ``root``."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are written one after the other: no wait of 40 ms between them
    root: Path
    failures: Faults
    truncations: Faults

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if match := API.fullmatch(url.path):
            self._answer_api(match, parse_qs(url.query), body)
        elif match := FILE.fullmatch(url.path):
            self._answer_file(match)
        else:
            self._missing("EntryNotFound", url.path)

    do_HEAD = do_POST = do_GET

    def log_message(self, format: str, *values: Any) -> None:
        """Print nothing."""

    def _answer_api(self, match: re.Match[str], query: dict[str, list[str]], body: bytes) -> None:
        kind, name, verb, revision, below = match.groups()
        folder, commit = self.root / kind / name, self._commit(f"{kind}/{name}", revision)
        if not folder.is_dir():
            return self._missing("RepoNotFound", name)
        if not commit:
            return self._missing("RevisionNotFound", revision)
        answer: Any
        if verb == "tree":
            top = folder / unquote(below or "")
            if not top.is_dir():
                return self._missing("EntryNotFound", below)
            recursive = query.get("recursive", ["false"])[0].lower() in ("true", "1")
            answer = [self._entry(folder, path) for path in sorted(top.rglob("*") if recursive else top.iterdir())]
        elif verb == "paths-info":
            asked = json.loads(body)["paths"] if body[:1] == b"{" else parse_qs(body.decode()).get("paths", [])
            paths = [folder / path for path in ([asked] if isinstance(asked, str) else asked)]
            answer = [self._entry(folder, path) for path in paths if path.exists()]
        else:
            files = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
            answer = {"id": name, "sha": commit, "private": False, "gated": False, "disabled": False, "tags": []}
            answer |= {"downloads": 0, "likes": 0, "siblings": [{"rfilename": file} for file in files]}
        return self._reply(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _answer_file(self, match: re.Match[str]) -> None:
        dataset, name, revision, below = match.groups()
        kind = "datasets" if dataset else "models"
        path, commit = self.root / kind / name / unquote(below), self._commit(f"{kind}/{name}", revision)
        if not path.resolve().is_relative_to(self.root.resolve()) or not path.is_file():
            return self._missing("EntryNotFound", below)
        if not commit:
            return self._missing("RevisionNotFound", revision)
        if self.command == "GET" and self.failures.take():
            return self._reply(503, b"try again", {})
        body, status = path.read_bytes(), 200
        headers = {"ETag": f'"{etag(path)}"', "X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked and self.command == "GET":
            first, last, total = int(asked[1]), int(asked[2] or len(body) - 1), len(body)
            body, status = body[first : last + 1], 206
            headers["Content-Range"] = f"bytes {first}-{first + len(body) - 1}/{total}"
        headers["Content-Length"] = str(len(body))
        if self.command == "GET" and self.truncations.take():
            body, self.close_connection = body[: len(body) // 2], True
        return self._reply(status, body, headers)

    def _commit(self, name: str, revision: str | None) -> str | None:
        """The commit that a revision means, None if there is no such revision."""
        revision = unquote(revision or "main")
        if COMMIT.fullmatch(revision):
            return revision
        return hashlib.sha1(f"{name}@{revision}".encode()).hexdigest() if revision in BRANCHES else None

    def _entry(self, folder: Path, path: Path) -> dict[str, Any]:
        name = path.relative_to(folder).as_posix()
        if path.is_dir():
            return {"type": "directory", "path": name, "oid": hashlib.sha1(name.encode()).hexdigest(), "size": 0}
        return {"type": "file", "path": name, "oid": etag(path)[:40], "size": path.stat().st_size}

    def _missing(self, code: str, what: str | None) -> None:
        self._reply(404, b"{}", {"X-Error-Code": code, "X-Error-Message": f"{what}: not found"})

    def _reply(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def serve(root: Path, failures: int = 0, truncations: int = 0) -> Iterator[str]:
    """Serve the repositories below ``root``; yields the endpoint.

    Args:
        root: folder with ``datasets`` and ``models``.
        failures: how many of the first requests for a file are answered with status 503.
        truncations: how many of the first files break off half-way.
    """
    own = {"root": root, "failures": Faults(failures), "truncations": Faults(truncations)}
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("RootHandler", (Handler,), own))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    from hub.repositories import write_repositories

    folder = Path(sys.argv[1])
    write_repositories(folder)
    with serve(folder) as endpoint:
        print(f"HF_ENDPOINT={endpoint}", flush=True)
        threading.Event().wait()
