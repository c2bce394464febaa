"""Run the notebooks of the report without Jupyter, on a folder of result tables."""

import json
from pathlib import Path
from types import SimpleNamespace

from projects import ROOT

from codestilts.reporting.exhibits import FIGURES, TABLES, WHOLE_STUDY, Exhibit

INPUTS = {  # of notebooks: the tables that they read, by the names of the inputs
    **{name: name for name in ("contrasts", "effects", "counts", "runs", "curves", "layers", "scores", "doses")},
    **{name: name for name in ("claims", "audit", "efficiency")},
    **{
        "checks": "target_checks",
        "languages": "language_similarity",
        "matched": "matched_tasks",
        "samples": "sample_predictions",
    },
}


def run_notebook(name: str, results: Path, settings: str, encoder: str = "") -> None:
    """Run a notebook; a copy of it is then where the workflow leaves the one that it ran."""
    source = ROOT / f"notebooks/{name}.py.ipynb"
    inputs = {name: str(results / f"{table}.csv") for name, table in INPUTS.items()}
    outputs = {
        kind: [str(results / Exhibit(item, kind, encoder).made) for item in names[name]]
        for kind, names in (("figures", FIGURES), ("tables", TABLES))
    }
    job = SimpleNamespace(
        input=SimpleNamespace(**inputs, sources=str(ROOT / "sources.csv")),
        output=SimpleNamespace(**outputs),
        params=SimpleNamespace(settings=settings, benchmarks=str(results / "benchmarks")),
        wildcards=SimpleNamespace(encoder=encoder),
    )
    cells = json.loads(source.read_text(encoding="utf-8"))["cells"]
    code = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    for paths in outputs.values():
        Path(paths[0]).parent.mkdir(parents=True, exist_ok=True)
    exec(compile(code, str(source), "exec"), {"snakemake": job})
    executed = results / "notebooks" / ("" if name == WHOLE_STUDY else encoder) / f"{name}.ipynb"
    executed.parent.mkdir(parents=True, exist_ok=True)
    executed.write_bytes(source.read_bytes())
