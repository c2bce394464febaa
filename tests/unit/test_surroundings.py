"""What jobs find in their environment."""

import os
from pathlib import Path

import pytest

from codestilts.provenance import commit
from codestilts.surroundings import CACHES, keep_caches_in, tell_commit


def test_caches_move_and_the_hubs_token_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CACHES:
        monkeypatch.setenv(name, "elsewhere")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HF_TOKEN_PATH", raising=False)
    keep_caches_in(tmp_path / "caches")
    assert all(Path(os.environ[name]).is_relative_to(tmp_path / "caches") for name in CACHES)
    assert os.environ["HF_TOKEN_PATH"] == str(tmp_path / "home/token")
    monkeypatch.delenv("HF_TOKEN_PATH")


def test_jobs_without_git_are_told_the_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODESTILTS_COMMIT", "abc")
    tell_commit()
    assert os.environ["CODESTILTS_COMMIT"] == "abc" == commit()
