"""Sentences of the report about what it shows and leaves out."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import report_study
import yaml
from report_study import SETTINGS, TASK, page

from codestilts.csv_tables import read_csv, write_csv
from codestilts.evaluation.claims_table import COLUMNS as CLAIM_COLUMNS
from codestilts.reporting.glossary import TERMS, Glossary
from codestilts.reporting.html_report import browser_data, example_groups
from codestilts.reporting.page_links import linked
from codestilts.reporting.transferability import undecided_rankings

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


def test_the_first_use_of_a_term_is_a_link_to_its_definition() -> None:
    glossary = Glossary()
    first = glossary.linked("<b> own form, zero-shot and own form")
    assert first == (
        '&lt;b&gt; <a class="term" href="#term-own-form-other-forms">own form</a>, '
        '<a class="term" href="#term-zero-shot">zero-shot</a> and own form'
    )
    assert glossary.linked("zero-shot") == "zero-shot"
    assert [term.name for term in glossary.entries] == ["own form, other forms", "zero-shot"]
    assert all(term.definition.count(". ") == 0 and term.definition.endswith(".") for term in TERMS), "one sentence"


def test_the_page_defines_the_terms_that_it_uses_once(results: Path) -> None:
    html = page(results)
    links = re.findall(r'<a class="term" href="#([\w-]+)"', html)
    assert links and len(links) == len(set(links))
    assert re.findall(r'<dt id="([\w-]+)"', html) == sorted(links)
    assert "term-zero-shot" in links and "term-multi-bootstrap" in links and "term-test-unit" in links


def test_near_targets_and_near_languages_have_words_of_their_own(results: Path) -> None:
    """Languages that are near the source language, and targets that share form and material with a task."""
    html = page(results)
    assert "near targets" not in html and ">near languages</a> (" in html


def test_a_language_under_other_names_is_part_of_the_design(results: Path) -> None:
    comparison = replace(SETTINGS.comparison, invented_languages=("invented",))
    html = page(results, replace(SETTINGS, comparison=comparison))
    (steps,) = re.findall(r'<ol class="steps">(.*?)</ol>', html, re.DOTALL)
    assert 'Outside all means: <a class="term" href="#term-invented">Invented</a>, which is another language' in steps


def test_downloads_of_a_figure_and_a_table_with_one_name_have_names_of_their_own(results: Path) -> None:
    names = re.findall(r'download="([^"]+)"', page(results))
    assert {"synthetic-tiny-checks.csv", "synthetic-tiny-checks-figure.csv"} <= {
        linked(results, "synthetic", kind, "checks", "tiny").file_name for kind in ("tables", "figures")
    }
    assert "synthetic-jobs-figure.csv" in names and len(names) == len(set(names))


def test_budgets_are_the_same_only_if_they_are(copy: Path) -> None:
    """The mean of 100 and 300 tokens is 200, from which each deviates by 50 %."""
    same, steps = (
        "All arms have the same budget.",
        re.compile(r"<b>2 · Intermediate training</b>(.*?)The arm", re.DOTALL),
    )
    html = page(copy)
    assert same in html and "Budgets differ:" not in html and "the same for every arm" in steps.findall(html)[0]
    runs = read_csv(copy / "runs.csv")
    runs.loc[runs["phase"] == "intermediate", "tokens"] = runs["arm"].map({"pos": 100, "cloze": 300})
    write_csv(runs, copy / "runs.csv")
    html = page(copy)
    assert "</span> the tokens of one arm deviate by 50.00 % from the mean of all arms." in html and same not in html
    assert "the same for every arm" not in steps.findall(html)[0]


def test_an_encoder_without_scores_of_none_has_no_heat_map_and_no_count_of_learnt_targets(copy: Path) -> None:
    counts, checks = read_csv(copy / "counts.csv"), read_csv(copy / "target_checks.csv")
    says = ("There are no scores without intermediate training", "This cannot be said: no target has scores")
    html = page(copy)
    assert 'id="figure-tiny-matrix"' in html and not any(text in html for text in says)
    write_csv(counts.assign(none=float("nan"), low=float("nan"), high=float("nan")), copy / "counts.csv")
    write_csv(checks[:0], copy / "target_checks.csv")
    html = page(copy)
    assert 'id="figure-tiny-matrix"' not in html and all(text in html for text in says)
    assert 'id="table-tiny-counts"' in html and "0 of 0" not in html


def test_targets_without_a_trivial_baseline_are_judged_by_random_weights_alone(copy: Path) -> None:
    checks = read_csv(copy / "target_checks.csv")
    write_csv(checks[(checks["rival_kind"] == "random") & checks["trained"]], copy / "target_checks.csv")
    html = re.sub(r"\s+", " ", page(copy))
    assert re.search(r"On Python, \d of \d fine-tuned targets beat random initial weights", html)
    assert "0 of 0" not in html


def test_the_page_says_what_is_not_fine_tuned_not_counted_and_not_recomputed(copy: Path) -> None:
    html = re.sub(r"\s+", " ", page(copy))
    assert "in points. Targets are fine-tuned on Python, but for parallel, which is not fine-tuned. Languages" in html
    assert "after fine-tuning on Python" not in html
    assert "<dt>hours of training</dt>" in html and "trials of learning rates cannot" not in html
    assert "the leakage audit, the match of tasks cannot: they need the examples." in html
    assert "dev and test examples of the target (split: train) or its test examples alone (split: dev)" in html
    targets = {name: replace(target, trained=False) for name, target in SETTINGS.comparison.targets.items()}
    untrained = page(copy, replace(SETTINGS, comparison=replace(SETTINGS.comparison, targets=targets)))
    assert "in points. No target is fine-tuned. Languages" in untrained


def test_rankings_whose_tasks_are_all_equal_are_named() -> None:
    """No task of equal size is ranked first; the same form is undecided for one target only."""
    first = {"size": ["", ""], "same_form": ["", "cloze"], "log_me": ["cloze", "pos"], "random": ["", ""]}
    choices = pd.DataFrame([{"ranking": name, "first": arm} for name, arms in first.items() for arm in arms])
    assert undecided_rankings(choices) == ["size"]


def test_the_page_says_how_what_would_decide_is_counted(copy: Path) -> None:
    """Contrasts with the correction for several contrasts, claims without it, but for that about the primary one."""
    of_contrasts = "The seeds or test rows that would decide a row are counted with its correction"
    html = re.sub(r"\s+", " ", page(copy))
    assert f"{of_contrasts}.</p>" in html and "for the same difference, the numbers may differ" not in html
    row = dict.fromkeys(CLAIM_COLUMNS, "") | {"claim": "code-helps", "encoder": "tiny", "verdict": "supported"}
    write_csv(pd.DataFrame([row]), copy / "claims.csv")
    html = re.sub(r"\s+", " ", page(copy))
    assert f'{of_contrasts}; those that would decide a <a href="#claims">claim</a>, other than' in html
    assert "for the same difference, the numbers may differ" in html
