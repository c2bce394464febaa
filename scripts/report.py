"""Write the study as one self-contained page."""

import argparse
import json
from pathlib import Path

import pandas as pd

from codestilts.errors import run
from codestilts.files import read_yaml
from codestilts.provenance import atomic
from codestilts.reporting.html_report import render


def main() -> None:
    """Read the result tables and figures, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--results", type=Path, required=True, help="the study's folder of results")
    parser.add_argument("--sources", required=True, help="sources.csv")
    parser.add_argument("--tasks", nargs="+", type=Path, required=True, help="task files (YAML) of the study")
    parser.add_argument("--template", type=Path, required=True, help="the page's template")
    parser.add_argument("--image", type=Path, help="file with the digest of the image that the jobs ran in")
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON: the study's facts")
    parser.add_argument("--out", required=True, help="the page (HTML), written")
    arguments = parser.parse_args()
    sources = pd.read_csv(arguments.sources, dtype=str, keep_default_na=False)
    tasks = {path.stem: read_yaml(path) for path in arguments.tasks}
    template = arguments.template.read_text(encoding="utf-8")
    image = arguments.image.read_text(encoding="utf-8").split()[0] if arguments.image else ""
    page = render(template, arguments.results, sources, tasks, arguments.settings, image)
    with atomic(arguments.out) as temporary:
        temporary.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    run(main)
