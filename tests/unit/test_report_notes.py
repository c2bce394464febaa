"""Sentences of the report about what it shows and leaves out."""

import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
import report_study
import yaml
from report_study import TASK, page

from codestilts.csv_tables import read_csv, write_csv
from codestilts.reporting.html_report import browser_data, example_groups

results = report_study.results  # a fixture


@pytest.fixture
def copy(results: Path, tmp_path: Path) -> Path:
    """A copy of the results that a test may change."""
    return Path(shutil.copytree(results, tmp_path / "copy"))


def test_the_page_says_when_an_answer_is_right() -> None:
    row = {"target": "tags", "language": "go", "id": "1", "question": "", "text": "a", "gold": "a/N", "arm": "none"}
    table = pd.DataFrame([row | {"prediction": "a: V for N", "right": False, "note": "0 of 1 tokens right"}])
    task = {"tags": {"type": "tagging", "metric": "token_accuracy"}}
    assert browser_data(table, ["none"], task)["criteria"]["tags"] == {
        "says": "An answer is right if every token has the right tag. The score of this target is the token accuracy.",
        "otherwise": "Not all right",
    }
    (group,) = example_groups(table, {"tags": "tagging"})
    assert (group["right_if"], group["otherwise"]) == ("every token has the right tag", "not all right")


def test_only_a_wrong_language_is_marked_as_bad(copy: Path) -> None:
    samples = read_csv(copy / "sample_predictions.csv", texts=True)
    write_csv(samples.assign(note="2 of 7 tokens right"), copy / "sample_predictions.csv")
    html = page(copy)
    assert "<span>2 of 7 tokens right</span>" in html and "An answer is right if it is the right label." in html


def test_targets_of_mining_have_no_examples_and_the_page_says_why(copy: Path) -> None:
    tasks = {"parallel": {**yaml.safe_load(TASK), "options": {"protocol": "mining"}}}
    says = "There are no examples of parallel: an answer of mining is a set of pairs out of a whole collection."
    assert says not in page(copy)
    assert says in page(copy, tasks=tasks)


def test_what_is_said_of_the_browser_is_hidden_with_it(results: Path) -> None:
    html = page(results)
    (examples,) = re.findall(r'<h2 id="examples">(.*?)<h2', html, re.DOTALL)
    first, _, after = examples.partition("<h3>The same examples after several arms</h3>")
    assert "drawn at random" not in first and "drawn at random" in after
