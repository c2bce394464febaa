"""Snakemake from other folders, with other libraries, by users without a name, and by names that the README uses."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from projects import ROOT, environment, snakemake

MODULE = 'module cs:\n    snakefile: "{}"\n    config: config\nconfigfile: "config.yaml"\nuse rule * from cs as cs_*\n'


def run(folder: Path, *command: object, **variables: str) -> subprocess.CompletedProcess[str]:
    """A command in a folder; stdout and stderr together."""
    own = os.environ | variables
    text = [str(word) for word in command]
    return subprocess.run(text, cwd=folder, env=own, text=True, stdout=-1, stderr=subprocess.STDOUT)


def one_error(told: subprocess.CompletedProcess[str]) -> str:
    """The one line that says what is wrong."""
    assert told.returncode == 1 and "Traceback" not in told.stdout and "Building DAG" not in told.stdout, told.stdout
    [line] = [line for line in told.stdout.splitlines() if line.startswith("error: ")]
    return line


@pytest.mark.parametrize("how", ["-s", "--directory", "module"])
def test_from_elsewhere_it_is_one_line_that_says_where_to_go(fresh: Path, tmp_path: Path, how: str) -> None:
    shutil.copy2(fresh / "config.yaml", tmp_path)
    folder, words = tmp_path, ["snakemake", "--cores", "1", "--dry-run"]
    if how == "-s":
        words += ["-s", str(fresh / "Snakefile")]
    elif how == "--directory":
        folder, words = fresh, [*words, "--directory", str(tmp_path)]
    else:
        (tmp_path / "Snakefile").write_text(MODULE.format(fresh / "Snakefile"))
        folder, words = fresh, [*words, "-s", str(tmp_path / "Snakefile")]
    line = one_error(run(folder, *words, **environment(fresh)))
    assert str(fresh) in line and ("module" if how == "module" else f"cd {fresh}") in line


def test_the_library_of_another_checkout_is_refused(fresh: Path) -> None:
    words = ["snakemake", "--cores", "1", "--dry-run", "--configfile", "micro.yaml"]
    line = one_error(run(fresh, *words, **environment(ROOT)))
    assert str(ROOT / "src/codestilts") in line and "source .venv/bin/activate" in line


def test_a_user_without_a_name_can_run_it_and_the_folder_be_called_by_another_name(fresh: Path, tmp_path: Path) -> None:
    nobody = "import os, pwd\ndef getpwuid(number):\n    raise KeyError(number)\npwd.getpwuid = getpwuid\n"
    names = "for name in ('LOGNAME', 'USER', 'LNAME', 'USERNAME'):\n    os.environ.pop(name, None)\n"
    (tmp_path / "sitecustomize.py").write_text(nobody + names)
    own = environment(fresh)
    own["PYTHONPATH"] += f"{os.pathsep}{tmp_path}"
    (tmp_path / "link").symlink_to(fresh)
    words = ["snakemake", "--cores", "1", "--dry-run", "--quiet", "--configfile", "micro.yaml"]
    told = run(tmp_path / "link", *words, **own)
    assert told.returncode == 0, told.stdout[-2000:]


def jobs(folder: Path, *options: str) -> dict[str, int]:
    """What a dry run would do: rule -> number of jobs."""
    told = snakemake(folder, "--dry-run", "--quiet", "rules", *options)
    assert told.returncode == 0, told.stdout[-2000:]
    return {rule: int(count) for rule, count in re.findall(r"^([a-z][\w-]*) +(\d+)$", told.stdout, re.MULTILINE)}


def test_rules_of_batches_are_called_by_the_name_of_them_all(fresh: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(fresh, tmp_path / "project"))
    config = project / "micro.yaml"
    config.write_text(config.read_text().replace("seeds: [0, 1]", "seeds: [0, 1, 4]"))
    batches = ["0-1", "4"]
    phase_2 = {f"train_intermediate_{batch}": 3 for batch in batches}
    phase_3 = {f"train_target_{batch}": 20 for batch in batches}
    until = jobs(project, "--until", "train_target")
    assert phase_2.items() | phase_3.items() <= until.items() and not {"score", "frozen_retrieval", "all"} & set(until)
    without = jobs(project, "--omit-from", "train_target")
    assert phase_2.items() <= without.items() and not set(phase_3) & set(without) and "score" not in without


def test_finished_trainings_are_forced_by_that_name(done: Path) -> None:
    again = jobs(done, "--forcerun", "train_target")
    assert again["train_target_0-1"] == 20 and "train_intermediate_0-1" not in again


def test_a_notebook_that_is_not_opened_leaves_its_figures(done: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(done, tmp_path / "project"))  # what fails here would stay in its history
    figure = Path("results/micro/figures/tiny/primary.svg")
    drawn = [path for kind in ("figures", "tables") for path in (project / "results/micro" / kind).rglob("*.*")]
    before = {path: path.read_bytes() for path in drawn}
    words = ["snakemake", "--cores", "1", "--edit-notebook", figure, "--configfile", "micro.yaml"]
    own = environment(project)
    own["PYTHONPATH"] += f"{os.pathsep}{tmp_path}"
    (tmp_path / "sitecustomize.py").write_text("import os\nos.geteuid = lambda: 0\n")
    assert "error: --edit-notebook: Jupyter does not run as root" in one_error(run(project, *words, **own))
    (tmp_path / "sitecustomize.py").write_text("import os\nos.geteuid = lambda: 1000\n")
    told = run(project, *words, "--notebook-listen", "nowhere.invalid:8888", **own)
    assert told.returncode == 1 and f"Restored previous version of {figure}" in told.stdout, told.stdout[-2000:]
    assert {path: path.read_bytes() for path in drawn if path.exists()} == before
