"""Write the report: the study as one self-contained page."""

import argparse
from pathlib import Path

import pandas as pd

from codestilts.config.analysis_settings import ReportSettings
from codestilts.csv_tables import read_csv
from codestilts.errors import run
from codestilts.files import read_yaml
from codestilts.options import add_settings, new_file
from codestilts.provenance import atomic
from codestilts.reporting.html_report import ReportInputs, render
from codestilts.workflow.energy import benchmarked_hours, energy_of_study


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="the study's folder of results")
    parser.add_argument("--sources", required=True, help="sources.csv")
    parser.add_argument("--tasks", nargs="+", type=Path, required=True, help="task files (YAML) of the study")
    parser.add_argument(
        "--template", type=Path, required=True, help="template of the page, beside its style and script"
    )
    parser.add_argument("--overlays", nargs="*", default=[], help="the study's config files over config.yaml")
    parser.add_argument("--image", type=Path, help="file with the digest of the container image of the jobs")
    add_settings(parser, ReportSettings)
    parser.add_argument("--out", type=new_file, required=True, help="the page (HTML), written")
    arguments = parser.parse_args()
    hours = benchmarked_hours(arguments.results / "benchmarks", arguments.settings.gpus)
    inputs = ReportInputs(
        template=arguments.template,
        results=arguments.results,
        sources=pd.read_csv(arguments.sources, dtype=str, keep_default_na=False),
        tasks={path.stem: read_yaml(path) for path in arguments.tasks},
        settings=arguments.settings,
        energy=energy_of_study(read_csv(arguments.results / "runs.csv"), hours),
        overlays=arguments.overlays,
        image=arguments.image.read_text(encoding="utf-8").split()[0] if arguments.image else "",
    )
    page = render(inputs)
    with atomic(arguments.out) as temporary:
        temporary.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    run(main)
