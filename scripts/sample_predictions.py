"""Pick a few test examples and what some arms predicted for them."""

import argparse
import json
from pathlib import Path

import pandas as pd

from codestilts.csv_tables import write_csv
from codestilts.errors import run
from codestilts.reporting.sample_predictions import COLUMNS, chosen, showcase


def main() -> None:
    """Read examples and predictions, write a table for the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", nargs="+", type=Path, required=True, help="examples of each target (parquet)")
    parser.add_argument("--predictions", nargs="+", required=True, help="predictions of the arms to show (parquet)")
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON: targets, source_language, seen")
    parser.add_argument("--out", required=True, help="the table (CSV), written")
    arguments = parser.parse_args()
    facts, source = arguments.settings, arguments.settings["source_language"]
    predictions = pd.concat([pd.read_parquet(path) for path in arguments.predictions])
    predictions = predictions[(predictions["seed"] == predictions["seed"].min()) & (predictions["split"] == "test")]
    tables = [pd.DataFrame(columns=COLUMNS)]
    for path in arguments.examples:
        task = facts["targets"][path.stem]
        if (task.get("options") or {}).get("protocol") == "mining":
            continue
        examples = pd.read_parquet(path)
        tested = sorted(set(examples.loc[examples["split"] == "test", "language"]))
        unseen = [name for name in tested if name != source and name not in facts["seen"]]
        rows = chosen(examples, path.stem, [name for name in [source, *unseen[:1]] if name in tested])
        own = predictions[predictions["target"] == path.stem]
        tables.append(showcase(examples, path.stem, task["type"], own, rows))
    write_csv(pd.concat(tables, ignore_index=True), arguments.out)


if __name__ == "__main__":
    run(main)
