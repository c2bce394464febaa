"""What docs/extending.md says how to add, added; and what README and docs link to."""

import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import yaml
from projects import ROOT, environment, snakemake

BLOCKS = dict(re.findall(r"```yaml\n# (\S+)\n(.*?)```", (ROOT / "docs/extending.md").read_text(), re.DOTALL))
PAGES = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob(".github/**/*.md")]

LUA = """local Basket = {}

--- Return the sum of all the numbers of a basket.
-- It looks at every one of them.
--
-- @param items numbers that are added one after another
-- @param limit largest number of rounds before it stops
function Basket:sum(items, limit, ...)
  -- a remark
  local total, first = 0, nil
  for key, value in pairs(items.all) do
    if #value ~= limit and not first then
      total = total + string.len(value) * 2 .. [[ -- no remark ]]
    end
  end
  return self:round(total, { unit = "g", ... })
end

return Basket
"""


@pytest.fixture
def project(fresh: Path, tmp_path: Path) -> Path:
    """A project that has not run, with everything that the page adds."""
    project = Path(shutil.copytree(fresh, tmp_path / "project"))
    for name, text in BLOCKS.items():
        path = project / name
        path.parent.mkdir(exist_ok=True)
        path.write_text((path.read_text() if path.exists() else "") + text)
    return project


def test_the_page_adds_a_task_a_language_and_an_encoder() -> None:
    assert set(BLOCKS) == {
        "tasks/code/comparison.yaml",
        "src/codestilts/examples/parsing/languages.yaml",
        "studies/mine.yaml",
    }


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
        archive.writestr("basket/sum.lua", LUA)
    with (project / "sources.csv").open("a") as stream:
        stream.write("basket,local,packages/basket,,,,,lua,test,,Apache-2.0,made up,\n")
    command = ["python", "scripts/extract.py", "--language", "lua"]
    command += ["--archives", "resources/basket.zip", "--out", "lua.parquet"]
    subprocess.run(command, cwd=project, env=environment(project), check=True)
    [row] = pd.read_parquet(project / "lua.parquet").to_dict("records")
    assert row["name"] == "sum" and row["doc"].startswith("Return the sum of all the numbers of a basket. It looks")
    about = {"items": "numbers that are added one after another", "limit": "largest number of rounds before it stops"}
    assert {param["name"]: param["doc"] for param in row["params"]} == about
    assert "a remark" not in row["code"] and "[[ -- no remark ]]" in row["tokens"]
    tags = dict(zip(row["tokens"], row["tags"], strict=True))
    expected = {"len": "CALLEE", "round": "CALLEE", "all": "FIELD", "unit": "FIELD", "total": "VARIABLE", "2": "NUMBER"}
    assert expected.items() <= tags.items() and {tags[word] for word in ("function", "local", "end")} == {"KEYWORD"}


def test_a_study_with_another_encoder_is_an_overlay(project: Path) -> None:
    shutil.copy2(ROOT / "sources.csv", project / "sources.csv")
    command = ["python", "scripts/validate.py", "config.yaml", "studies/mine.yaml"]
    result = subprocess.run(command, cwd=project, env=environment(project), capture_output=True, text=True)
    assert result.stdout.startswith("mine: 1 encoder, 3 arms"), result.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_of_a_page_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", page.read_text())
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_of_a_page_exist(page: Path) -> None:
    text = page.read_text()
    goals = set(re.findall(r"^(?:    |`)make ([a-z-]+)", text, re.MULTILINE))
    assert goals <= set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = re.findall(r"(?:--configfile |--profile |-f )((?:studies|profiles|containers)/[\w./-]+|config\.yaml)", text)
    assert [name for name in named if not (ROOT / name).exists()] == []
