"""make does what its arguments say: which it takes, what it refuses, and that the environment changes nothing."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
TAKEN: dict[str, list[str]] = {
    "report": ["STUDY", "CORES", "FROM"],
    "archive": ["STUDY"],
    "rehearse": ["STUDY", "CORES", "COVER"],
    "verify": ["STUDY", "CORES", "FROM"],
    "release": ["STUDY"],
    "rounding": ["STUDY", "ARMS"],
    "diff": ["A", "B"],
    "plan": ["STUDY", "PLAN"],
    "status": ["STUDY", "STATUS"],
    "test": ["PYTEST"],
    "bench": ["PYTEST"],
    "calibrate": ["PYTEST"],
    "test-cluster": ["PYTEST"],
    "test-page": ["PYTEST"],
    "screenshots": ["STUDY"],
    "container": ["BASE", "BOOTSTRAP", "BUILD", "TORCH_FROM"],
    "setup": [],
    "pins": [],
    "lint": [],
    "lock": [],
    "check-wheels": [],
}
NEEDED = {"diff": ["A=results/x", "B=results/y"]}  # arguments without which it fails
# Names that the Makefile knows, and that Python, pip, bash, pytest, Snakemake and make itself would look at.
KNOWN = sorted(
    {name for names in TAKEN.values() for name in names} | {"TORCH", "IMAGE", "OVERLAY", "PYTHON", "ACTIVATE"}
)
LOOKED_AT = ["BASH_ENV", "CDPATH", "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE", "PYTHONINSPECT"]
LOOKED_AT += ["PIP_USER", "PIP_TARGET", "PIP_REQUIRE_HASHES", "PYTEST_ADDOPTS", "SNAKEMAKE_PROFILE", "COMMIT", "GOALS"]
STUDIES = ("pocket", "desk", "lab", "paper")
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,12}", fullmatch=True)
TEXTS = st.text(st.characters(codec="ascii", exclude_categories=["Cc"], exclude_characters="$#"), max_size=12)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the Makefile looks at, without an environment or an image."""
    folder = tmp_path_factory.mktemp("made")
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy2(ROOT / name, folder / name)
    for name in ("containers", "envs", "studies"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.sif*"))
    (folder / "src").symlink_to(ROOT / "src")
    return folder


def make(folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """What ``make -n`` would do, where only ``variables`` stand in the environment beside the PATH."""
    own = {"PATH": os.environ["PATH"], "HOME": "/", **variables}
    return subprocess.run(["make", "-n", *words], cwd=folder, env=own, text=True, capture_output=True)


def commands(folder: Path, *words: str, **variables: str) -> str:
    """The commands alone, without the time at which make began."""
    done = make(folder, *words, **variables)
    assert done.returncode == 0, done.stderr
    return re.sub(r"- \d{10}\b", "", done.stdout)


def refused(folder: Path, *words: str, **variables: str) -> str:
    """The one line with which make refuses to begin."""
    done = make(folder, *words, **variables)
    assert done.returncode and not done.stdout
    [line] = done.stderr.splitlines()
    assert "*** error: " in line
    return line


@pytest.fixture(scope="module")
def plain(folder: Path) -> dict[str, str]:
    """The commands for each target in an empty environment."""
    return {goal: commands(folder, goal, *NEEDED.get(goal, [])) for goal in TAKEN}


@settings(max_examples=30)
@given(st.sampled_from(sorted(TAKEN)), st.dictionaries(st.sampled_from(KNOWN + LOOKED_AT) | NAMES, TEXTS, min_size=1))
def test_the_environment_changes_nothing(
    folder: Path, plain: dict[str, str], goal: str, variables: dict[str, str]
) -> None:
    own = {"PATH", "HOME", "SHELL", "MAKEFLAGS", "GNUMAKEFLAGS", "MAKEFILES", "MAKELEVEL"}
    others = {name: value for name, value in variables.items() if name not in own and not name.startswith("LD_")}
    assert commands(folder, goal, *NEEDED.get(goal, []), **others) == plain[goal]


@settings(max_examples=40)
@given(st.sampled_from(sorted(TAKEN)), NAMES.filter(lambda name: "-" not in name) | st.sampled_from(KNOWN), TEXTS)
def test_an_argument_without_a_meaning_is_an_error(folder: Path, goal: str, name: str, value: str) -> None:
    if name not in [*TAKEN[goal], "PYTHON"]:
        assert f"{name} means nothing to make {goal}" in refused(folder, goal, f"{name}={value}")


@pytest.mark.parametrize(("goal", "name"), [(goal, name) for goal, names in TAKEN.items() for name in names])
def test_an_argument_with_a_meaning_is_obeyed(folder: Path, goal: str, name: str) -> None:
    value = "desk" if name == "STUDY" else "/what it=takes"
    needed = [word for word in NEEDED.get(goal, []) if not word.startswith(f"{name}=")]
    done = commands(folder, goal, f"{name}={value}", *needed, **{name: "another"})
    assert value in " ".join(shlex.split(done))


@pytest.mark.parametrize(
    ("goal", "name"), [("report", "FROM"), ("verify", "FROM"), ("diff", "A"), ("diff", "B"), ("rounding", "ARMS")]
)
def test_an_argument_is_text_for_make_and_the_shell(folder: Path, goal: str, name: str) -> None:
    value = "$5;it's$(CURDIR)"
    needed = [word for word in NEEDED.get(goal, []) if not word.startswith(f"{name}=")]
    assert value in shlex.split(commands(folder, goal, f"{name}={value}", *needed).splitlines()[-1])


def test_a_reason_is_registered_as_it_is_written(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy", symlinks=True))
    (copy / ".venv/bin").mkdir(parents=True)
    (copy / ".venv/ready").touch()
    last_word = "python() { printf '%s\\n' \"${@: -1}\"; }\n"
    (copy / ".venv/bin/activate").write_text(f"VIRTUAL_ENV={copy}/.venv\n{last_word}")
    reason = 'costs $5, not $(shell id); it\'s "cheap"'
    own = {"PATH": os.environ["PATH"], "HOME": "/"}
    done = subprocess.run(["make", "register", f"REASON={reason}"], cwd=copy, env=own, text=True, capture_output=True)
    assert (done.returncode, done.stdout) == (0, f"{reason}\n"), done.stderr


@pytest.mark.parametrize("words", [["diff"], ["diff", "A=results/x"], ["lint", "diff", "A=", "B=results/y"]])
def test_a_target_says_which_arguments_it_needs(folder: Path, words: list[str]) -> None:
    assert "make diff needs A=... B=..." in refused(folder, *words, A="another", B="another")


def test_several_targets_take_what_one_of_them_takes(folder: Path) -> None:
    tests = commands(folder, "lint", "test", "PYTEST=-x")
    assert tests.endswith("pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder -x\n")


@settings(max_examples=30)
@given(TEXTS.filter(lambda text: text.strip() not in STUDIES) | st.sampled_from(["desk paper", "%"]))
def test_a_study_that_is_not_there_is_an_error_that_names_those_that_are(folder: Path, study: str) -> None:
    line = refused(folder, "report", f"STUDY={study}")
    assert "the studies are" in line and all(name in line for name in STUDIES)


@pytest.mark.parametrize(
    ("words", "variables"),
    [
        (["-e"], {}),
        (["report"], {"MAKEFLAGS": "STUDY=desk"}),
        (["report"], {"GNUMAKEFLAGS": "CORES=1"}),
        (["report"], {"MAKEFILES": "/dev/null"}),
    ],
)
def test_make_itself_is_not_told_by_the_environment(folder: Path, words: list[str], variables: dict[str, str]) -> None:
    assert "environment" in refused(folder, *words, **variables)


def test_make_runs_in_its_own_folder(folder: Path, tmp_path: Path) -> None:
    assert "own folder" in refused(tmp_path, "-f", str(folder / "Makefile"))


@pytest.mark.parametrize("study", ["desk", "lab", "paper"])
def test_a_study_is_run_planned_and_rehearsed_by_its_name(folder: Path, study: str) -> None:
    assert f"snakemake --cores all --configfile studies/{study}.yaml" in commands(folder, f"STUDY={study}")
    for goal in ("plan", "status", "rehearse"):
        assert f"--configs config.yaml studies/{study}.yaml" in commands(folder, goal, f"STUDY={study}")


@pytest.mark.parametrize(("python", "expected"), [("nosuch", "PYTHON=nosuch: .venv is there"), ("", "")])
def test_an_environment_of_another_folder_or_python_is_refused(
    folder: Path, tmp_path: Path, python: str, expected: str
) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    (copy / ".venv/bin").mkdir(parents=True)
    activate = copy / ".venv/bin/activate"
    activate.write_text(f"VIRTUAL_ENV={copy}/.venv\n")
    (copy / ".venv/bin/python").symlink_to(sys.executable)
    (copy / ".venv/ready").touch()
    if python:
        assert expected in refused(copy, f"PYTHON={python}")
        return
    assert commands(copy) == "source .venv/bin/activate && snakemake --cores all \n"
    activate.write_text("VIRTUAL_ENV=/somewhere/else/.venv\n")
    assert ".venv was made as /somewhere/else/.venv" in refused(copy)
