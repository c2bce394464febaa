"""Build and validate the examples of one task from functions, archives or other tasks' examples."""

import argparse
from pathlib import Path

from codestilts.config.preparation_settings import BuildSettings
from codestilts.errors import CodeStiltsError, run
from codestilts.examples.build import build_examples, summarize_examples
from codestilts.examples.builder_settings import Inputs
from codestilts.options import from_json, new_file
from codestilts.provenance import atomic


def main() -> None:
    """Read the arguments, build the examples, write and summarize them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--task", type=Path, required=True, help="YAML file of the task")
    parser.add_argument("--inputs", type=Path, nargs="+", required=True, help="functions, archives or examples")
    parser.add_argument("--near-duplicates", type=Path, help="near_duplicates.parquet (tasks made of functions)")
    read = from_json("--settings", BuildSettings)
    parser.add_argument("--settings", type=read, default="{}", help="JSON: train, dev, test, source_language, ...")
    parser.add_argument("--out", type=new_file, required=True, help="parquet file of examples to write")
    arguments = parser.parse_args()
    if not arguments.task.exists():
        raise CodeStiltsError(f"{arguments.task}: no such task file: name one of tasks/")
    inputs = Inputs({path.stem: path for path in arguments.inputs}, arguments.near_duplicates)
    frame, notes = build_examples(arguments.task, inputs, arguments.settings)
    with atomic(arguments.out) as path:
        frame.to_parquet(path, index=False)
    print("\n".join([summarize_examples(frame, arguments.task.stem), *notes]))


if __name__ == "__main__":
    run(main)
