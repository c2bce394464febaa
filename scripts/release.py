"""Write a study's release: the tables, digests and tolerances that `make verify` compares other results with."""

import argparse
from pathlib import Path

from codestilts.config.validation import read_study
from codestilts.errors import run
from codestilts.options import add_configs, new_folder
from codestilts.release.extent import in_words
from codestilts.release.write import write_release


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_configs(parser)
    parser.add_argument("--results", type=Path, required=True, help="the study's folder of results")
    parser.add_argument("--out", type=new_folder, required=True, help="folder of the release, which is replaced")
    arguments = parser.parse_args()
    study = read_study(arguments.configs)
    record = write_release(study, arguments.results, arguments.out)
    size = sum(path.stat().st_size for path in arguments.out.rglob("*") if path.is_file())
    print(f"{arguments.out}: {in_words(record) or 'all runs'}, {size / 1000:,.0f} kB")
    if "tolerances" not in record:
        print("without tolerances, so that no other machine can be compared: make rounding, then make release")


if __name__ == "__main__":
    run(main)
