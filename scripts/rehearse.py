"""Rehearse a study: write the overlay that makes it tiny, on what the hub has; or say what a rehearsal has covered."""

import argparse
import json
from functools import cache
from pathlib import Path

import yaml

from codestilts.config.study import Study
from codestilts.config.validation import load_study, read_configs
from codestilts.errors import CodeStiltsError, run
from codestilts.provenance import atomic, write_json


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configs", type=Path, nargs="+", required=True, help="config.yaml and the study's overlay")
    parser.add_argument("--cover", choices=["each", "pairs", "all"], default="each", help="how much of the grid")
    parser.add_argument("--overlay", type=Path, required=True, help="YAML to write; what can't be had goes beside it")
    parser.add_argument("--scores", type=Path, help="scores of a finished rehearsal: print what it has covered")
    arguments = parser.parse_args()
    study = load_study(read_configs(arguments.configs), ".", arguments.configs)
    if arguments.scores:
        report(study, arguments)
    else:
        plan(study, arguments)


def plan(study: Study, arguments: argparse.Namespace) -> None:
    """Ask the hub what it has, write the overlay."""
    from codestilts.examples.readers.repository import Repository
    from codestilts.sources.hub import card, listing
    from codestilts.workflow.rehearsal import available, overlay

    @cache
    def lookup(name: str) -> Repository | None:
        source = study.sources[name]
        if source.kind == "url" or (source.kind == "local" and not Path(source.id).exists()):
            return None  # an archive can't be fetched in part: a rehearsal takes what stands in for it
        if source.kind != "hub":
            return Repository([], "", name)
        try:
            files = listing(source)
        except CodeStiltsError as error:
            print(str(error).split(". ")[0])
            return None
        return Repository(list(files), card(source), source.id)

    found = available(study, lookup)
    made = overlay(study, found, arguments.cover)
    with atomic(arguments.overlay) as path:
        path.write_text(yaml.safe_dump(made, sort_keys=False, allow_unicode=True), encoding="utf-8")
    write_json(arguments.overlay.with_suffix(".reasons.json"), found.reasons)
    print(f"{arguments.overlay}: {len(made['grid'])} blocks, {len(made['arms'])} arms, {len(made['targets'])} targets")


def report(study: Study, arguments: argparse.Namespace) -> None:
    """Print what a finished rehearsal has covered."""
    from codestilts.csv_tables import read_csv
    from codestilts.workflow.rehearsal import coverage

    rehearsed = load_study(read_configs([*arguments.configs, arguments.overlay]), ".")
    reasons = json.loads(arguments.overlay.with_suffix(".reasons.json").read_bytes())
    scores = read_csv(arguments.scores)
    print("\n".join(coverage(study, rehearsed, scores, reasons)))


if __name__ == "__main__":
    run(main)
