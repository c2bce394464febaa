"""Sources of kind url: an archive at an address, from a server on loopback that can do what servers do."""

import errno
import hashlib
import http.server
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_sources import FILES, SOURCE, make_table, make_tar, names

from codestilts.errors import CodeStiltsError
from codestilts.provenance import file_digest
from codestilts.sources import downloads, registry
from codestilts.sources.pins import pin
from codestilts.sources.table import Source, read_sources

Change = Callable[["Server"], None]


class Server:
    """One file under any name; ``asked`` has the Range of each request."""

    def __init__(self, content: bytes) -> None:
        self.content, self.ranges, self.etag, self.dated = content, True, '"one"', False
        self.break_after: list[int] = []  # so many bytes of the first, second ... answer
        self.redirect, self.status = False, 0
        self.asked: list[str] = []
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def log_message(self, *_: object) -> None:
                pass

        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/old/example.tar.gz"
        threading.Thread(target=partial(self.http.serve_forever, 0.01), daemon=True).start()

    def answer(self, request: http.server.BaseHTTPRequestHandler) -> None:
        self.asked.append(request.headers.get("Range", ""))
        if self.redirect and request.path.startswith("/old/"):
            request.send_response(302)
            request.send_header("Location", "/new/example.tar.gz")
            request.end_headers()
            return
        if self.status:
            request.send_error(self.status)
            return
        first, condition = 0, request.headers.get("If-Range", self.etag)
        if self.ranges and self.asked[-1] and condition == self.etag:
            first = int(self.asked[-1].removeprefix("bytes=").rstrip("-"))
            if first >= len(self.content):
                request.send_error(416)
                return
        body = self.content[first:]
        request.send_response(206 if first else 200)
        if first:
            request.send_header("Content-Range", f"bytes {first}-{len(self.content) - 1}/{len(self.content)}")
        if self.etag:
            request.send_header("ETag", self.etag)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body[: self.break_after.pop(0)] if self.break_after else body)


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)
    made = Server(make_tar(tmp_path / "made.tgz", FILES).read_bytes())
    yield made
    made.http.shutdown()
    made.http.server_close()


def source_of(server: Server, pinned: bool = True) -> Source:
    digest = hashlib.sha256(server.content).hexdigest() if pinned else ""
    return replace(SOURCE, kind="url", id=server.url, sha256=digest)


def test_an_archive_is_fetched_checked_and_stripped(server: Server, tmp_path: Path) -> None:
    server.redirect = True
    manifest = registry.fetch(source_of(server), tmp_path / "out" / "example.zip")
    assert names(tmp_path / "out" / "example.zip")[0] == "MANIFEST.json" and manifest["members"] == 3
    assert manifest["sha256"] == source_of(server).sha256
    assert not list((tmp_path / "out" / "partial").iterdir())


@pytest.mark.parametrize("pinned", [True, False])
def test_a_connection_that_breaks_goes_on_where_it_was(server: Server, tmp_path: Path, pinned: bool) -> None:
    server.break_after = [50, 30]
    registry.fetch(source_of(server, pinned), tmp_path / "example.zip")
    assert server.asked == ["", "bytes=50-", "bytes=80-"]


def test_the_next_run_goes_on_where_a_failed_one_was(server: Server, tmp_path: Path) -> None:
    server.break_after = [40, 10, 10]
    with pytest.raises(CodeStiltsError, match="cannot fetch http"):
        registry.fetch(source_of(server), tmp_path / "example.zip")
    registry.fetch(source_of(server), tmp_path / "example.zip")
    assert server.asked[3] == "bytes=60-" and (tmp_path / "example.zip").exists()


@pytest.mark.parametrize("note", ["", "[]", "{}", '{"url": "http'])
def test_a_damaged_note_of_a_download_is_as_none(server: Server, tmp_path: Path, note: str) -> None:
    server.break_after = [40, 0, 0]
    with pytest.raises(CodeStiltsError, match="cannot fetch http"):
        registry.fetch(source_of(server), tmp_path / "example.zip")
    (tmp_path / "partial" / f"{SOURCE.name}.json").write_text(note)
    registry.fetch(source_of(server), tmp_path / "example.zip")
    assert server.asked[3] == "" and (tmp_path / "example.zip").exists()


def test_a_full_disk_is_not_taken_for_a_lost_connection(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*about: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(downloads, "_write", full)
    with pytest.raises(CodeStiltsError, match=rf"{SOURCE.name}\.part: cannot be written .* no space is left"):
        registry.fetch(source_of(server), tmp_path / "example.zip")


def test_a_server_without_ranges_sends_all_again(server: Server, tmp_path: Path) -> None:
    server.ranges, server.break_after = False, [50]
    registry.fetch(source_of(server), tmp_path / "example.zip")
    assert server.asked == ["", "bytes=50-"]


def test_the_halves_of_two_files_are_never_joined(server: Server, tmp_path: Path) -> None:
    server.break_after = [50, 0, 0]
    with pytest.raises(CodeStiltsError):
        registry.fetch(source_of(server, pinned=False), tmp_path / "example.zip")
    server.content, server.etag = make_tar(tmp_path / "new.tgz", {"package/new.py": b"new"}).read_bytes(), '"two"'
    registry.fetch(source_of(server, pinned=False), tmp_path / "example.zip")
    assert names(tmp_path / "example.zip") == ["MANIFEST.json", "package/new.py"]
    # a server that marks no states: only a digest could tell, and there is none yet
    server.etag, server.break_after, server.asked = "", [50, 0, 0], []
    with pytest.raises(CodeStiltsError):
        registry.fetch(source_of(server, pinned=False), tmp_path / "example.zip")
    assert server.asked == ["", "", ""]


def test_a_part_as_long_as_the_file_is_begun_anew(server: Server, tmp_path: Path) -> None:
    server.break_after = [50, 0, 0]
    with pytest.raises(CodeStiltsError):
        registry.fetch(source_of(server), tmp_path / "example.zip")
    (tmp_path / "partial" / "example.part").write_bytes(b"x" * len(server.content))
    registry.fetch(source_of(server), tmp_path / "example.zip")
    assert server.asked[3:] == [f"bytes={len(server.content)}-", ""]


def test_an_archive_that_changed_is_refused(server: Server, tmp_path: Path) -> None:
    source = source_of(server)
    server.content = make_tar(tmp_path / "new.tgz", {"package/new.py": b"new"}).read_bytes()
    with pytest.raises(CodeStiltsError, match=source.sha256):
        registry.fetch(source, tmp_path / "example.zip")
    assert not (tmp_path / "example.zip").exists() and not (tmp_path / "partial" / "example.part").exists()


@pytest.mark.parametrize("status", [403, 404, 500])
def test_a_refusal_is_one_line(server: Server, tmp_path: Path, status: int) -> None:
    server.status = status
    with pytest.raises(CodeStiltsError, match=f"source example: cannot fetch http://.*{status}"):
        registry.fetch(source_of(server), tmp_path / "example.zip")
    assert len(server.asked) == 3


def test_a_member_that_leaves_the_archive_is_refused(server: Server, tmp_path: Path) -> None:
    server.content = make_tar(tmp_path / "evil.tgz", {**FILES, "../evil.py": b""}).read_bytes()
    with pytest.raises(CodeStiltsError, match="outside"):
        registry.fetch(source_of(server), tmp_path / "out" / "example.zip")


def test_pins_note_the_digest_and_it_need_not_be_fetched_again(server: Server, tmp_path: Path) -> None:
    cells = {"name": "example", "kind": "url", "id": server.url, "version": "", "file": "", "keep": "*.py"}
    table = make_table(tmp_path / "sources.csv", **cells, sha256="", bytes="")
    assert not read_sources(table)["example"].pinned
    server.break_after = [50]
    digest = source_of(server).sha256
    assert pin(table) == {"example": digest}
    source = read_sources(table)["example"]
    assert source.pinned and source.sha256 == digest and source.bytes == len(server.content)
    asked = len(server.asked)
    registry.fetch(source, tmp_path / "resources" / "example.zip")
    assert len(server.asked) == asked
    assert pin(table) == {}
    server.content, server.etag = make_tar(tmp_path / "new.tgz", {"package/new.py": b"new"}).read_bytes(), '"two"'
    renewed = pin(table, ["example"], renew=True)
    assert renewed == {"example": source_of(server).sha256} != {"example": digest}


def test_an_address_that_nobody_answers_keeps_its_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)
    cells = {"name": "gone", "kind": "url", "id": "http://127.0.0.1:9/gone.zip", "version": "", "file": ""}
    table = make_table(tmp_path / "sources.csv", **cells, sha256="", bytes="")
    before = table.read_text()
    with pytest.raises(CodeStiltsError, match=r"source gone: cannot fetch http://127\.0\.0\.1:9/gone\.zip"):
        pin(table)
    assert table.read_text() == before


@settings(max_examples=30)
@given(st.binary(min_size=1, max_size=400), st.lists(st.integers(0, 400), max_size=2), st.booleans(), st.booleans())
def test_whatever_breaks_the_file_is_the_same(content: bytes, breaks: list[int], ranges: bool, pinned: bool) -> None:
    server = Server(content)
    server.break_after, server.ranges = breaks, ranges
    with pytest.MonkeyPatch.context() as patch, registry.tempfile.TemporaryDirectory() as name:
        patch.setattr("tenacity.nap.time.sleep", lambda _: None)
        folder = Path(name)
        path = registry.download(source_of(server, pinned), folder, partial=folder / "partial")
        assert path.read_bytes() == content and path.name == "example.tar.gz"
        assert file_digest(path) == source_of(server).sha256
    server.http.shutdown()
    server.http.server_close()
