"""Judge one claim from the predictions of its arms and targets."""

import argparse
from dataclasses import replace
from pathlib import Path

from codestilts.config.claim_settings import ClaimSettings
from codestilts.csv_tables import read_csv
from codestilts.errors import run
from codestilts.evaluation.claim_estimates import evaluate
from codestilts.evaluation.statistics.design import nearness
from codestilts.options import add_settings, new_file
from codestilts.provenance import parquet_files, write_json
from codestilts.workflow.commands import run_command


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--predictions", nargs="*", type=Path, default=[], help="tables (parquet) or folders of them")
    parser.add_argument("--records", nargs="*", type=Path, default=[], help="folders of target models")
    parser.add_argument("--languages", nargs="?", help="similarity table (CSV), if it matters")
    add_settings(parser, ClaimSettings)
    parser.add_argument("--out", type=new_file, required=True, help="the verdict (JSON), written")
    arguments = parser.parse_args()
    is_near = nearness(read_csv(arguments.languages)) if arguments.languages else None
    predictions = [str(path) for path in parquet_files(arguments.predictions)]
    records = sorted(path for folder in arguments.records for path in folder.glob("*/run.json"))
    settings = replace(arguments.settings, command=run_command(arguments.settings.command))
    found = evaluate(settings, predictions, records, is_near)
    write_json(arguments.out, found)
    for result in found["results"]:
        print(f"{found['claim']}  {result['encoder']}  {result['verdict']}: {result['why']}")


if __name__ == "__main__":
    run(main)
