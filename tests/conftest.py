"""A hub on loopback for the tests that read one: where its server is not at hand they are skipped, and say so."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SERVER = ROOT.parent / "shared" / "hub" / "serve.py"

Fetch = Callable[..., Path]


@pytest.fixture(scope="session")
def hub_environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment in which the clients ask that hub."""
    if not SERVER.exists():
        pytest.skip("no hub on loopback here: ../shared/hub/serve.py is absent")
    server = subprocess.Popen([sys.executable, SERVER, "--port", "0"], stdout=subprocess.PIPE, text=True)
    assert server.stdout
    cache = str(tmp_path_factory.mktemp("hub-cache"))
    endpoint = server.stdout.readline().strip()
    yield {"HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_XET": "1", "HF_HOME": cache, "HF_HUB_OFFLINE": "0"}
    server.terminate()


@pytest.fixture(scope="session")
def fetched(hub_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Fetch:
    """A source's archive from that hub, fetched once: ``fetched(name, table)``."""
    place = tmp_path_factory.mktemp("fetched")

    def fetch(name: str, table: Path = ROOT / "sources.csv") -> Path:
        out = place / f"{name}.zip"
        if not out.exists():
            command = [sys.executable, ROOT / "scripts/fetch.py", "--source", name, "--sources", table, "--out", out]
            told = subprocess.run(command, env={**os.environ, **hub_environment}, capture_output=True, text=True)
            assert told.returncode == 0, told.stderr
        return out

    return fetch
