"""Fixtures of the tests of the page. They install nothing: at the start they report what is missing."""

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import report_study as study
from chromium import AXE, Page, open_browser, program
from run_notebooks import run_notebook

from codestilts.config.analysis_settings import EffectFigureSettings, LanguageFigureSettings, TrainingFigureSettings
from codestilts.config.scopes import target_scopes
from codestilts.config.settings_json import to_json
from codestilts.csv_tables import write_csv
from codestilts.reporting.html_report import BROWSED
from codestilts.reporting.run_records import curves_table

results = study.results  # a fixture
EVIL = """<script>document.title = "owned"</script><img src=x onerror="document.title = 'owned'"></script>"""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--page", type=Path, help="a report.html to check, instead of one of a made-up study")


def pytest_sessionstart(session: pytest.Session) -> None:
    lacking = [] if program() else ["Chromium"]
    lacking += [] if AXE.exists() else ["axe-core"]
    if lacking:
        message = f"these tests need {' and '.join(lacking)}: run tests/page/tools.sh (on Debian, as root)"
        pytest.exit(message, returncode=1)


@pytest.fixture(scope="session")
def browser() -> Iterator[Page]:
    """A page of a browser; each test opens what it needs in it."""
    with open_browser() as page:
        yield page


def source_matrix() -> pd.DataFrame:
    """One target that is trained in two languages, and an arm that adds a point to every score."""
    cells = [("python", "python", 80.0), ("python", "go", 60.0), ("go", "python", 50.0), ("go", "go", 70.0)]
    cells += [("python", "cpp", 55.0), ("go", "cpp", 45.0)]
    same = {"encoder": "tiny", "arm": "pos", "family": "english", "target": "match", "low": 0.5, "high": 1.5}
    rows = [
        {"source": source, "language": language, "zero_shot": source != language, "none": score, "effect": 1.0,
         "similarity": 1.0, "examples": 10}
        for source, language, score in cells
    ]  # fmt: skip
    return pd.DataFrame([same | row for row in rows])


@pytest.fixture(scope="module")
def made(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a made-up study whose texts and names try to run scripts, with all that lies beside it."""
    folder = Path(shutil.copytree(results, tmp_path_factory.mktemp("page") / "results"))
    comparison = study.SETTINGS.comparison
    write_csv(curves_table(sorted(folder.glob("runs/**/run.json"))), folder / "curves.csv")
    shown = {"target": "match", "language": "go", "id": "1", "question": EVIL, "text": EVIL, "gold": "match"}
    answers = {"none": True, "cloze": False}
    rows = [
        shown | {"arm": arm, "id": str(number), "prediction": f"{arm} {EVIL}", "right": right != (number == 2)}
        for number in range(3)
        for arm, right in answers.items()
    ]
    table = pd.DataFrame([*rows, *(row | {"language": "cpp", "id": f"c{row['id']}"} for row in rows)])
    table.assign(note="").to_parquet(folder / BROWSED)
    groups = {name: target.group for name, target in comparison.targets.items()}
    suites = {name: target.suite for name, target in comparison.targets.items()}
    scopes = [name for name, (kind, _) in target_scopes(groups, suites).items() if kind != "target"]
    metrics = {name: target.metric for name, target in comparison.targets.items()}
    notebooks = {
        "effects": EffectFigureSettings(
            tuple(scopes), comparison.language_set, comparison.margin, comparison.confidence
        ),
        "languages": LanguageFigureSettings(tuple(comparison.targets), "python"),
        "training": TrainingFigureSettings(study.SETTINGS.arms, ("none", "pos"), metrics),
    }
    for name, settings in notebooks.items():
        run_notebook(name, folder, to_json(settings), "tiny")
    write_csv(source_matrix(), folder / "source_languages.csv")
    run_notebook("sources", folder, "", "tiny")
    (folder / "benchmarks").mkdir()
    (folder / "benchmarks/report.tsv").write_text("s\tmax_rss\n2.5\t100\n")
    run_notebook("study", folder, to_json(study.SETTINGS))
    settings = replace(study.SETTINGS, sources=(), source_languages=("python", "go"))
    (folder / "plan.json").write_text('{"entries": []}')
    (folder / "report.html").write_text(study.page(folder, settings), encoding="utf-8")
    return folder / "report.html"


@pytest.fixture(scope="module")
def report(request: pytest.FixtureRequest) -> Path:
    """The page under test: that of ``--page``, or of the made-up study."""
    given = request.config.getoption("--page")
    return given or request.getfixturevalue("made")
