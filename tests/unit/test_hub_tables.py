"""Repositories of the hub as sources: against a hub on loopback, and without any."""

import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
from hub.server import serve
from test_sources import ROOT, make_table

from codestilts.errors import CodeStiltsError
from codestilts.sources.hub import card, commit_of, listing
from codestilts.sources.table import Source, read_sources

COMMIT = "0123456789" * 4
ROW = {"name": "qa", "kind": "hub", "id": "datasets/tau/commonsense_qa", "version": COMMIT, "file": "", "sha256": ""}


def fetch(folder: Path, endpoint: str, **cells: str) -> subprocess.CompletedProcess[str]:
    table = make_table(folder / "sources.csv", **{**ROW, "bytes": "", "keep": "*.parquet;!*test*", **cells})
    command = [sys.executable, ROOT / "scripts" / "fetch.py", "--source", "qa", "--sources", table]
    hub = {"HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(folder / "hf")}
    return subprocess.run(
        [*command, "--out", folder / "qa.zip"], env={**os.environ, **hub}, capture_output=True, text=True
    )


@pytest.fixture
def endpoint(request: pytest.FixtureRequest, hub_repositories: Path) -> Iterator[str]:
    """The tests' own hub, with the faults that a test asks for."""
    with serve(hub_repositories, **getattr(request, "param", {})) as endpoint:
        yield endpoint


@pytest.mark.parametrize("endpoint", [{}, {"failures": 1}], indirect=True)
def test_a_repository_becomes_a_zip_of_what_is_kept(endpoint: str, tmp_path: Path) -> None:
    result = fetch(tmp_path, endpoint)
    assert result.returncode == 0, result.stderr
    names = zipfile.ZipFile(tmp_path / "qa.zip").namelist()
    assert any(name.endswith(".parquet") for name in names)
    assert not [name for name in names if "test" in name or ".cache" in name]


def test_pickles_and_programs_stay_where_they_are(endpoint: str, tmp_path: Path) -> None:
    result = fetch(tmp_path, endpoint, id="models/microsoft/unixcoder-base", keep="*")
    assert result.returncode == 0, result.stderr
    names = zipfile.ZipFile(tmp_path / "qa.zip").namelist()
    assert "config.json" in names
    assert not [name for name in names if name.endswith((".bin", ".pt", ".py"))]


def test_a_hub_out_of_reach_is_one_clear_line_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    result = fetch(tmp_path, "http://127.0.0.1:9")
    assert result.returncode == 1
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("error: source qa: cannot fetch datasets/tau/commonsense_qa at 012345678901 from the hub")
    assert not (tmp_path / "qa.zip").exists()


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"id": "tau/commonsense_qa"}, "line 2: id"),
        ({"version": "main"}, "line 2: version"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, cells: dict[str, str], message: str) -> None:
    result = fetch(tmp_path, "http://127.0.0.1:9", **cells)
    assert result.returncode == 1
    assert message in result.stderr


@pytest.mark.parametrize("endpoint", [{"truncations": 2}], indirect=True)
def test_a_body_that_was_cut_is_fetched_again(endpoint: str, tmp_path: Path) -> None:
    result = fetch(tmp_path, endpoint)
    assert result.returncode == 0, result.stderr
    with zipfile.ZipFile(tmp_path / "qa.zip") as archive:
        manifest = json.loads(archive.read("MANIFEST.json"))
        for name, digest in manifest["files"].items():
            assert hashlib.sha256(archive.read(name)).hexdigest() == digest


def test_a_file_that_is_not_the_hubs_is_refused(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", endpoint)
    program = (
        "import dataclasses, huggingface_hub as hub, sys\n"
        "from codestilts.errors import run\n"
        "from codestilts.sources.hub import fetch_snapshot\n"
        "from codestilts.sources.table import read_sources\n"
        "from pathlib import Path\n"
        "ask = hub.get_hf_file_metadata\n"
        "hub.get_hf_file_metadata = lambda url: dataclasses.replace(ask(url), etag='0' * 64)\n"
        "run(lambda: fetch_snapshot(read_sources(sys.argv[1])['qa'], Path(sys.argv[2])))\n"
    )
    table = make_table(tmp_path / "sources.csv", **{**ROW, "bytes": "", "keep": "*.parquet"})
    command = [sys.executable, "-c", program, str(table), str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 1 and "not what the hub has" in result.stderr, result.stderr


def test_a_rehearsal_reads_some_rows_of_each_table(endpoint: str, tmp_path: Path) -> None:
    table = make_table(tmp_path / "sources.csv", **{**ROW, "bytes": "", "keep": "*.parquet"})
    command = [sys.executable, ROOT / "scripts" / "fetch.py", "--source", "qa", "--sources", table, "--sample", "40"]
    hub = {"HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path / "hf")}
    result = subprocess.run(
        [*command, "--out", tmp_path / "qa.zip"], env={**os.environ, **hub}, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr
    with zipfile.ZipFile(tmp_path / "qa.zip") as archive:
        tables = [name for name in archive.namelist() if name.endswith(".parquet")]
        sizes = [len(pd.read_parquet(io.BytesIO(archive.read(name)))) for name in tables]
    assert len(sizes) == 3 and max(sizes) == 40


def pins(folder: Path, endpoint: str, *rows: dict[str, str]) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    paths = [make_table(folder / f"{row['name']}.csv", **{**ROW, "bytes": "", **row}) for row in rows]
    lines = [path.read_text().splitlines() for path in paths]
    table = folder / "sources.csv"
    table.write_text("\n".join([lines[0][0], *(part[1] for part in lines)]) + "\n")
    hub = {"HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(folder / "hf")}
    command = [sys.executable, ROOT / "scripts" / "pins.py", "--sources", table]
    result = subprocess.run(command, env={**os.environ, **hub}, capture_output=True, text=True)
    return result, table.read_text().splitlines()[1:]


def test_pins_are_filled_in_and_nothing_else_is_changed(endpoint: str, tmp_path: Path) -> None:
    other = {"name": "pinned", "version": COMMIT, "notes": '"says ""so"", here"'}
    result, rows = pins(tmp_path, endpoint, {"name": "qa", "version": "unpinned"}, other)
    assert result.returncode == 0, result.stderr
    (before,) = make_table(tmp_path / "x.csv", **{**ROW, "bytes": "", **other}).read_text().splitlines()[1:]
    assert rows[1] == before
    version = rows[0].split(",")[3]
    assert len(version) == 40 and version in result.stdout and int(version, 16)


def test_a_repository_that_the_hub_lacks_keeps_no_other_from_being_pinned(endpoint: str, tmp_path: Path) -> None:
    gone = {"name": "gone", "version": "unpinned:refs/convert/parquet", "id": "datasets/nobody/nothing"}
    result, rows = pins(tmp_path, endpoint, gone, {"name": "qa", "version": "unpinned"})
    assert result.returncode == 1
    message = "error: source gone: the hub gives no commit of datasets/nobody/nothing at refs/convert/parquet"
    assert message in result.stderr
    assert "unpinned:refs/convert/parquet" in rows[0] and "unpinned" not in rows[1]


@pytest.mark.parametrize("ask", [card, commit_of, listing])
def test_without_a_connection_a_question_to_the_hub_is_one_clear_line(
    ask: Callable[[Source], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub's client asks through a library of its own, whose errors are no OSErrors."""
    (source,) = read_sources(make_table(tmp_path / "sources.csv", **{**ROW, "bytes": "", "keep": "*"})).values()
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("time.sleep", lambda seconds: None)  # the client's between its attempts
    with pytest.raises(CodeStiltsError, match=r"source qa: .* datasets/tau/commonsense_qa .*refused") as caught:
        ask(source)
    assert "\n" not in str(caught.value)


def test_pins_without_a_connection_is_one_clear_line(tmp_path: Path) -> None:
    result, rows = pins(tmp_path, "http://127.0.0.1:9", {"name": "qa", "version": "unpinned"})
    assert result.returncode == 1 and len(rows) == 1
    assert result.stderr.startswith("error: source qa: the hub gives no commit") and result.stderr.count("\n") == 1
