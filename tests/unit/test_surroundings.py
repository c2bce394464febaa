"""What jobs find in their environment."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from codestilts import provenance
from codestilts.provenance import commit
from codestilts.surroundings import CACHES, keep_caches_in, tell_commit, use_this_python


def test_caches_move_and_the_hubs_token_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in CACHES:
        monkeypatch.setenv(name, "elsewhere")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HF_TOKEN_PATH", raising=False)
    keep_caches_in(tmp_path / "caches")
    assert all(Path(os.environ[name]).is_relative_to(tmp_path / "caches") for name in CACHES)
    assert os.environ["HF_TOKEN_PATH"] == str(tmp_path / "home/token")
    monkeypatch.delenv("HF_TOKEN_PATH")


def test_a_user_without_a_home_has_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    for name in [*CACHES, "HF_TOKEN_PATH"]:
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setattr(Path, "home", no_home)
    keep_caches_in(tmp_path / "caches")
    assert "HF_TOKEN_PATH" not in os.environ and os.environ["HF_HOME"].startswith(str(tmp_path))


def test_jobs_without_git_are_told_the_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "src/codestilts/provenance.py"))
    monkeypatch.setenv("CODESTILTS_COMMIT", "abc")
    tell_commit()
    assert os.environ["CODESTILTS_COMMIT"] == "abc" == commit()
    monkeypatch.delenv("CODESTILTS_COMMIT")
    tell_commit()
    assert os.environ["CODESTILTS_COMMIT"] == "unknown" == commit()


def test_python_of_jobs_is_the_one_that_runs_snakemake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "python").symlink_to("/bin/true")
    monkeypatch.setenv("PATH", str(tmp_path))
    use_this_python()
    assert Path(shutil.which("python") or "").parent == Path(sys.executable).parent
