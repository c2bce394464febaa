"""Compare arms: tidy scores, effects, contrasts, checks of targets and counts, with intervals."""

import argparse
import json
from pathlib import Path

import pandas as pd

from codestilts.errors import CodeStiltsError, run
from codestilts.provenance import atomic
from codestilts.scoring import concatenate, primary, tidy
from codestilts.statistics.bootstrap import resample
from codestilts.statistics.contrasts import contrasts, counts, effects, target_checks
from codestilts.statistics.design import design_of

TABLES = {"effects": effects, "contrasts": contrasts, "target_checks": target_checks, "counts": counts}


def main() -> None:
    """Read sums, write one CSV a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sums", nargs="+", required=True, help="tables of sums (parquet), of arms and baselines")
    parser.add_argument("--languages", required=True, help="the language table (CSV)")
    parser.add_argument("--settings", type=json.loads, required=True, help="JSON: the study's facts and statistics")
    for name in ("scores", *TABLES):
        parser.add_argument(f"--{name.replace('_', '-')}", required=True, help=f"{name} (CSV), written")
    arguments = parser.parse_args()
    facts = arguments.settings
    sums = concatenate(pd.read_parquet(path) for path in arguments.sums)
    languages = pd.read_csv(arguments.languages)
    write(tidy(sums, facts), arguments.scores)
    sums = primary(sums, facts)
    # A trivial baseline knows no encoder: it is compared with each.
    baselines = sums[sums["arm"].str.startswith("baseline:")]
    own = sums[~sums["arm"].str.startswith("baseline:")]
    if own.empty:
        raise CodeStiltsError(f"{', '.join(arguments.sums)}: no scores of any arm: predict first")
    found: dict[str, list[pd.DataFrame]] = {name: [] for name in TABLES}
    for encoder, rows in own.groupby("encoder", sort=True):
        cells = resample(pd.concat([rows, baselines]), facts["resamples"], facts.get("seed", 0))
        design = design_of(facts, languages, str(encoder))
        for name, ask in TABLES.items():
            found[name].append(ask(cells, design).assign(encoder=encoder))
    for name, tables in found.items():
        table = pd.concat(tables, ignore_index=True)
        write(table[["encoder", *table.columns.drop("encoder")]], getattr(arguments, name))


def write(table: pd.DataFrame, path: str) -> None:
    """Write a CSV with six decimals, so that the last bits of sums do not depend on the machine's threads."""
    with atomic(Path(path)) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6f")


if __name__ == "__main__":
    run(main)
