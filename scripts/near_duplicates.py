"""Group near-duplicate functions of all languages: functions/*.parquet -> near_duplicates.parquet."""

import argparse
from pathlib import Path

import pandas as pd

from codestilts.errors import run
from codestilts.examples.near_duplicates import cluster
from codestilts.job_files import read_parquet
from codestilts.options import new_file
from codestilts.provenance import atomic


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=Path, nargs="+", required=True, help="functions of each language")
    parser.add_argument("--out", type=new_file, required=True, help="parquet: id, cluster, split")
    arguments = parser.parse_args()
    columns = ["id", "package_split", "name", "doc", "tokens"]
    functions = pd.concat([read_parquet(path, columns=columns) for path in sorted(arguments.inputs)])
    clusters = cluster(functions)
    with atomic(arguments.out) as path:
        clusters.to_parquet(path, index=False)
    own = clusters["id"].map(functions.set_index("id")["package_split"])
    count, foreign = clusters["cluster"].nunique(), int((own != clusters["split"]).sum())
    print(f"{len(clusters)} functions in {count} clusters; {foreign} are outside their cluster's split")


if __name__ == "__main__":
    run(main)
