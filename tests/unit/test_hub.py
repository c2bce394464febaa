"""Repositories of the hub as sources: against a hub on loopback where there is one, and without any hub."""

import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_sources import ROOT, make_table

SERVER = ROOT.parent / "shared" / "hub" / "serve.py"
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
def endpoint(request: pytest.FixtureRequest) -> Iterator[str]:
    if not SERVER.exists():
        pytest.skip("no hub on loopback here: ../shared/hub/serve.py is absent")
    environment = {**os.environ, **getattr(request, "param", {})}
    command = [sys.executable, SERVER, "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert server.stdout
    yield server.stdout.readline().strip()
    server.terminate()


@pytest.mark.parametrize("endpoint", [{}, {"HUB_FAIL_FIRST": "1"}], indirect=True)
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
        ({"id": "tau/commonsense_qa"}, "line 2: id: datasets/owner/name or models/owner/name, not"),
        (
            {"version": "main"},
            "line 2: version: a commit of 40 hexadecimal digits, or unpinned until `make pins` fills it in, not 'main'",
        ),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, cells: dict[str, str], message: str) -> None:
    result = fetch(tmp_path, "http://127.0.0.1:9", **cells)
    assert result.returncode == 1
    assert message in result.stderr
