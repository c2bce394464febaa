"""Validate a study without running it: config files (later ones win), task files and sources."""

import argparse
from pathlib import Path

from codestilts.config.notes import study_notes
from codestilts.config.schema import SCHEMAS
from codestilts.config.validation import read_study
from codestilts.errors import run
from codestilts.provenance import write_json
from codestilts.workflow.encoder_checks import check_encoders


def main() -> None:
    """Validate the study and print how many encoders, arms, targets and so on it has, and what is odd about it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("configs", nargs="*", type=Path, default=[Path("config.yaml")], help="YAML files of a study")
    parser.add_argument("--schemas", type=Path, help="also write the JSON schemas to this folder")
    arguments = parser.parse_args()
    if arguments.schemas:
        for name, model in SCHEMAS.items():
            write_json(arguments.schemas / f"{name}.json", model.model_json_schema())
    study = read_study(arguments.configs)
    check_encoders(study, Path())
    grid = {"encoders": study.encoders, "arms": study.arms, "targets": study.targets, "seeds": study.config.seeds}
    rest = {"languages": study.config.languages, "sources": study.used_sources}
    named = (grid | rest).items()
    counts = [f"{len(values)} {name.removesuffix('s') if len(values) == 1 else name}" for name, values in named]
    print(f"{study.name}: {', '.join(counts)}")
    for note in study_notes(study):
        print(f"note: {note}")


if __name__ == "__main__":
    run(main)
