"""A synthetic study, its folder of results and its page."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import synthetic
import yaml
from made_up_results import write_run

from codestilts.columns import LAYERS
from codestilts.config.analysis_settings import ReportedArm, ReportSettings
from codestilts.csv_tables import write_csv
from codestilts.evaluation import leakage, matched_tasks
from codestilts.evaluation.claims_table import COLUMNS as CLAIM_COLUMNS
from codestilts.evaluation.comparison import STATISTICS
from codestilts.evaluation.scoring import tidy, values
from codestilts.evaluation.statistics.design import design_of
from codestilts.evaluation.statistics.resampling import resample
from codestilts.reporting.exhibits import FIGURES, TABLES, WHOLE_STUDY, Exhibit
from codestilts.reporting.html_report import BROWSED, ReportInputs, render
from codestilts.reporting.run_records import runs_table
from codestilts.reporting.sample_predictions import COLUMNS as BROWSED_COLUMNS
from codestilts.workflow.slurm_efficiency import efficiency

ROOT = Path(__file__).parents[2]
EVIL = "<script>alert('x')</script>"

TASK = """
type: classification
description: Is it right? <b>
metric: accuracy
licence: MIT
citation: nobody
languages: [python]
"""


BUDGET = {"steps": 100, "tokens_per_step": 100}
SETTINGS = ReportSettings(
    study="synthetic",
    rehearsal=False,
    encoders=("tiny",),
    arms={
        name: ReportedArm(arm.family, () if name in {"none", "random"} else (name,), arm.init)
        for name, arm in synthetic.SETTINGS.arms.items()
    },
    seeds=(0, 1, 2),
    source_language="python",
    sampled={},
    budgets={"intermediate": BUDGET, "target": BUDGET},
    sources=("a-package",),
    comparison=synthetic.SETTINGS,
)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of results as the workflow leaves it before the page is written."""
    folder = tmp_path_factory.mktemp("results")
    sums = synthetic.sums(units=30)
    scores = resample(sums, 200, 0)
    design = design_of(synthetic.SETTINGS, synthetic.language_rows(), "tiny")
    tidy(values(sums), synthetic.SETTINGS).to_csv(folder / "scores.csv", index=False)
    for name, statistic in STATISTICS.items():
        statistic(scores, design).assign(encoder="tiny").to_csv(folder / f"{name}.csv", index=False)
    synthetic.language_rows().to_csv(folder / "language_similarity.csv", index=False)
    runs = [write_run(folder / "runs", arm, seed) for arm in ("pos", "cloze") for seed in range(2)]
    runs_table(runs).to_csv(folder / "runs.csv", index=False)
    sweep = [("tiny", "none", "parallel", 0, "c", layer, 0.1 * layer) for layer in (2, 4)]
    pd.DataFrame(sweep, columns=LAYERS).to_csv(folder / "layers.csv", index=False)
    pair = {"trained_on": "cloze", "split": "train", "tested_on": "match", "tested": 5}
    pd.DataFrame([{**dict.fromkeys(leakage.COLUMNS, 0), **pair}]).to_csv(folder / "audit.csv", index=False)
    task = {"form": "cloze", "domain": "code", "task": "cloze", "train": 7, "dev": 2, "tokens": 4.25, "labels": 2}
    table = pd.DataFrame([task | {"places": "75 25", "trivial": 0.5}], columns=matched_tasks.COLUMNS)
    table.to_csv(folder / "matched_tasks.csv", index=False)
    shown = {"target": "match", "language": "go", "id": "1", "question": EVIL, "text": EVIL, "gold": EVIL}
    shown |= {"encoder": "tiny", "arm": "none", "prediction": EVIL, "right": False, "note": ""}
    plain = shown | dict.fromkeys(("question", "text", "gold", "prediction"), "words")
    others = [plain | {"target": target} for target in synthetic.SETTINGS.targets if target != "match"]
    pd.DataFrame([shown, *others]).to_csv(folder / "sample_predictions.csv", index=False)
    efficiency([], folder).to_csv(folder / "efficiency.csv", index=False)
    pd.DataFrame(columns=CLAIM_COLUMNS).to_csv(folder / "claims.csv", index=False)
    write_exhibits(folder)
    return folder


def write_exhibits(results: Path) -> None:
    """Write the files of figures and tables that a folder lacks, as if notebooks had: one table for all."""
    stages = pd.DataFrame([{"stage": "extract functions", "jobs": 1, "seconds": 2.5, "longest": 2.5, "memory": 100.0}])
    exhibits = [
        Exhibit(name, kind, "" if notebook == WHOLE_STUDY else "tiny")
        for kind, by_notebook in (("tables", TABLES), ("figures", FIGURES))
        for notebook, names in by_notebook.items()
        for name in names
    ]
    for path in [results / exhibit.data for exhibit in exhibits]:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            write_csv(stages, path)
    (results / "figures/jobs.svg").write_text("<svg width='1pt' viewBox='0 0 1 1'></svg>")
    if not (results / BROWSED).exists():
        pd.DataFrame(columns=BROWSED_COLUMNS).to_parquet(results / BROWSED)


def page(
    results: Path,
    settings: ReportSettings = SETTINGS,
    tasks: dict[str, dict[str, Any]] | None = None,
    overlays: Sequence[str] = ("studies/synthetic.yaml",),
) -> str:
    """The page of these results; all tasks are classification, but for those that ``tasks`` has."""
    write_exhibits(results)
    source = {"name": "a-package", "version": "1", "languages": "go;cpp", "split": "test", "licence": "MIT & more"}
    inputs = ReportInputs(
        template=ROOT / "report/template.html.j2",
        results=results,
        sources=pd.DataFrame([source | {"citation": EVIL, "bytes": "1000", "notes": "fine-tuned & more"}]),
        tasks={name: yaml.safe_load(TASK) for name in ["cloze", *settings.comparison.targets]} | (tasks or {}),
        settings=settings,
        overlays=overlays,
    )
    return render(inputs)
