"""Build and check the examples of one task, from its YAML file: functions or archives -> examples/{task}.parquet."""

import argparse
import json
from pathlib import Path

from codestilts.errors import CodeStiltsError, run
from codestilts.examples.build import build_examples
from codestilts.provenance import atomic


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", type=Path, required=True, help="YAML file of the task")
    parser.add_argument("--inputs", type=Path, nargs="+", required=True, help="functions of languages or archives")
    parser.add_argument("--clusters", type=Path, help="near_duplicates.parquet (tasks made of functions)")
    parser.add_argument("--settings", type=json.loads, default={}, help="JSON: train, dev, test, source_language, ...")
    parser.add_argument("--out", type=Path, required=True, help="parquet of examples")
    arguments = parser.parse_args()
    if not arguments.task.exists():
        raise CodeStiltsError(f"no task file {arguments.task}")
    inputs = {path.stem: path for path in arguments.inputs}
    if arguments.clusters:
        inputs["clusters"] = arguments.clusters
    frame, notes = build_examples(arguments.task, inputs, arguments.settings)
    with atomic(arguments.out) as path:
        frame.to_parquet(path, index=False)
    counts = (frame["split"] + " " + frame["language"]).value_counts().sort_index()
    parts = [f"{name} {count}" for name, count in counts.items()]
    print("\n".join([f"{arguments.task.stem}: {', '.join(parts)}", *notes]))


if __name__ == "__main__":
    run(main)
