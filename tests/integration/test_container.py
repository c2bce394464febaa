"""The study in the image: same numbers, no packages of the host, no files written outside the project."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import IMAGE, call, copy_of

TABLES = ["scores.csv", "effects.csv", "contrasts.csv"]
POISON = 'raise ImportError("a package of the host was imported")\n'
PLANTED = ["seaborn", "only_on_the_host"]
LOOK = "import importlib.util\nassert not importlib.util.find_spec('only_on_the_host'), 'the host is seen'\n"


def plant(folder: Path) -> Path:
    """Add packages that fail when imported: one that the image has, and one that it lacks."""
    folder.mkdir(parents=True)
    for name in PLANTED:
        (folder / f"{name}.py").write_text(POISON)
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A read-only home with packages in ``~/.local``."""
    folder = tmp_path / "home"
    plant(folder / ".local/lib/python3.11/site-packages")
    subprocess.run(["mount", "--bind", folder, folder], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


def inside(command: str) -> str:
    """The output of a command in the image, with nothing of the host mounted."""
    called = ["apptainer", "exec", "--containall", IMAGE, "sh", "-c", command]
    return subprocess.run(called, check=True, text=True, capture_output=True).stdout


def test_the_whole_study_in_the_image_has_the_same_numbers_and_sees_nothing_of_the_host(
    fresh: Path, outside: Path, home: Path, tmp_path: Path
) -> None:
    project = copy_of(fresh, tmp_path / "project")
    plant(project / ".local/lib/python3.11/site-packages")  # within a container the project is the home
    host = plant(tmp_path / "packages")
    for script in ("score", "train_target"):
        path = project / f"scripts/{script}.py"
        before, main, after = path.read_text().partition("def main()")
        assert main
        path.write_text(f"{before}{LOOK}\n\n{main}{after}")
    for path in project.glob("notebooks/*.ipynb"):
        notebook = json.loads(path.read_text())
        first = next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")
        first["source"] = [LOOK, *first["source"]]
        path.write_text(json.dumps(notebook))
    words = ["snakemake", "--use-apptainer", "--cores", "2", "--configfile", "micro.yaml", "nano.yaml"]
    variables = {"HOME": str(home), "PYTHONPATH": f"{project / 'src'}:{host}"}
    told = call(project, *words, "--config", "device=cpu", **variables)
    assert told.returncode == 0, told.stdout[-6000:]
    for name in TABLES:
        assert (project / "results/nano" / name).read_bytes() == (outside / "results/nano" / name).read_bytes(), name
    digest = Path(f"{IMAGE}.sha256").read_text().split()[0]
    assert digest in (project / "results/nano/report.html").read_text()
    assert "Nothing to be done" in call(project, *words, "--config", "device=cpu", **variables).stdout


def test_planted_packages_would_be_seen_outside(home: Path, tmp_path: Path) -> None:
    """The planted packages of the test above work: a program on the host fails on them."""
    host = plant(tmp_path / "packages")
    told = call(tmp_path, "python", "-c", "import seaborn", HOME=str(home), PYTHONPATH=str(host))
    assert told.returncode == 1 and "a package of the host was imported" in told.stdout


def test_another_image_runs_every_job_again(fresh: Path, tmp_path: Path) -> None:
    project = copy_of(fresh, tmp_path / "project")
    words = ["snakemake", "--use-apptainer", "--cores", "2", "--configfile", "micro.yaml", "nano.yaml"]
    table = "results/nano/functions/c.parquet"
    assert call(project, *words, "--", table).returncode == 0
    assert "Nothing to be done" in call(project, *words, "--", table).stdout
    (project / "containers/codestilts.sif.sha256").write_text(f"{'0' * 64}  codestilts.sif\n")
    assert "Extracting c functions" in call(project, *words, "--dry-run", "--", table).stdout


def test_the_image_says_what_it_is_and_holds_no_more_than_it_needs() -> None:
    labels = json.loads(
        subprocess.run(["apptainer", "inspect", "--json", IMAGE], capture_output=True, check=True).stdout
    )
    found = labels["data"]["attributes"]["labels"]
    assert found["org.opencontainers.image.title"] == "CodeStilts" and found["org.opencontainers.image.version"]
    assert re.fullmatch(r"[0-9a-f]{40}( \+ changes)?", found["org.opencontainers.image.revision"])
    names = " -o ".join(f"-name '{name}'" for name in (".cache", ".netrc", "token"))
    left = inside(f"find / -path '*/site-packages' -prune -o -path /proc -prune -o \\( {names} \\) -print")
    assert left.strip() == ""
    assert inside("find /var/lib/apt/lists /var/cache/apt -mindepth 1 2>/dev/null || true") == ""
    assert (
        inside("pip config list; cat /etc/pip.conf 2>/dev/null; env | grep -i -E 'token|secret|password' || true") == ""
    )
    subprocess.run(["apptainer", "test", IMAGE], check=True, capture_output=True)


def test_what_jobs_import_was_compiled_when_the_image_was_built() -> None:
    told = inside("python -v -c 'import torch, transformers, datasets' 2>&1 | grep 'code object from'")
    assert told.count(".pyc'") > 1000
    assert not [line for line in told.splitlines() if "site-packages" in line and not line.endswith(".pyc'")]


def test_the_image_cannot_be_changed() -> None:
    told = subprocess.run(["apptainer", "exec", IMAGE, "touch", "/opt/codestilts/x"], capture_output=True, text=True)
    assert told.returncode != 0 and "Read-only file system" in told.stderr
