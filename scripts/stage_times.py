"""Print the time and memory that each stage of a study has taken so far, as a Markdown table."""

import argparse
from pathlib import Path

from codestilts.errors import CodeStiltsError, run
from codestilts.workflow.benchmarks import stage_times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--benchmarks", type=Path, required=True, help="folder of a study's benchmark files")
    benchmarks = parser.parse_args().benchmarks
    rows = stage_times(benchmarks)
    if not rows:
        raise CodeStiltsError(f"{benchmarks}: no benchmark files of jobs: run the study first, or name its folder")
    print("| stage | jobs | minutes of all jobs | longest job, s | largest job, MB |\n|---|---:|---:|---:|---:|")
    for row in rows:
        memory = f"{row['memory']:.0f}" if row["memory"] else ""
        print(f"| {row['stage']} | {row['jobs']} | {row['seconds'] / 60:.1f} | {row['longest']:.0f} | {memory} |")
    page = benchmarks.with_name("report.html")
    if page.exists() and not Path("study.json").exists():  # a redraw names the report itself
        newest = max(path.stat().st_mtime for path in benchmarks.rglob("*.tsv") if path.stem != "report")
        age = ", older than the last of these jobs" if newest > page.stat().st_mtime else ""
        print(f"\nThe report{age}: {page}")


if __name__ == "__main__":
    run(main)
