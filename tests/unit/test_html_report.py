"""The report, its tables and its figures, from a synthetic study."""

import base64
import hashlib
import json
import re
import shutil
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest
import report_study
import synthetic
import yaml
from report_study import EVIL, SETTINGS, TASK, page

from codestilts.config.analysis_settings import ReportedArm
from codestilts.config.schema_task import TaskFile
from codestilts.csv_tables import read_csv, write_csv
from codestilts.errors import CodeStiltsError
from codestilts.evaluation.comparison import STATISTICS
from codestilts.evaluation.statistics.design import design_of
from codestilts.evaluation.statistics.resampling import resample
from codestilts.reporting import figures
from codestilts.reporting.answer import contrast_languages
from codestilts.reporting.html_report import BROWSED, browser_data, learning_rate, number_range
from codestilts.reporting.page_links import linked
from codestilts.reporting.run_records import examples_seen, matched
from codestilts.reporting.score_tables import checkpoint_scores, layer_scores
from codestilts.reporting.study_tables import control_name
from codestilts.reporting.svg import embedded_svg
from codestilts.reporting.tables import with_interval
from codestilts.workflow.slurm_efficiency import COLUMNS

results = report_study.results  # a fixture


@pytest.fixture(scope="module")
def html(results: Path) -> str:
    """The page of these results."""
    return page(results)


@pytest.fixture
def copy(results: Path, tmp_path: Path) -> Path:
    """A copy of the results that a test may change."""
    return Path(shutil.copytree(results, tmp_path / "copy"))


def scripts(html: str) -> int:
    """The number of scripts of a page that has no predictions to browse: its own."""
    return html.lower().count("<script")


def test_the_page_escapes_whatever_data_holds(html: str, copy: Path):
    assert scripts(html) == 1
    assert html.count("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;") == 5
    assert "MIT &amp; more" in html
    row = {"target": "match", "language": "go", "id": "1", "question": EVIL, "text": EVIL, "gold": EVIL, "arm": "none"}
    row |= {"prediction": "</script>" + EVIL, "right": False, "note": ""}
    pd.DataFrame([row]).to_parquet(copy / BROWSED)
    browsable = page(copy)
    assert scripts(browsable) == 2 and browsable.lower().count("</script") == 2
    data = re.search(r'id="predictions">(.*?)</script>', browsable)
    assert data and json.loads(data[1])["texts"] == ["</script>" + EVIL, EVIL]


def test_only_the_script_of_the_page_may_run(html: str):
    """The digest of the policy is that of the script (W3C, CSP Level 3), and the policy allows no address."""
    policy = re.search(r'http-equiv="Content-Security-Policy" content="(.*?)"', html)
    script = re.search(r"<script>(.*)</script>", html, re.DOTALL)
    assert policy and script
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert policy[1] == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def test_figures_and_tables_link_their_notebook_their_data_and_the_command_that_makes_them(results: Path, html: str):
    for name, notebook in (("effects", "effects"), ("budgets", "training"), ("languages", "languages")):
        (links,) = re.findall(rf'<ul class="links">(?:(?!</ul>).)*tables/tiny/{name}\.tex.*?</ul>', html, re.DOTALL)
        assert f'href="notebooks/tiny/{notebook}.ipynb"' in links and f'href="tables/tiny/{name}.csv"' in links
        command = f"snakemake --cores all --force results/synthetic/tables/tiny/{name}.csv"
        assert f"<code>{command} --configfile studies/synthetic.yaml</code>" in links
        data = re.search(r'href="data:text/csv;charset=utf-8;base64,(.*?)" download="synthetic-tiny-(\w+)\.csv"', links)
        assert data and data[2] == name
        assert base64.b64decode(data[1]) == (results / f"tables/tiny/{name}.csv").read_bytes()
    (study,) = re.findall(r'<ul class="links">(?:(?!</ul>).)*tables/arms\.tex.*?</ul>', html, re.DOTALL)
    assert 'href="notebooks/study.ipynb"' in study


def test_every_table_has_its_links(html: str):
    """The answers to single examples have one list of links together."""
    tables = len(re.findall(r"<table", html)) - html.count('<caption class="visually-hidden">Answers, ')
    assert tables + 2 == html.count('<ul class="links">'), "one is of the figure of jobs, one of all answers"
    assert 'href="sample_predictions.csv"' in html and "<code>scripts/sample_predictions.py</code>" in html
    command = "snakemake --cores all --force results/synthetic/sample_predictions.csv --configfile"
    assert f"<code>{command} studies/synthetic.yaml</code>" in html


def test_every_table_has_a_caption(html: str):
    captions = re.findall(r"<table[^>]*>\s*<caption[^>]*>\s*(.)", html)
    assert len(captions) == html.count("<table")


def test_figures_without_data_are_an_error_that_names_them(tmp_path: Path):
    with pytest.raises(CodeStiltsError, match=r"figures/tiny/primary\.csv: missing: run the study up to it"):
        linked(tmp_path, "pocket", "figures", "primary", "tiny")


def test_heat_maps_have_a_detail_in_each_cell(results: Path, html: str):
    """Thirty units with two examples each."""
    (row,) = pd.read_csv(results / "counts.csv").query("language == 'go' and target == 'match'").to_dict("records")
    value = with_interval(row["none"], row["low"], row["high"], signed=False)
    detail = f"match in Go: {value} points, 60 test examples"
    assert f'data-detail="{detail}">{row["none"]:.0f}</td>' in html


def test_the_page_needs_nothing_from_outside(html: str):
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert "https://" not in html
    assert " src=" not in html and "@import" not in html and "fetch(" not in html


def test_the_page_answers_the_questions_of_a_reader(html: str):
    for anchor in ("design", "effects", "contrasts", "languages", "learning", "training", "examples", "data", "limits"):
        assert f'id="{anchor}"' in html
        assert f'href="#{anchor}"' in html
    assert "intermediate-task training on code" in html
    assert "code minus English, 95 % interval" in html
    assert '<td class="n">0.' in html and "absent from the training of targets and from all code tasks" in html
    assert "extract functions" in html


def test_languages_of_sources_have_the_names_that_readers_look_for(html: str):
    assert "<td>1</td><td>Go, C++</td><td>test</td>" in html


def test_untrained_targets_that_lose_to_a_rival_are_named(results: Path, tmp_path: Path):
    shutil.copytree(results, tmp_path / "results")
    checks = read_csv(tmp_path / "results/target_checks.csv")
    frozen = checks["target"] == "parallel"
    assert frozen.any() and not checks.loc[frozen, "trained"].any()
    for passed, text in ((True, "1 beats all of these rivals."), (False, "0 beat all of these rivals (<span")):
        checks["passed"] = checks["passed"].where(~frozen, passed)
        write_csv(checks, tmp_path / "results/target_checks.csv")
        html = page(tmp_path / "results")
        assert f"Of the 1 target that is not fine-tuned, {text}" in html
    assert '<span class="bad">not parallel</span>' in html


def test_controls_are_explained_where_they_are_named():
    masked, shuffled = ReportedArm("control", ("mlm",)), ReportedArm("control", ("mlm",), shuffle_labels=True)
    types = {"mlm": "mlm", "match": "classification"}
    assert control_name(masked, types) == "masked language modelling"
    assert control_name(shuffled, types) == "shuffled labels"
    assert control_name(ReportedArm("control", (), "random"), types) == "random weights"
    assert control_name(ReportedArm("control", ("match",)), types) == ""


def test_a_task_file_with_nothing_but_what_it_must_have_is_shown(results: Path):
    required = {name for name, field in TaskFile.model_fields.items() if field.is_required()}
    whole = yaml.safe_load(TASK)
    least = {key: value for key, value in whole.items() if key in required}
    assert least.keys() < whole.keys()
    assert "Licence: MIT</p>" in page(results, tasks={"cloze": least})


def test_learning_rates_have_one_form():
    assert [learning_rate(rate) for rate in (0.0005, 0.00017, 5e-5, "5e-05", 0.0)] == [
        "5e-4", "1.7e-4", "5e-5", "5e-5", "0"
    ]  # fmt: skip


def test_arms_to_browse_have_the_order_of_the_study():
    row = {"target": "match", "language": "go", "id": "1", "question": "", "text": "", "gold": "a", "note": ""}
    table = pd.DataFrame([row | {"arm": arm, "prediction": arm, "right": True} for arm in ("pos", "cloze", "none")])
    task = {"match": {"type": "classification", "metric": "accuracy"}}
    data = browser_data(table, ["none", "cloze", "pos"], task)
    assert data["arms"] == ["none", "cloze", "pos"]
    answers = data["cells"]["match"]["go"][0]["answers"]
    assert [data["texts"][number] for number, _, _ in answers] == ["none", "cloze", "pos"]


def test_remarks_on_an_encoder_are_among_the_limits(results: Path, html: str):
    remarked = page(results, replace(SETTINGS, encoder_sources={"tiny": "a-package"}))
    assert "<li><b>Pretrained encoder.</b> fine-tuned &amp; more</li>" in remarked
    assert "<b>Pretrained encoder" not in html


def test_the_page_shows_the_use_of_slurm_if_there_is_any(html: str, copy: Path):
    assert "Slurm" not in html
    values = [[EVIL, 4, 5, 1, 2.5, 2.5, 0.25, 0.8, None, 0.5, 0.1], ["score", 1, 1, 0, 0.1, 0, 0, 0.4, 0.3, 0.2, None]]
    pd.DataFrame(values, columns=COLUMNS).to_csv(copy / "efficiency.csv", index=False)
    used = page(copy)
    assert "in Slurm" in used and used.count("<svg") == 1
    assert '<td class="n">80 %</td><td class="n"></td><td class="n">50 %</td><td class="n">10 %</td>' in used
    assert scripts(used) == 1


def test_a_missing_table_is_named(tmp_path: Path):
    with pytest.raises(CodeStiltsError, match=r"claims\.csv.*missing"):
        page(tmp_path)


def test_figures_go_in_without_clashing_ids(tmp_path: Path):
    (tmp_path / "a.svg").write_text(
        '<?xml version="1.0"?><!DOCTYPE svg><svg width="10pt" height="5pt" viewBox="0 0 10 5">'
        '<metadata>x</metadata><g id="g"/><use href="#g" clip-path="url(#g)"/></svg>'
    )
    svg = embedded_svg((tmp_path / "a.svg").read_text(), "one")
    assert svg.startswith('<svg aria-hidden="true" style="width:13px" viewBox')
    assert 'id="one-g"' in svg
    assert 'href="#one-g"' in svg
    assert "url(#one-g)" in svg
    assert "metadata" not in svg


def test_tasks_of_a_form_are_shown_with_what_learning_added(results: Path, html: str):
    tasks = pd.read_csv(results / "matched_tasks.csv")
    scores = pd.DataFrame({"alone": [81.5, 3], "labels shuffled": [1.0, 2]}, index=["cloze", "pos"])
    arms = {"cloze": ReportedArm("code", ("cloze",)), "both": ReportedArm("mixed", ("cloze", "pos"))}
    arms["shuffled"] = ReportedArm("control", ("cloze",), shuffle_labels=True)
    names = ["cloze", "cloze", "both", "shuffled"]
    runs = pd.DataFrame({"phase": "intermediate", "arm": names, "examples_seen": [300, 301, 7, 9]})
    seen = examples_seen(runs, arms)
    (row,) = matched(tasks, scores, seen).to_dict("records")
    assert (row["trivial"], row["alone"], row["seen"]) == (50, 81.5, 300) and "labels shuffled" not in row
    assert matched(tasks, scores, seen.drop("cloze"))["seen"].tolist() == [""], "of a task that no arm has alone"
    assert "Intermediate tasks by form and domain" in html and '<td class="n places">75 25</td>' in html


def test_budgets_in_words():
    assert number_range(pd.Series([300, 300])) == "300"
    assert number_range(pd.Series([300, 1200])) == "300 to 1\u202f200"
    assert number_range(pd.Series([2040.2, 2048.9])) == "2\u202f000"


def test_a_rehearsal_says_that_its_numbers_mean_nothing(results: Path, html: str) -> None:
    rehearsed = page(results, replace(SETTINGS, rehearsal=True))
    assert "Its numbers mean nothing" in rehearsed and "helps more than" not in rehearsed
    assert "Its numbers mean nothing" not in html


def test_a_number_that_is_not_comparable_says_so(results: Path, html: str) -> None:
    assert "Not comparable" not in html and "†" not in html
    sampled = page(results, replace(SETTINGS, sampled={"match": ("dev", "test")}))
    assert "† Not comparable with published numbers: <em>match</em>, this study draws only a part" in sampled
    assert sampled.count("match †") >= 4 and "tags †" not in sampled


def test_checkpoints_and_layers_stand_beside_each_other(results: Path, html: str) -> None:
    scores = pd.read_csv(results / "scores.csv", keep_default_na=False)
    metrics = {name: target.metric for name, target in synthetic.SETTINGS.targets.items()}
    others = scores.assign(metric="macro_f1_declared", value=0.0)  # shown beside a target's own, but not averaged
    three = pd.concat(
        [table.assign(checkpoint=name) for name in ("oracle", "dev", "last") for table in (scores, others)]
    )
    table = checkpoint_scores(three, metrics)
    assert list(table) == ["dev", "last", "oracle"] and set(table.index) >= {"match", "tags"}
    own = scores[(scores["target"] == "match") & scores["zero_shot"] & (scores["family"] != "control")]
    trained = own[own["checkpoint"] != ""]
    assert table.loc["match"].tolist() == pytest.approx([100 * trained["value"].mean()] * 3)
    assert checkpoint_scores(scores, metrics).empty
    layers = layer_scores(pd.read_csv(results / "layers.csv", keep_default_na=False))
    assert list(layers) == [2, 4] and layers.loc["parallel"].tolist() == pytest.approx([20, 40])
    assert "Frozen retrieval without intermediate training, by the transformer block" in html


def test_a_study_of_one_seed_has_a_page_without_intervals(copy: Path) -> None:
    scores = resample(synthetic.sums(seeds=1, units=30), 200, 0)
    design = design_of(synthetic.SETTINGS, synthetic.language_rows(), "tiny")
    for name, statistic in STATISTICS.items():
        statistic(scores, design).assign(encoder="tiny").to_csv(copy / f"{name}.csv", index=False)
    figures.style()
    table = pd.read_csv(copy / "contrasts.csv")
    figures.save(figures.primary(table, 1.0), table, copy / "primary")
    drawn = pd.read_csv(copy / "effects.csv").head(9)
    figures.save(figures.effects(drawn, "all groups"), drawn, copy / "effects")
    html = page(copy)
    assert "There is no verdict on training on code minus training on English: one seed." in html
    assert "(no verdict: match, search, tags)" in html and "nan" not in html
    assert set(table["verdict"]) == {"no verdict: one seed"}


def test_the_page_says_clean_only_if_nothing_is_shared(html: str, copy: Path) -> None:
    clean, shared = "No training set overlaps with a test set", "1 pair of a training set and a test set overlap"
    assert clean in html and shared not in html
    table = pd.read_csv(copy / "audit.csv")
    for column in ("functions", "source_clusters", "copies", "shared_texts", "clusters"):
        table.assign(**{column: 1}).to_csv(copy / "audit.csv", index=False)
        overlapping = page(copy)
        assert clean not in overlapping and shared in overlapping and "<li>cloze and match: " in overlapping


def test_the_language_of_generated_texts_is_marked(copy: Path) -> None:
    row = read_csv(copy / "sample_predictions.csv", texts=True).iloc[0].to_dict()
    notes = {
        "none": "in the wrong language: Python",
        "pos": "in the right language",
        "qa": "in no language that can be told",
    }
    rows = [row | {"arm": arm, "note": note} for arm, note in notes.items()]
    write_csv(pd.DataFrame(rows), copy / "sample_predictions.csv")
    html = page(copy)
    assert [html.count(note) for note in notes.values()] == [1, 1, 1]
    assert f'<span class="bad">{notes["qa"]}' in html and f"<span>{notes['pos']}" in html
    assert 'id="generation"' not in html


def test_the_quality_and_language_of_generated_texts_are_a_table(copy: Path) -> None:
    row = {"target": "complete", "arm": "none", "method": "full", "learning_rate": 1e-3, "languages": "zero-shot"}
    measured = [
        {"quality": 12.34, "wrong_language": 56.78, "unknown_language": 4.44, "cut": 3.21},
        {"quality": 2.5},
    ]
    table = pd.DataFrame([row | {"arm": arm} | values for arm, values in zip(("none", "slow"), measured, strict=True)])
    write_csv(table, copy / "tables/tiny/wrong-language.csv")
    html = page(copy, replace(SETTINGS, generation=True))
    assert 'id="generation"' in html
    shown = pd.read_html(StringIO(html), attrs={"id": "table-tiny-wrong-language"})[0]
    assert shown["wrong language"].tolist()[0] == 56.8 and shown["cut"].isna().tolist() == [False, True]
    assert shown[["unknown language", "cut"]].iloc[0].tolist() == [4.4, 3.2]
    assert shown["quality"].tolist() == [12.3, 2.5] and shown["learning rate"].tolist() == [1e-3, 1e-3]


def test_targets_whose_texts_an_archive_lacks_are_named_with_the_reason(html: str, copy: Path) -> None:
    """The predictions of tags are there, those of match are not, and there are samples of neither."""
    recomputed = "can be recomputed from <code>predictions/</code>, <code>retrieval/</code>"
    assert recomputed in html and 'id="closed"' not in html and "lacks" not in html
    (copy / "predictions/tiny/none/tags").mkdir(parents=True)
    (copy / "predictions/tiny/none/tags/0-2.parquet").touch()
    samples = read_csv(copy / "sample_predictions.csv", texts=True)
    write_csv(samples[~samples["target"].isin(["match", "tags"])], copy / "sample_predictions.csv")
    redrawn = page(copy)
    assert "Not shown: match, tags. This page was drawn from an archive" in redrawn and "lacks match, whose" in redrawn
    assert recomputed not in redrawn and "The same examples after several arms" in redrawn
    write_csv(samples[:0], copy / "sample_predictions.csv")
    redrawn = page(copy)
    assert "Not shown: match, tags, search, parallel." in redrawn
    assert "The same examples after several arms" not in redrawn and "drawn at random" not in redrawn


def test_characters_that_nobody_sees_are_shown(copy: Path) -> None:
    row = pd.read_csv(copy / "sample_predictions.csv", dtype=str).iloc[0].to_dict()
    row |= {"text": "a\rb\0c\u202e", "question": "NA"}
    write_csv(pd.DataFrame([row]), copy / "sample_predictions.csv")
    html = page(copy)
    assert "<pre>a\u240db\u2400c⟨U+202E⟩</pre>" in html and "<p>NA</p>" in html


@pytest.mark.parametrize(("chosen", "names"), [("unseen", ["c", "go", "java"]), ("near", ["java"])])
def test_the_page_names_the_languages_of_the_contrast(results: Path, chosen: str, names: list[str]) -> None:
    contrasts = pd.read_csv(results / "contrasts.csv", keep_default_na=False)
    design = design_of(replace(synthetic.SETTINGS, language_set=chosen), synthetic.language_rows(), "tiny")
    assert contrast_languages(contrasts, design) == names


def test_a_study_without_both_families_says_so_and_shows_its_largest_gain(copy: Path):
    """Without rows of the contrast, its tables and figures would be empty: they are left out."""
    contrasts = read_csv(copy / "contrasts.csv")
    write_csv(contrasts[contrasts["role"] == "gain"], copy / "contrasts.csv")
    (copy / "figures/tiny/similarity.svg").write_text("<svg width='1pt' viewBox='0 0 1 1'></svg>")
    (copy / "figures/tiny/similarity.csv").write_text("language,difference\n")
    arms = {
        name: replace(arm, family="variant" if arm.family == "english" else arm.family)
        for name, arm in SETTINGS.arms.items()
    }
    html = page(copy, replace(SETTINGS, arms=arms))
    assert "This study does not compare code with English." in html and "The largest gain of one arm is that of" in html
    assert 'id="figure-tiny-similarity"' not in html and 'id="table-tiny-sensitivity"' not in html
    assert "This study has no data for its primary contrast." in page(copy)
