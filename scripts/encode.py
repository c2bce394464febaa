"""Tokenise a task's examples with an encoder's tokenizer, for all jobs that train on the task or predict it."""

import argparse
from pathlib import Path

from codestilts.config.training_settings import EncodingSettings
from codestilts.errors import run
from codestilts.options import add_settings, new_folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", type=Path, required=True, help="folder of the tokenizer")
    parser.add_argument("--examples", type=Path, required=True, help="the task's table, named after it")
    add_settings(parser, EncodingSettings)
    parser.add_argument("--text-clusters", type=Path, help="text_clusters.parquet: what training leaves out")
    parser.add_argument("--out", type=new_folder, required=True, help="folder of the encoded task, written")
    args = parser.parse_args()

    from codestilts.training.encode import EncodingJob, encode_task

    encode_task(EncodingJob(args.settings, args.encoder, args.examples, args.out, args.text_clusters))


if __name__ == "__main__":
    run(main)
