"""Write the archive of a finished study: one zip from which its report can be drawn again."""

import argparse
from pathlib import Path

from codestilts.config.validation import read_study
from codestilts.errors import run
from codestilts.options import add_configs, new_file
from codestilts.provenance import file_digest
from codestilts.workflow.study_archive import make_archive


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add_configs(parser)
    parser.add_argument("--out", type=new_file, help="the zip, written; default: results/STUDY.zip")
    arguments = parser.parse_args()
    study = read_study(arguments.configs)
    out = arguments.out or Path("results") / f"{study.name}.zip"
    files = make_archive(study, arguments.configs, Path(), out)
    print(f"{out}: {len(files):,} files, {out.stat().st_size / 1e6:,.1f} MB, sha256 {file_digest(out)}")


if __name__ == "__main__":
    run(main)
