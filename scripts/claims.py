"""Write the table of all claims of a study, including those that it cannot decide."""

import argparse
from dataclasses import replace
from pathlib import Path

from codestilts.config.claim_settings import ClaimsSettings
from codestilts.csv_tables import read_csv, write_csv
from codestilts.errors import run
from codestilts.evaluation.claims_table import claims_table
from codestilts.job_files import read_json
from codestilts.options import add_settings, new_file
from codestilts.workflow.commands import run_command


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--claims", nargs="*", type=Path, default=[], help="verdicts (JSON) of scripts/claim.py")
    parser.add_argument("--contrasts", required=True, help="the study's contrasts (CSV)")
    add_settings(parser, ClaimsSettings)
    parser.add_argument("--out", type=new_file, required=True, help="the table (CSV), written")
    arguments = parser.parse_args()
    found = [read_json(path) for path in arguments.claims]
    settings: ClaimsSettings = arguments.settings
    absent = tuple(replace(one, command=run_command(one.command)) for one in settings.undecidable)
    table = claims_table(replace(settings, undecidable=absent), found, read_csv(arguments.contrasts))
    write_csv(table, arguments.out, float_format="%.6f")


if __name__ == "__main__":
    run(main)
