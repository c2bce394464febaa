"""The commit that is recorded, in repositories of every kind, whose library scripts import, and what pip hears."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from codestilts import provenance
from codestilts.provenance import commit, is_leftover
from codestilts.sources import pip_settings

ROOT = Path(__file__).parents[2]


def git(folder: Path, *words: str) -> str:
    """What git prints, as somebody with a name."""
    who = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b.c",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b.c",
    }
    command = ["git", "-c", "protocol.file.allow=always", *words]
    return subprocess.run(command, cwd=folder, env=os.environ | who, check=True, text=True, capture_output=True).stdout


def library_of(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this library be that of ``folder``."""
    monkeypatch.setattr(provenance, "__file__", str(folder / "src/codestilts/provenance.py"))


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with one commit, from which the library runs."""
    folder = tmp_path / "checkout"
    for name in ("src/codestilts/provenance.py", "tasks/pl/tags.yaml", "README.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / ".gitignore").write_text("/results/\n__pycache__/\n")
    git(folder.parent, "init", "-q", str(folder))
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    library_of(folder, monkeypatch)
    monkeypatch.delenv("CODESTILTS_COMMIT", raising=False)
    return folder


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("README.md", True),
        ("src/codestilts/provenance.py", True),
        ("src/codestilts/new.py", True),
        ("tasks/new/task.yaml", True),
        ("studies/mine.yaml", True),
        ("tasks/pl/a\nb 'c'.yaml", True),
        ("tasks/pl/.#tags.yaml", False),
        ("tasks/pl/._tags.yaml", False),
        ("tasks/pl/tags.yaml~", False),
        ("results/pocket/scores.csv", False),
        ("src/codestilts/__pycache__/x.pyc", False),
        ("notes.txt", False),
        ("thesis/chapter.tex", False),
    ],
)
def test_changes_of_what_decides_results_are_marked(checkout: Path, name: str, changes: bool) -> None:
    head = git(checkout, "rev-parse", "HEAD").strip()
    assert commit() == head and len(head) == 40
    (checkout / name).parent.mkdir(parents=True, exist_ok=True)
    (checkout / name).write_text("changed")
    assert commit() == (f"{head} + changes" if changes else head)


def test_what_is_removed_or_renamed_is_a_change(checkout: Path) -> None:
    head = git(checkout, "rev-parse", "HEAD").strip()
    git(checkout, "mv", "README.md", "READ.md")
    assert commit() == f"{head} + changes"
    git(checkout, "reset", "-q", "--hard")
    (checkout / "tasks/pl/tags.yaml").unlink()
    assert commit() == f"{head} + changes"


def test_a_repository_above_is_not_this_checkout(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    release = Path(shutil.copytree(checkout / "src", checkout / "codestilts/src")).parent
    library_of(release, monkeypatch)
    assert commit() == "unknown"
    monkeypatch.setenv("CODESTILTS_COMMIT", "abc")
    assert commit() == "abc"


@pytest.mark.parametrize("name", ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_NAMESPACE"])
def test_the_environment_names_no_other_repository(
    checkout: Path, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = git(checkout, "rev-parse", "HEAD").strip()
    git(tmp_path, "init", "-q", "other")
    git(tmp_path / "other", "commit", "-qm", "other", "--allow-empty")
    paths = {"GIT_WORK_TREE": "other", "GIT_INDEX_FILE": "other/.git/index"}
    monkeypatch.setenv(name, str(tmp_path / paths.get(name, "other/.git")))
    monkeypatch.setenv("CODESTILTS_COMMIT", "another")
    assert commit() == head


def test_worktrees_and_submodules_are_checkouts(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = git(checkout, "rev-parse", "HEAD").strip()
    git(checkout, "worktree", "add", "-q", str(tmp_path / "tree"))
    git(tmp_path / "tree", "commit", "-qm", "second", "--allow-empty")
    library_of(tmp_path / "tree", monkeypatch)
    assert commit() == git(tmp_path / "tree", "rev-parse", "HEAD").strip() != head
    git(tmp_path, "init", "-q", "thesis")
    git(tmp_path / "thesis", "submodule", "--quiet", "add", str(checkout), "part")
    library_of(tmp_path / "thesis/part", monkeypatch)
    assert commit() == git(tmp_path / "thesis/part", "rev-parse", "HEAD").strip()


def test_without_git_or_a_commit_it_is_unknown(checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(checkout / ".git")
    assert commit() == "unknown"
    git(checkout, "init", "-q")
    assert commit() == "unknown"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit() == "unknown"


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
def test_a_checkout_of_another_owner_is_this_checkout(checkout: Path) -> None:
    head = git(checkout, "rev-parse", "HEAD").strip()
    for path in [checkout, *checkout.rglob("*")]:
        os.chown(path, 12345, 12345)
    assert commit() == head


@pytest.mark.parametrize(
    "name", ["._x.yaml", ".#x.yaml", "#x.yaml#", "x.yaml~", ".ipynb_checkpoints/x.yaml", "pl/.x.yaml"]
)
def test_leftovers_are_told_from_files(name: str) -> None:
    assert is_leftover(Path(name)) and not is_leftover(Path("pl/x-1.yaml"))


@pytest.mark.parametrize("broken", [False, True])
def test_a_script_refuses_the_library_of_another_checkout(tmp_path: Path, broken: bool) -> None:
    other = tmp_path / "src"
    shutil.copytree(ROOT / "src", other, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    if broken:
        (other / "codestilts/workflow/benchmarks.py").write_text("raise ImportError('of another time')")
    command = [sys.executable, ROOT / "scripts/stage_times.py", "--help"]
    told = subprocess.run(command, env=os.environ | {"PYTHONPATH": str(other)}, text=True, capture_output=True, cwd="/")
    assert told.returncode == 1 and not told.stdout
    [line] = told.stderr.splitlines()
    assert line.startswith("error: ") and str(other / "codestilts") in line and "source .venv/bin/activate" in line
    own = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    assert subprocess.run(command, env=own, capture_output=True, cwd="/").returncode == 0


def test_pip_hears_of_indexes_and_networks_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    said = tmp_path / "pip.conf"
    said.write_text(
        "[global]\nuser = true\nrequire-virtualenv = true\nindex-url = https://one.invalid/simple\nquiet = 3\n"
        "extra-index-url =\n    https://two.invalid/a%20b\n    https://three.invalid\nproxy = http://it's.invalid:1\n"
        "[install]\ntarget = /t\nprefix = /p\nroot = /r\nrequire-hashes = true\nno-deps = true\ndry-run = true\n"
        "find-links = /wheels\n[download]\nfind-links = /others\n"
    )
    monkeypatch.setenv("PIP_CONFIG_FILE", str(said))
    monkeypatch.setenv("PIP_REQUIRE_HASHES", "1")
    monkeypatch.setenv("PIP_CERT", "/certificates")
    monkeypatch.setenv("PIP_INDEX_URL", "https://four.invalid/simple")
    own = {name: value for name, value in pip_settings.environment("install").items() if name.startswith("PIP_")}
    machine = {name: value for name, value in own.items() if name in ("PIP_CONSTRAINT",)}  # what /etc may say besides
    assert own == machine | {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_CERT": "/certificates",
        "PIP_INDEX_URL": "https://four.invalid/simple",
        "PIP_EXTRA_INDEX_URL": own["PIP_EXTRA_INDEX_URL"],
        "PIP_PROXY": "http://it's.invalid:1",
        "PIP_FIND_LINKS": "/wheels",
    }
    assert own["PIP_EXTRA_INDEX_URL"].split() == ["https://two.invalid/a%20b", "https://three.invalid"]
    assert pip_settings.environment("download")["PIP_FIND_LINKS"] == "/others"
    command = [sys.executable, "-I", pip_settings.__file__, "config", "list"]
    listed = subprocess.run(command, text=True, capture_output=True, check=True).stdout
    assert "one.invalid" not in listed and "four.invalid" in listed and "user" not in listed and "hashes" not in listed


def test_settings_that_pip_cannot_read_are_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pip.conf").write_text("no section\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    with pytest.raises(SystemExit, match=r"^error: pip .*settings"):
        pip_settings.environment("install")
