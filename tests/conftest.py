"""What all tests share: made once a run, whichever number of processes pytest-xdist starts."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hub.server import serve
from projects import ROOT, environment

Fetch = Callable[..., Path]
MakeOnce = Callable[[str, Callable[[Path], object]], Path]


# Files that need minutes and no finished study begin, so that no process waits for one that another makes.
FIRST = ("test_hub_study.py", "test_temporary_models.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of :data:`FIRST` before all others."""
    items.sort(key=lambda item: item.path.name not in FIRST)


@pytest.fixture(scope="session")
def make_once(tmp_path_factory: pytest.TempPathFactory) -> MakeOnce:
    """``make_once(name, make)``: a path of this run that ``make`` writes, in whichever process asks first.

    The others wait for it, and fail as the first one does.
    """
    base = tmp_path_factory.getbasetemp()
    folder = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base

    def once(name: str, make: Callable[[Path], object]) -> Path:
        path, state = folder / f"once-{name}", folder / f"once-{name}.json"
        with FileLock(f"{state}.lock"):
            if not state.exists():
                try:
                    make(path)
                    state.write_text(json.dumps({"error": None}))
                except Exception as error:
                    state.write_text(json.dumps({"error": str(error)}))
        if message := json.loads(state.read_text())["error"]:
            pytest.fail(f"{name} could not be made: {message}")
        return path

    return once


@pytest.fixture(scope="session")
def hub_repositories(make_once: MakeOnce) -> Path:
    """Made-up repositories in the schemas of the hub's."""
    from hub.repositories import write_repositories

    return make_once("hub", write_repositories)


@pytest.fixture(scope="session")
def hub_environment(hub_repositories: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment in which clients read the tests' own hub."""
    with serve(hub_repositories) as endpoint:
        cache = str(tmp_path_factory.mktemp("hub-cache"))
        yield {"HF_ENDPOINT": endpoint, "HF_HUB_DISABLE_XET": "1", "HF_HOME": cache, "HF_HUB_OFFLINE": "0"}


@pytest.fixture(scope="session")
def fetched(hub_environment: dict[str, str], make_once: MakeOnce) -> Fetch:
    """A source's archive from that hub, fetched once: ``fetched(name, table)``."""

    def fetch(name: str, table: Path = ROOT / "sources.csv") -> Path:
        def make(folder: Path) -> None:
            command = ["python", ROOT / "scripts/fetch.py", "--source", name, "--sources", table]
            command += ["--out", folder / f"{name}.zip"]
            folder.mkdir()
            result = subprocess.run(command, env=environment(ROOT, **hub_environment), capture_output=True, text=True)
            assert result.returncode == 0, result.stderr

        return make_once(f"fetched-{name}", make) / f"{name}.zip"

    return fetch


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny encoder; tests only read it."""
    import tiny  # with torch, which tests of the workflow do without

    return tiny.encoder_folder(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def tokenizer(folder: Path) -> Any:
    """The tiny encoder's tokenizer."""
    from codestilts.training.tokenizers import load_tokenizer

    return load_tokenizer(folder)
