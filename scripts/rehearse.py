"""Write the overlay that turns a study into a tiny rehearsal; with --scores, print what a rehearsal has covered."""

import argparse
from dataclasses import asdict
from pathlib import Path

import yaml
from pydantic import TypeAdapter

from codestilts.config.validation import read_study
from codestilts.csv_tables import read_csv
from codestilts.errors import run
from codestilts.options import add_configs, new_file
from codestilts.provenance import atomic, write_json
from codestilts.workflow.rehearsal import Gaps, find_available, hub_lookup, make_rehearsal
from codestilts.workflow.rehearsal_coverage import coverage_text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_configs(parser)
    parser.add_argument("--cover", choices=["each", "pairs", "all"], default="each", help="runs of the grid to keep")
    parser.add_argument(
        "--overlay", type=new_file, required=True, help="YAML of the rehearsal; .gaps.json is beside it"
    )
    parser.add_argument("--scores", type=Path, help="scores of a finished rehearsal: print what it has covered")
    arguments = parser.parse_args()
    study = read_study(arguments.configs)
    gaps = arguments.overlay.with_suffix(".gaps.json")
    if arguments.scores:
        rehearsed = read_study([*arguments.configs, arguments.overlay])
        known = TypeAdapter(Gaps).validate_json(gaps.read_bytes())
        print(coverage_text(study, rehearsed, read_csv(arguments.scores), known))
        return
    rehearsal = make_rehearsal(study, find_available(study, hub_lookup(study)), arguments.cover)
    with atomic(arguments.overlay) as path:
        path.write_text(yaml.safe_dump(rehearsal.overlay, sort_keys=False, allow_unicode=True), encoding="utf-8")
    write_json(gaps, asdict(rehearsal.gaps))
    blocks, arms, targets = (len(rehearsal.overlay[key]) for key in ("grid", "arms", "targets"))
    print(f"{arguments.overlay}: {blocks} blocks of the grid, {arms} arms, {targets} targets")


if __name__ == "__main__":
    run(main)
