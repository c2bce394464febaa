"""The archive of a study with texts that may not be passed on: none of them is in it, and it is redrawn from scores."""

import io
import json
import shutil
import zipfile
from html import unescape
from pathlib import Path

import packages
import pandas as pd
import pytest
import yaml
from projects import ROOT, call, copy_project, snakemake

from codestilts.archiving.disclosure import json_texts, parquet_texts

# Python's packages are closed; parallel has no Python, so it is open.
STUDY = {
    "study": "closed",
    "arms": ["none", "cloze"],
    "targets": ["param-qa", "parallel"],
    "languages": ["python", "javascript", "c"],
    "source_language": ["python", "javascript"],
    "data": {"target": {"test_source": 12}},
    "intermediate": {"learning_rates": [], "held_out_texts": [], "trial_targets": []},
    "target": {"tasks": {}},
}
CONFIGS = ["config.yaml", "micro.yaml", "closed.yaml"]
RESULTS = "results/closed"
LONG = 25  # characters of a line that is no accident: all documentation is longer


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a finished study, a table and a notebook of an older version among its results."""
    folder = copy_project(tmp_path_factory.mktemp("closed"))
    packages.make(folder, "javascript")
    for name in ("LICENSE", "CITATION.cff"):
        shutil.copy2(ROOT / name, folder / name)
    sources = pd.read_csv(folder / "sources.csv", dtype=str, keep_default_na=False)
    sources.loc[sources["name"].str.startswith("python-"), "licence"] = "LicenseRef-none"
    sources.to_csv(folder / "sources.csv", index=False)
    (folder / "closed.yaml").write_text(yaml.safe_dump(STUDY))
    finished = snakemake(folder, configs=CONFIGS[1:])
    assert finished.returncode == 0, finished.stdout[-3000:]
    return folder


@pytest.fixture(scope="module")
def archive(project: Path) -> Path:
    shutil.copy2(project / RESULTS / "sample_predictions.csv", project / RESULTS / "tables/answers.csv")  # once made
    made = call(project, "scripts/archive.py", "--configs", *CONFIGS)
    assert made.returncode == 0, made.stdout
    return project / "results/closed.zip"


def lines(texts: list[str]) -> set[str]:
    """The long lines of texts, without white space at their ends."""
    return {line.strip() for text in texts for line in text.splitlines() if len(line.strip()) >= LONG}


def examples(project: Path, target: str) -> set[str]:
    table = pd.read_parquet(project / RESULTS / f"examples/{target}.parquet")
    columns = table.columns.intersection(["question", "context", "query", "document"])
    return lines([text for name in columns for text in table[name]])


def texts_of(name: str, raw: bytes) -> str:
    """The texts in a member: of each cell of a table, each string of a notebook, of a page without its escapes."""
    if name.endswith(".parquet"):
        return "\n".join(parquet_texts(raw))
    if name.endswith((".ipynb", ".json")):
        return "\n".join(json_texts(json.loads(raw)))
    text = raw.decode(errors="replace")
    return text.replace("\\_", "_").replace('""', '"') if name.endswith((".csv", ".tex")) else unescape(text)


def test_no_member_has_a_text_of_a_closed_target(project: Path, archive: Path) -> None:
    shown = examples(project, "parallel")
    closed, open_text = examples(project, "param-qa") | examples(project, "param-qa-from-javascript"), "\n".join(shown)
    closed = {text for text in closed if text not in open_text}  # a line of code may be in both
    assert len(closed) > 50
    page = texts_of("report.html", (project / RESULTS / "report.html").read_bytes())
    assert any(text in page for text in closed) and any(text in page for text in shown), "they are found where they are"
    with zipfile.ZipFile(archive) as opened:
        members = {name: texts_of(name, opened.read(name)) for name in opened.namelist()}
        browsed = pd.read_parquet(io.BytesIO(opened.read(f"{RESULTS}/browsed_predictions.parquet")))
    leaks = [(name, text) for name, content in members.items() for text in closed if text in content]
    assert leaks == []
    assert any(text in members[f"{RESULTS}/browsed_predictions.parquet"] for text in shown)
    assert set(browsed["target"]) == {"parallel"}
    assert {f"{RESULTS}/report.html", f"{RESULTS}/tables/answers.csv"} & members.keys() == set()
    assert f"{RESULTS}/tables/claims.csv" in members and f"{RESULTS}/scores/twins/tiny/none.sums.parquet" in members
    predicted = [name for name in members if "/predictions/" in name or "/baselines/" in name]
    assert predicted == [f"{RESULTS}/baselines/parallel.parquet"], "answers are texts, those of twins too"


def test_it_is_redrawn_from_scores_and_equal(archive: Path, tmp_path: Path) -> None:
    checkout = copy_project(tmp_path / "checkout")
    result = call(checkout, "scripts/redraw.py", "--archive", archive, "--cores", "2", "--verify")
    assert result.returncode == 0, result.stdout[-6000:]
    assert "differs" not in result.stdout and "missing" not in result.stdout
    (page,) = checkout.glob(f"redrawn/closed-*/{RESULTS}/report.html")
    text = page.read_text()
    assert "Not shown: param-qa. This page was drawn from an archive" in text
    assert "lacks param-qa, whose predictions" in text and "recomputed from <code>predictions/" not in text
