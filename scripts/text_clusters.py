"""Cluster the texts of all examples of a study, and write which examples training and test sets share."""

import argparse
from pathlib import Path

from codestilts.config.preparation_settings import ClusteringSettings
from codestilts.errors import run
from codestilts.examples.text_clusters import text_clusters
from codestilts.options import add_settings, new_file
from codestilts.provenance import atomic


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=Path, nargs="+", required=True, help="examples of all tasks (parquet)")
    add_settings(parser, ClusteringSettings)
    parser.add_argument("--out", type=new_file, required=True, help="parquet: task, split, row, cluster")
    arguments = parser.parse_args()
    settings: ClusteringSettings = arguments.settings
    files = {path.stem: path for path in arguments.examples}
    clusters = text_clusters(files, settings.targets, settings.similarity)
    with atomic(arguments.out) as path:
        clusters.to_parquet(path, index=False)
    examples = clusters.drop_duplicates(["task", "row"])
    trained = examples["split"].eq("train").sum()
    print(
        f"{clusters['cluster'].nunique()} clusters of texts are in both training and test sets: "
        f"{trained} training examples, {len(examples) - trained} tested ones"
    )


if __name__ == "__main__":
    run(main)
