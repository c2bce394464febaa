"""The code digest of a rule covers what its script runs, and nothing else."""

import json
from pathlib import Path

import pytest

from codestilts.code_digest import stage_digest, stage_files

ROOT = Path(__file__).parents[2]

FILES = {
    "scripts/train.py": "import codestilts.training\n",
    "scripts/draw.py": "def main():\n    from codestilts.plots import draw\n",
    "src/codestilts/__init__.py": "",
    "src/codestilts/training.py": "from codestilts.types import make\n",
    "src/codestilts/types/__init__.py": "from codestilts.types import one\n",
    "src/codestilts/types/one.py": "TABLE = 'one.yaml'\n",
    "src/codestilts/types/one.yaml": "a: 1\n",
    "src/codestilts/plots.py": "import numpy\n",
    "src/codestilts/other.py": "",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    cells = [{"cell_type": "code", "source": ["%matplotlib inline\n", "from codestilts import plots\n"]}]
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks/figures.py.ipynb").write_text(json.dumps({"cells": cells}))
    return tmp_path


def names(project: Path, *parts: str) -> set[str]:
    return {str(path.relative_to(project)) for path in stage_files(project, parts)}


def test_imports_are_followed_through_packages_and_data(project: Path) -> None:
    found = names(project, "scripts/train.py")
    assert found == set(FILES) - {"scripts/draw.py", "src/codestilts/plots.py", "src/codestilts/other.py"}


def test_imports_inside_functions_and_notebooks_count(project: Path) -> None:
    plots = {"src/codestilts/__init__.py", "src/codestilts/plots.py"}
    assert names(project, "scripts/draw.py") == plots | {"scripts/draw.py"}
    assert names(project, "notebooks/figures.py.ipynb") == plots | {"notebooks/figures.py.ipynb"}


def test_a_module_named_by_a_task_file_counts(project: Path) -> None:
    assert "src/codestilts/other.py" in names(project, "scripts/draw.py", "codestilts.other")


def test_the_digest_changes_with_the_code_that_is_run(project: Path) -> None:
    before = stage_digest(project, "scripts/train.py"), stage_digest(project, "scripts/draw.py")
    (project / "src/codestilts/types/one.yaml").write_text("a: 2\n")
    after = stage_digest(project, "scripts/train.py"), stage_digest(project, "scripts/draw.py")
    assert before[0] != after[0] and before[1] == after[1]


def test_the_study_and_the_plots_decide_no_training() -> None:
    found = names(ROOT, "scripts/train_intermediate.py", "scripts/train_target.py", "scripts/frozen_retrieval.py")
    assert "src/codestilts/training/loop.py" in found
    assert not found & {
        f"src/codestilts/{name}.py"
        for name in ("config/study", "reporting/figures", "reporting/tables", "config/validation")
    }


def test_the_language_tables_decide_extraction() -> None:
    assert "src/codestilts/examples/parsing/languages.yaml" in names(ROOT, "scripts/extract.py")
