"""What decides that a job runs again: its inputs, settings and code; never the environment of who looks."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from projects import ROOT, environment, snakemake

# All that a rule's commands are made of beside inputs and outputs; what is new here has to hold no environment.
CONFIG = {"settings", "sources", "gpus", "study", "sample", "rehearsal"}  # of the study
CODE = {"code"}  # digests
CONTENT = {"content"}  # of local sources
PLACES = {"out", "encoder", "parent", "results", "benchmarks", "clusters", "trials", "image", "folder"}  # of files
CHECKS = {"needs"}  # made of the output, which decides no rerun

HUB = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_TOKEN": "secret", "HF_HOME": "/tmp/elsewhere"}
TEXT = {"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "COLUMNS": "40"}
DEVICE = {"OMP_NUM_THREADS": "7", "CUDA_VISIBLE_DEVICES": "", "CODESTILTS_PRETEND_GPUS": "2", "APPTAINER_NV": "1"}
SITE = {"CODESTILTS_COMMIT": "beef", "CODESTILTS_ACCOUNT": "me", "CODESTILTS_GPUS": "3", "CODESTILTS_SCRATCH": "/tmp"}
PLACE = {"TMPDIR": "/var/tmp", "HOME": "/tmp", "USER": "else", "XDG_CACHE_HOME": "/tmp/cache", "SLURM_JOB_ID": "3"}


@pytest.mark.parametrize("offline", ["0", "1"])
def test_no_environment_variable_decides_a_rerun(offline: str, done: Path) -> None:
    command = ["snakemake", "--cores", "2", "--dry-run", "--configfile", "micro.yaml"]
    changes = {"HF_HUB_OFFLINE": offline, **HUB, **TEXT, **DEVICE, **SITE, **PLACE}
    told = subprocess.run(command, cwd=done, env=environment(done) | changes, capture_output=True, text=True)
    assert "Nothing to be done" in told.stdout + told.stderr, told.stdout + told.stderr


def test_the_parameters_of_all_rules_are_known() -> None:
    found = set()
    for path in (ROOT / "rules").glob("*.smk"):
        for block in re.findall(
            r"^ +params:\n((?: +.*\n)+?) +(?:message|shell|notebook):", path.read_text(), re.MULTILINE
        ):
            found |= set(re.findall(r"^ +(\w+)=", block, re.MULTILINE))
    assert found == CONFIG | CODE | CONTENT | PLACES | CHECKS


def test_rules_read_no_environment() -> None:
    for path in [ROOT / "Snakefile", *(ROOT / "rules").glob("*.smk")]:
        assert not re.search(r"environ|getenv|\benvvars\b", path.read_text()), path


def test_a_local_source_that_changes_is_fetched_again(fresh: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(fresh, tmp_path / "project", symlinks=True))
    functions = "results/micro/functions/c.parquet"
    assert snakemake(project, functions).returncode == 0
    file = project / "packages/c-test/core.c"
    before = file.stat()
    file.touch()
    assert "Nothing to be done" in snakemake(project, "--dry-run", functions).stdout
    text = file.read_text()
    file.write_text(text.replace("int", "Int", 1))
    os.utime(file, (before.st_atime - 1e6, before.st_mtime - 1e6))  # older than what was fetched
    told = snakemake(project, "--dry-run", functions).stdout
    assert re.search(r"^fetch +1$", told, re.MULTILINE) and re.search(r"^extract +1$", told, re.MULTILINE), told
    file.write_text(text)
    file.parent.rename(project / "gone")
    assert "Nothing to be done" in snakemake(project, "--dry-run", functions).stdout
