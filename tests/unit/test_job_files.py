"""A missing or damaged output of an earlier job is one line that names it, for every reader of such files."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
import tiny
from grid_study import ROOT

from codestilts import csv_tables
from codestilts.columns import SUM_COLUMNS
from codestilts.errors import CodeStiltsError
from codestilts.evaluation.claim_estimates import dev_scores
from codestilts.evaluation.scoring import read_values, runs_of
from codestilts.evaluation.sum_tables import TEXTS, SumTables, names_in
from codestilts.examples.text_clusters import text_clusters
from codestilts.job_files import open_parquet, open_zip, read_batches, read_json, read_parquet
from codestilts.provenance import write_json
from codestilts.result_files import prediction_files, predictions_of, target_record, training_records
from codestilts.training import models, seed_jobs
from codestilts.training.seed_jobs import read_trials

TABLE_READERS: list[Callable[[Path], object]] = [
    read_parquet,
    open_parquet,
    lambda path: list(runs_of(str(path), "tags")),
    lambda path: read_values([str(path)]),
    lambda path: SumTables([str(path)], "tiny"),
    lambda path: names_in(str(path), "target"),
    lambda path: text_clusters({"tags": path, "pos": path}, ["tags"], 0.8),
]
DAMAGES: list[Callable[[bytes], bytes]] = [lambda whole: whole[:-9], lambda whole: b"", lambda whole: b"{}\n"]


@pytest.mark.parametrize("damage", DAMAGES, ids=["cut", "empty", "other"])
@pytest.mark.parametrize("read", TABLE_READERS, ids=range(len(TABLE_READERS)))
def test_a_damaged_table_is_one_line_that_names_it(
    read: Callable[[Path], object], damage: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    path = tmp_path / "table.parquet"
    pd.DataFrame({"target": ["tags"], "split": ["train"], "text": ["a"]}).to_parquet(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(CodeStiltsError, match=r"table\.parquet: not a table \(.*\): delete it, and make it") as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_a_table_damaged_within_or_without_a_column_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    pd.DataFrame({"id": [f"name {number}" for number in range(999)]}).to_parquet(path)
    with pytest.raises(CodeStiltsError, match=r"not a table .*tokens"):
        read_parquet(path, columns=["tokens"])
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + b"\xff" * 2000 + whole[2004:])
    with pytest.raises(CodeStiltsError, match=r"table\.parquet: not a table"):
        read_parquet(path)


@pytest.mark.parametrize(
    "read",
    [
        lambda path: list(read_batches(path, 10)),
        lambda path: SumTables([str(path)], "tiny").read("tags", "python"),
        lambda path: names_in(str(path), "unit"),
    ],
)
def test_rows_that_are_damaged_are_named_when_they_are_read(read: Callable[[Path], object], tmp_path: Path) -> None:
    path = tmp_path / "sums.parquet"
    columns = dict.fromkeys(SUM_COLUMNS, 1) | dict.fromkeys(TEXTS, "a")
    names = {"encoder": "tiny", "target": "tags", "language": "python"}
    pd.DataFrame({**columns, **names, "unit": [f"name {number}" for number in range(999)]}).to_parquet(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + b"\xff" * 9000 + whole[9004:])
    with pytest.raises(CodeStiltsError, match=r"sums\.parquet: not a table"):
        read(path)


def test_damaged_encoded_examples_and_weights_are_named(folder: Path, tmp_path: Path) -> None:
    tiny.examples("classification").to_parquet(tmp_path / "classification.parquet", index=False)
    job = tiny.target_job(folder, tmp_path)
    stored = tmp_path / "encoded/tiny/classification/train/data-00000-of-00001.arrow"
    stored.write_bytes(stored.read_bytes()[:-900])
    with pytest.raises(CodeStiltsError, match=r"\.arrow: not a table of encoded .*: delete its folder, and make it"):
        seed_jobs.train_seeds(job)
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    weights = (copy / models.ENCODER).read_bytes()
    (copy / models.ENCODER).write_bytes(weights[:-900])
    with pytest.raises(CodeStiltsError, match=r"copy: damaged weights \(.*\): delete it, and make it again"):
        models.load_encoder(copy)


def test_a_folder_in_place_of_a_file_is_not_to_be_deleted(tmp_path: Path) -> None:
    with pytest.raises(CodeStiltsError, match=r": a folder: name a file$"):
        read_json(tmp_path)


def test_unfinished_work_is_no_result(tmp_path: Path) -> None:
    names = [prediction_files, training_records]
    for work in ("0-1", ".0-1.work"):
        for name in (target_record("tiny", "none", "tags", work, 0), predictions_of("tiny", "none", "tags", work)):
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
    assert [[path.relative_to(tmp_path).as_posix() for path in find(tmp_path)] for find in names] == [
        ["predictions/tiny/none/tags/0-1.parquet"],
        ["target/tiny/none/tags/0-1/0/run.json"],
    ]


@pytest.mark.parametrize("text", ["", "{", "\xff", "{}", "[]", "5", "[5]", '[{"dev": 1}]', '[{"learning_rate": 1}]'])
def test_damaged_trials_are_one_line_that_names_them(text: str, tmp_path: Path) -> None:
    path = tmp_path / "pos.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(CodeStiltsError, match=r"pos\.json: not a .*: delete it, and make it again") as caught:
        read_trials(path)
    assert "\n" not in str(caught.value)


def test_a_damaged_zip_is_one_line_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "ccg.zip").write_bytes(b"PK")
    with pytest.raises(CodeStiltsError, match=r"ccg\.zip: not a zip \(File is not a zip file\): delete it, and make"):
        open_zip(tmp_path / "ccg.zip")


def test_a_damaged_record_of_a_run_is_one_line_that_names_it(tmp_path: Path) -> None:
    write_json(tmp_path / "run.json", {"curve": []})
    with pytest.raises(CodeStiltsError, match=r"run\.json: not a record of a run \(lacks 'dev'\): delete it"):
        dev_scores([tmp_path / "run.json"])


@pytest.mark.parametrize("read", [read_json, read_parquet, open_parquet, open_zip, csv_tables.read_csv])
def test_a_file_that_is_missing_or_closed_to_us_is_named(read: Callable[[Path], object], tmp_path: Path) -> None:
    with pytest.raises(CodeStiltsError, match=r"gone: no such file: make it, or name another$"):
        read(tmp_path / "gone")
    (tmp_path / "closed").write_text("{}")
    (tmp_path / "closed").chmod(0)
    if not os.access(tmp_path / "closed", os.R_OK):
        with pytest.raises(CodeStiltsError, match=r"closed: may not be read: change its permissions$"):
            read(tmp_path / "closed")


def test_no_module_reads_tables_of_jobs_in_another_way() -> None:
    """Readers of published archives have errors of their own, as has what is copied into an archive or a report."""
    own = ("examples/readers/", "examples/parsing/", "reporting/", "archiving/", "job_files.py")
    files = [*(ROOT / "src/codestilts").rglob("*.py"), *(ROOT / "scripts").glob("*.py")]
    names = {path: path.relative_to(ROOT).as_posix().removeprefix("src/codestilts/") for path in files}
    read = {names[path]: path.read_text(encoding="utf-8") for path in files if not names[path].startswith(own)}
    assert [name for name, text in read.items() if "pd.read_parquet(" in text or "pq.ParquetFile(" in text] == []
