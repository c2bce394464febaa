"""Write the archive of a finished study: one zip from which its report can be drawn again."""

import argparse
from pathlib import Path

from codestilts.config.validation import load_study, read_configs
from codestilts.errors import run
from codestilts.provenance import file_digest
from codestilts.workflow.study_archive import make_archive


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--configs", type=Path, nargs="+", required=True, help="config.yaml and the study's overlay")
    parser.add_argument("--out", type=Path, help="the zip, written; default: results/STUDY.zip")
    arguments = parser.parse_args()
    study = load_study(read_configs(arguments.configs), ".", arguments.configs)
    out = arguments.out or Path("results") / f"{study.name}.zip"
    files = make_archive(study, arguments.configs, Path(), out)
    print(f"{out}: {len(files):,} files, {out.stat().st_size / 1e6:,.1f} MB, sha256 {file_digest(out)}")


if __name__ == "__main__":
    run(main)
