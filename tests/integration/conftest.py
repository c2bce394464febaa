"""Fixtures of the cluster tests. They install nothing: they report what is missing at the start, and how to get it."""

import subprocess
from pathlib import Path

import pytest
from cluster import call, copy_of, make_project, missing
from projects import environment


def pytest_sessionstart(session: pytest.Session) -> None:
    if lacking := missing():
        pytest.exit("\n".join(["these tests need", *(f"  - {what}" for what in lacking)]), returncode=1)


@pytest.fixture(scope="session")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with made-up packages, nothing run yet; tests only read it."""
    return make_project(tmp_path_factory.mktemp("fresh") / "project")


@pytest.fixture(scope="session")
def outside(fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished study that ran without container or cluster."""
    folder = copy_of(fresh, tmp_path_factory.mktemp("outside") / "project")
    told = call(
        folder, "snakemake", "--cores", "2", "--configfile", "micro.yaml", "nano.yaml", "--config", "device=cpu",
        PATH=environment(folder)["PATH"],
    )  # fmt: skip
    assert told.returncode == 0, told.stdout[-6000:]
    return folder


@pytest.fixture
def project(outside: Path, tmp_path: Path) -> Path:
    """A finished project that a test may change."""
    return copy_of(outside, tmp_path / "project")


@pytest.fixture(autouse=True)
def node() -> None:
    """Make the node idle before each test, whatever the previous test did to it."""
    subprocess.run(["scontrol", "update", "nodename=localhost", "state=resume"], capture_output=True)
