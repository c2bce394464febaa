"""Draw the report of a study again from its archive, without training."""

import argparse
import sys
from collections import Counter
from pathlib import Path

from codestilts.archiving.contents import REPORT
from codestilts.display_names import counted
from codestilts.errors import run
from codestilts.release.comparison_text import comparison_text
from codestilts.workflow.redraw import compare_files, compare_tables, prepare, redraw


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--archive", type=Path, required=True, help="the study archive, or its unpacked folder")
    parser.add_argument("--folder", type=Path, default=Path("redrawn"), help="where the redraw's project is made")
    parser.add_argument("--cores", default="all", help="cores for Snakemake")
    parser.add_argument("--verify", action="store_true", help="compare with the archive; exit with 1 if tables differ")
    arguments = parser.parse_args()
    project = prepare(arguments.archive, Path(__file__).parents[1], arguments.folder)
    report = redraw(project, arguments.archive, arguments.cores)
    print(f"The report: {report}")
    if arguments.verify:
        tables = compare_tables(arguments.archive, project)
        print(comparison_text(tables))
        compared = compare_files(arguments.archive, project)
        for file in compared:
            if file.state != "equal":
                print(f"{file.state}: {file.name}{f': {file.first}' if file.first else ''}")
        counts = Counter(file.state for file in compared)
        words = [f"{counted(count, 'file')} {state}" for state, count in counts.items()]
        has_page = any(Path(file.name).name == REPORT for file in compared)
        what = "Tables, verdicts, data of figures and the text of the report"
        print(f"{what if has_page else 'Tables, verdicts and data of figures'}: {', '.join(words)}")
        if not has_page:
            print("not compared: the text of the report, which another version of the project has drawn")
        print("not recomputed, but as archived: predictions, records of runs, trials, the plan and sample predictions")
        sys.exit(int(tables.deviations > 0 or counts.total() > counts["equal"]))


if __name__ == "__main__":
    run(main)
