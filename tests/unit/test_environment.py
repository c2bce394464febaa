"""What jobs find in their environment."""

import errno
import fcntl
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest

from codestilts import provenance
from codestilts.errors import CodeStiltsError
from codestilts.provenance import commit
from codestilts.workflow.environment import (
    CACHES,
    check_folders,
    go_offline,
    keep_caches_in,
    pass_commit,
    put_this_python_first,
)


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


def failing(number: int) -> Callable[..., None]:
    """A system call that fails."""

    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_told(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fcntl, "flock", failing(number))
    with pytest.raises(CodeStiltsError, match=r"no locks"):
        keep_caches_in(tmp_path / "caches")


def test_a_full_folder_for_temporary_files_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    check_folders()
    monkeypatch.setattr(os, "posix_fallocate", failing(errno.ENOSPC))
    with pytest.raises(CodeStiltsError, match=f"{tmp_path}.*No space left"):
        check_folders()


@pytest.mark.parametrize(("name", "works"), [("a b (é)", True), ("it's", False), ('a "b"', True), ("end\\", False)])
def test_a_path_that_notebooks_cannot_have_is_told(
    name: str, works: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / name)
    if works:
        check_folders()
        return
    with pytest.raises(CodeStiltsError, match="apostrophe"):
        check_folders()


def test_offline_is_kept_for_the_one_command_that_may_be_online(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    monkeypatch.delenv("CODESTILTS_HUB_OFFLINE", raising=False)
    for _ in range(2):  # a job's own Snakemake does it again
        go_offline()
        assert (os.environ["HF_HUB_OFFLINE"], os.environ["CODESTILTS_HUB_OFFLINE"]) == ("1", "0")
    monkeypatch.delenv("CODESTILTS_HUB_OFFLINE")


def test_jobs_without_git_are_told_the_commit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provenance, "__file__", str(tmp_path / "src/codestilts/provenance.py"))
    monkeypatch.setenv("CODESTILTS_COMMIT", "abc")
    pass_commit()
    assert os.environ["CODESTILTS_COMMIT"] == "abc" == commit()
    monkeypatch.delenv("CODESTILTS_COMMIT")
    pass_commit()
    assert os.environ["CODESTILTS_COMMIT"] == "unknown" == commit()


def test_python_of_jobs_is_the_one_that_runs_snakemake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "python").symlink_to("/bin/true")
    monkeypatch.setenv("PATH", str(tmp_path))
    put_this_python_first()
    assert Path(shutil.which("python") or "").parent == Path(sys.executable).parent
