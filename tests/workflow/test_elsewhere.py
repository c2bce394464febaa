"""Snakemake in other folders, as a module, with another library, by users without a name, and options by rule name."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from projects import ROOT, environment, snakemake

MODULE = """
configfile: "{config}"
module codestilts:
    snakefile: "{snakefile}"
    config: config
use rule * from codestilts
rule count:
    default_target: True
    input: "results/micro/functions/c.parquet"
    output: "count.txt"
    shell: "ls {{input}} | wc -l > {{output}}"
"""
FUNCTIONS = "results/micro/functions/c.parquet"


def run(folder: Path, *command: object, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder; stdout and stderr together."""
    words = [str(word) for word in command]
    return subprocess.run(
        words, cwd=folder, env=os.environ | variables, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def one_error(result: subprocess.CompletedProcess[str]) -> str:
    """The one line that says what is wrong."""
    assert result.returncode == 1 and "Traceback" not in result.stdout, result.stdout
    assert "Building DAG" not in result.stdout, result.stdout
    [line] = [line for line in result.stdout.splitlines() if line.startswith("error: ")]
    return line


def jobs_in(result: subprocess.CompletedProcess[str]) -> dict[str, int]:
    """The jobs that a dry run with ``--quiet rules`` announces: rule -> number."""
    assert result.returncode == 0, result.stdout[-2000:]
    return {rule: int(count) for rule, count in re.findall(r"^([a-z][\w-]*) +(\d+)$", result.stdout, re.MULTILINE)}


def jobs(folder: Path, *options: str) -> dict[str, int]:
    """The jobs of a dry run in the project's own folder."""
    return jobs_in(snakemake(folder, "--dry-run", "--quiet", "rules", *options))


@pytest.mark.parametrize("option", ["--snakefile", "--directory"])
def test_results_are_written_where_snakemake_runs(fresh: Path, tmp_path: Path, option: str) -> None:
    """``--snakefile PROJECT/Snakefile`` in another folder, ``--directory FOLDER`` in the project."""
    where, target = (tmp_path, fresh / "Snakefile") if option == "--snakefile" else (fresh, tmp_path)
    words = ["snakemake", "--cores", "2", option, target, "--configfile", fresh / "micro.yaml"]
    planned = jobs_in(run(where, *words, "--dry-run", "--quiet", "rules", **environment(fresh)))
    assert planned == jobs(fresh)
    result = run(where, *words, "--", FUNCTIONS, **environment(fresh))
    assert result.returncode == 0, result.stdout[-3000:]
    assert all((tmp_path / name).exists() for name in (FUNCTIONS, "resources/c-test.zip", ".cache"))
    assert not any((fresh / name).exists() for name in ("results", "resources"))


def test_notebooks_run_elsewhere(done: Path, tmp_path: Path) -> None:
    shutil.copytree(done / "results", tmp_path / "results")
    shutil.copytree(done / "resources", tmp_path / "resources")
    figure = Path("results/micro/figures/tiny/primary.svg")
    (tmp_path / figure).unlink()
    words = ["snakemake", "--cores", "2", "--snakefile", done / "Snakefile", "--configfile", done / "micro.yaml"]
    result = run(tmp_path, *words, "--rerun-triggers", "mtime", "--", figure, **environment(done))
    assert result.returncode == 0 and (tmp_path / figure).exists(), result.stdout[-3000:]
    assert "1 of 1 steps" in result.stdout, "nothing else was to be done"


def test_another_workflow_uses_it_as_a_module(fresh: Path, tmp_path: Path) -> None:
    text = MODULE.format(config=fresh / "micro.yaml", snakefile=fresh / "Snakefile")
    (tmp_path / "Snakefile").write_text(text)
    words = ["snakemake", "--cores", "2"]
    planned = jobs_in(run(tmp_path, *words, "--dry-run", "--quiet", "rules", "--", "all", **environment(fresh)))
    assert planned == jobs(fresh)
    result = run(tmp_path, *words, **environment(fresh))
    assert result.returncode == 0, result.stdout[-3000:]
    assert (tmp_path / "count.txt").read_text().strip() == "1"


def test_a_mistake_in_the_config_of_a_module_is_one_line(fresh: Path, tmp_path: Path) -> None:
    config = tmp_path / "mistake.yaml"
    config.write_text((fresh / "micro.yaml").read_text().replace("seeds: [0, 1]", "seeds: [0, 0]"))
    (tmp_path / "Snakefile").write_text(MODULE.format(config=config, snakefile=fresh / "Snakefile"))
    line = one_error(run(tmp_path, "snakemake", "--cores", "1", "--dry-run", **environment(fresh)))
    assert "seeds: 0" in line


def test_containers_see_only_the_projects_folder(fresh: Path, tmp_path: Path) -> None:
    words = ["snakemake", "--cores", "1", "--dry-run", "--use-apptainer", "--snakefile", fresh / "Snakefile"]
    line = one_error(run(tmp_path, *words, "--configfile", fresh / "micro.yaml", **environment(fresh)))
    assert "--use-apptainer" in line and str(fresh) in line


def test_the_library_of_another_checkout_is_refused(fresh: Path) -> None:
    words = ["snakemake", "--cores", "1", "--dry-run", "--configfile", "micro.yaml"]
    line = one_error(run(fresh, *words, **environment(ROOT)))
    assert str(ROOT / "src/codestilts") in line and "source .venv/bin/activate" in line


def test_a_user_without_a_name_can_run_it_and_a_link_may_lead_to_the_folder(fresh: Path, tmp_path: Path) -> None:
    nobody = "import os, pwd\ndef getpwuid(number):\n    raise KeyError(number)\npwd.getpwuid = getpwuid\n"
    names = "for name in ('LOGNAME', 'USER', 'LNAME', 'USERNAME'):\n    os.environ.pop(name, None)\n"
    (tmp_path / "sitecustomize.py").write_text(nobody + names)
    variables = environment(fresh, warm=False)  # a fork does not read sitecustomize
    variables["PYTHONPATH"] += f"{os.pathsep}{tmp_path}"
    (tmp_path / "link").symlink_to(fresh)
    words = ["snakemake", "--cores", "1", "--dry-run", "--quiet", "--configfile", "micro.yaml"]
    result = run(tmp_path / "link", *words, **variables)
    assert result.returncode == 0, result.stdout[-2000:]


def test_options_take_the_names_of_training_rules(fresh: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(fresh, tmp_path / "project"))
    config = project / "micro.yaml"
    config.write_text(config.read_text().replace("seeds: [0, 1]", "seeds: [0, 1, 4]"))  # batches 0-1 and 4
    until = jobs(project, "--until", "train_target")
    assert until["train_intermediate"] == 3 * 2 and until["train_target"] == 20 * 2
    assert not {"score", "frozen_retrieval", "all"} & until.keys()
    without = jobs(project, "--omit-from", "train_target")
    assert without["train_intermediate"] == 3 * 2 and not {"train_target", "score"} & without.keys()
    target = "results/micro/predictions/tiny/none/tags/4.parquet"
    plan = snakemake(project, target, "--dry-run", "--printshellcmds", "--set-resources", "train_target:gpu=3")
    assert plan.returncode == 0 and "--gpus 3" in plan.stdout, plan.stdout[-2000:]


def test_finished_trainings_are_forced_by_name(done: Path) -> None:
    again = jobs(done, "--forcerun", "train_target")
    assert again["train_target"] == 20 and "train_intermediate" not in again


def test_a_notebook_that_is_not_opened_keeps_its_figures(done: Path, tmp_path: Path) -> None:
    """Jupyter cannot listen there: Snakemake puts back the figures that it would have deleted."""
    project = Path(shutil.copytree(done, tmp_path / "project"))  # the failure stays in the project's history
    figure = Path("results/micro/figures/tiny/primary.svg")
    drawn = [path for kind in ("figures", "tables") for path in (project / "results/micro" / kind).rglob("*.*")]
    before = {path: path.read_bytes() for path in drawn}
    words = ["snakemake", "--cores", "1", "--edit-notebook", figure, "--configfile", "micro.yaml"]
    result = run(project, *words, "--notebook-listen", "nowhere.invalid:8888", **environment(project))
    assert result.returncode == 1 and f"Restored previous version of {figure}" in result.stdout, result.stdout[-2000:]
    assert {path: path.read_bytes() for path in drawn if path.exists()} == before
