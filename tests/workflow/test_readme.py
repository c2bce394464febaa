"""What the README says how to add, added."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import yaml
from conftest import ROOT, environment, snakemake

BLOCKS = dict(re.findall(r"```yaml\n# (\S+)\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL))

PHP = """<?php
/**
 * Return the sum of all the numbers of a basket.
 *
 * @param array $items numbers that are added one after another
 * @param int $limit largest number of rounds before it stops
 */
function sum_basket(array $items, int $limit = 3) {
    $total = 0;
    foreach ($items as $key => $value) {
        $total = $total + strlen($value) * 2;
    }
    return $this->round($total);
}
"""


@pytest.fixture
def project(fresh: Path, tmp_path: Path) -> Path:
    """A project that has not run, with everything that the README adds."""
    project = Path(shutil.copytree(fresh, tmp_path / "project"))
    for name, text in BLOCKS.items():
        path = project / name
        path.parent.mkdir(exist_ok=True)
        path.write_text((path.read_text() if path.exists() else "") + text)
    return project


def test_the_readme_adds_a_task_a_language_and_an_encoder() -> None:
    assert set(BLOCKS) == {"tasks/code/comparison.yaml", "src/codestilts/examples/languages.yaml", "studies/mine.yaml"}


def test_a_new_task_is_one_file(project: Path) -> None:
    config = project / "micro.yaml"
    config.write_text(config.read_text().replace("cloze,", "comparison,"))
    table = Path("results/micro/examples/comparison.parquet")
    result = snakemake(project, str(table))
    assert result.returncode == 0, result.stdout[-3000:]
    labels = set(pd.read_parquet(project / table)["label"])
    assert labels and labels <= set(yaml.safe_load(BLOCKS["tasks/code/comparison.yaml"])["labels"])


def test_a_new_language_is_an_entry_of_the_table(project: Path) -> None:
    (project / "resources").mkdir()
    with zipfile.ZipFile(project / "resources/basket.zip", "w") as archive:
        archive.writestr("basket/sum.php", PHP)
    with (project / "sources.csv").open("a") as stream:
        stream.write("basket,local,packages/basket,,,,,php,test,,Apache-2.0,made up,\n")
    command = [sys.executable, "scripts/extract.py", "--language", "php"]
    command += ["--archives", "resources/basket.zip", "--out", "php.parquet"]
    subprocess.run(command, cwd=project, env=environment(project), check=True)
    row = pd.read_parquet(project / "php.parquet").iloc[0]
    assert row["name"] == "sum_basket" and [param["name"] for param in row["params"]] == ["$items", "$limit"]
    assert dict(zip(row["tokens"], row["tags"], strict=True))["strlen"] == "CALLEE"


def test_a_study_with_another_encoder_is_an_overlay(project: Path) -> None:
    shutil.copy2(ROOT / "sources.csv", project / "sources.csv")
    command = [sys.executable, "scripts/validate.py", "config.yaml", "studies/mine.yaml"]
    result = subprocess.run(command, cwd=project, env=environment(project), capture_output=True, text=True)
    assert result.stdout.startswith("mine: 1 encoders, 3 arms"), result.stderr
