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
import synthetic
import yaml

from codestilts.columns import LAYERS
from codestilts.config.analysis_settings import ReportedArm, ReportSettings
from codestilts.csv_tables import read_csv, write_csv
from codestilts.errors import CodeStiltsError
from codestilts.evaluation import leakage, matched_tasks
from codestilts.evaluation.claim_estimates import COLUMNS as CLAIM_COLUMNS
from codestilts.evaluation.comparison import STATISTICS
from codestilts.evaluation.scoring import tidy, values
from codestilts.evaluation.statistics.design import design_of
from codestilts.evaluation.statistics.resampling import resample
from codestilts.reporting import figures
from codestilts.reporting.answer import (
    Row,
    across_encoders,
    by_control,
    by_group,
    contrast_languages,
    headline,
    largest_gain,
    lost_to_correction,
)
from codestilts.reporting.exhibits import FIGURES, TABLES, WHOLE_STUDY, Exhibit
from codestilts.reporting.html_report import (
    BROWSED,
    ReportInputs,
    browser_data,
    learning_rate,
    number_range,
    render,
)
from codestilts.reporting.page_links import linked
from codestilts.reporting.run_records import budgets, curves_table, learned, matched, runs_table
from codestilts.reporting.sample_predictions import COLUMNS as BROWSED_COLUMNS
from codestilts.reporting.score_tables import checkpoint_scores, layer_scores
from codestilts.reporting.study_tables import control_name
from codestilts.reporting.svg import embedded_svg
from codestilts.reporting.tables import with_interval
from codestilts.training.curve import downsample_curve
from codestilts.workflow.slurm_efficiency import COLUMNS, efficiency

ROOT = Path(__file__).parents[2]
EVIL = "<script>alert('x')</script>"

TASK = """
type: classification
description: Is it right? <b>
metric: accuracy
licence: MIT
citation: nobody
languages: [python]
"""


def write_run(folder: Path, arm: str, seed: int, tokens: int = 100, target: str = "") -> Path:
    folder = folder / arm / target / str(seed)
    folder.mkdir(parents=True)
    steps = pd.DataFrame(
        {"step": range(1, 101), "task": "x", "tokens": tokens, "examples": 2, "loss": 2.0, "dev": None}
    )
    steps.loc[99, "dev"] = 0.5
    record = {"encoder": "tiny", "arm": arm, "seed": seed, "steps": 100, "tokens": 100 * tokens, "seconds": 2.0}
    record |= {"examples_seen": 200, "peak_memory_mb": 300, "loss_first": 2.0, "loss_last": 1.0, "device": "cpu"}
    record |= {"processor": "a processor", "threads": 1, "commit": "abc", "versions": {"torch": "2"}}
    record["curve"] = downsample_curve(steps)
    if target:
        record["target"] = target
    (folder / "run.json").write_text(json.dumps(record))
    return folder / "run.json"


BUDGET = {"steps": 100, "tokens_per_step": 100}
SETTINGS = ReportSettings(
    study="synthetic",
    rehearsal=False,
    encoders=("tiny",),
    arms={
        name: ReportedArm(arm.family, () if name in {"none", "random"} else (name,), arm.init)
        for name, arm in synthetic.SETTINGS.arms.items()
    },
    seeds=(0, 1, 2),
    source_language="python",
    sampled={},
    budgets={"intermediate": BUDGET, "target": BUDGET},
    sources=("a-package",),
    comparison=synthetic.SETTINGS,
)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of results as the workflow leaves it before the page is written."""
    folder = tmp_path_factory.mktemp("results")
    sums = synthetic.sums(units=30)
    scores = resample(sums, 200, 0)
    design = design_of(synthetic.SETTINGS, synthetic.language_rows(), "tiny")
    tidy(values(sums), synthetic.SETTINGS).to_csv(folder / "scores.csv", index=False)
    for name, statistic in STATISTICS.items():
        statistic(scores, design).assign(encoder="tiny").to_csv(folder / f"{name}.csv", index=False)
    synthetic.language_rows().to_csv(folder / "language_similarity.csv", index=False)
    runs = [write_run(folder / "runs", arm, seed) for arm in ("pos", "cloze") for seed in range(2)]
    runs_table(runs).to_csv(folder / "runs.csv", index=False)
    sweep = [("tiny", "none", "parallel", 0, "c", layer, 0.1 * layer) for layer in (2, 4)]
    pd.DataFrame(sweep, columns=LAYERS).to_csv(folder / "layers.csv", index=False)
    pair = {"trained_on": "cloze", "split": "train", "tested_on": "match", "tested": 5}
    pd.DataFrame([{**dict.fromkeys(leakage.COLUMNS, 0), **pair}]).to_csv(folder / "audit.csv", index=False)
    task = {"form": "cloze", "domain": "code", "task": "cloze", "train": 7, "dev": 2, "tokens": 4.25, "labels": 2}
    table = pd.DataFrame([task | {"places": "75 25", "trivial": 0.5}], columns=matched_tasks.COLUMNS)
    table.to_csv(folder / "matched_tasks.csv", index=False)
    shown = {"target": "match", "language": "go", "id": "1", "question": EVIL, "text": EVIL, "gold": EVIL}
    shown |= {"arm": "none", "prediction": EVIL, "right": False, "note": ""}
    plain = shown | dict.fromkeys(("question", "text", "gold", "prediction"), "words")
    others = [plain | {"target": target} for target in synthetic.SETTINGS.targets if target != "match"]
    pd.DataFrame([shown, *others]).to_csv(folder / "sample_predictions.csv", index=False)
    efficiency([], folder).to_csv(folder / "efficiency.csv", index=False)
    pd.DataFrame(columns=CLAIM_COLUMNS).to_csv(folder / "claims.csv", index=False)
    return folder


def write_exhibits(results: Path) -> None:
    """Write the files of figures and tables that a folder lacks, as if notebooks had: one table for all."""
    stages = pd.DataFrame([{"stage": "extract functions", "jobs": 1, "seconds": 2.5, "longest": 2.5, "memory": 100.0}])
    for notebook, names in TABLES.items():
        for name in names:
            path = results / Exhibit(name, "tables", "" if notebook == WHOLE_STUDY else "tiny").data
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                write_csv(stages, path)
    for notebook, names in FIGURES.items():
        for name in names:
            path = results / Exhibit(name, "figures", "" if notebook == WHOLE_STUDY else "tiny").data
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                write_csv(stages, path)
    (results / "figures/jobs.svg").write_text("<svg width='1pt' viewBox='0 0 1 1'></svg>")
    if not (results / BROWSED).exists():
        pd.DataFrame(columns=BROWSED_COLUMNS).to_parquet(results / BROWSED)


def page(results: Path, settings: ReportSettings = SETTINGS) -> str:
    write_exhibits(results)
    source = {"name": "a-package", "version": "1", "languages": "go", "split": "test", "licence": "MIT & more"}
    inputs = ReportInputs(
        template=ROOT / "report/template.html.j2",
        results=results,
        sources=pd.DataFrame([source | {"citation": EVIL, "bytes": "1000", "notes": "fine-tuned & more"}]),
        tasks={name: yaml.safe_load(TASK) for name in ["cloze", *settings.comparison.targets]},
        settings=settings,
    )
    return render(inputs)


def scripts(html: str) -> int:
    """The number of scripts of a page that has no predictions to browse: its own."""
    return html.lower().count("<script")


def test_the_page_escapes_whatever_data_holds(results: Path, tmp_path: Path):
    html = page(results)
    assert scripts(html) == 1
    assert html.count("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;") == 5
    assert "MIT &amp; more" in html
    shutil.copytree(results, tmp_path / "copy")
    row = {"target": "match", "language": "go", "id": "1", "question": EVIL, "text": EVIL, "gold": EVIL, "arm": "none"}
    row |= {"prediction": "</script>" + EVIL, "right": False, "note": ""}
    pd.DataFrame([row]).to_parquet(tmp_path / "copy" / BROWSED)
    html = page(tmp_path / "copy")
    assert scripts(html) == 2 and html.lower().count("</script") == 2
    data = re.search(r'id="predictions">(.*?)</script>', html)
    assert data and json.loads(data[1])["texts"] == ["</script>" + EVIL, EVIL]


def test_only_the_script_of_the_page_may_run(results: Path):
    """The digest of the policy is that of the script (W3C, CSP Level 3), and the policy allows no address."""
    html = page(results)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="(.*?)"', html)
    script = re.search(r"<script>(.*)</script>", html, re.DOTALL)
    assert policy and script
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert policy[1] == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def test_figures_and_tables_link_their_notebook_their_data_and_the_command_that_makes_them(results: Path):
    html = page(results)
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


def test_every_table_has_its_links(results: Path):
    """But those with the answers to single examples, which are in the file of sample predictions."""
    html = page(results)
    tables = len(re.findall(r"<table", html)) - html.count('aria-label="Answers, ')
    assert tables + 1 == html.count('<ul class="links">'), "one is of the figure of jobs"
    assert 'href="sample_predictions.csv"' in html


def test_figures_without_data_are_an_error_that_says_what_makes_them(tmp_path: Path):
    with pytest.raises(CodeStiltsError, match=r"primary\.csv: missing.*results/pocket/figures/tiny/primary\.svg\)$"):
        linked(tmp_path, "pocket", "figures", "primary", "tiny")


def test_heat_maps_have_a_detail_in_each_cell(results: Path):
    """Thirty units with two examples each."""
    (row,) = pd.read_csv(results / "counts.csv").query("language == 'go' and target == 'match'").to_dict("records")
    value = with_interval(row["none"], row["low"], row["high"], signed=False)
    detail = f"match in Go: {value} points, 60 test examples"
    assert f'data-detail="{detail}">{row["none"]:.0f}</td>' in page(results)


def test_the_page_needs_nothing_from_outside(results: Path):
    html = page(results)
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert "https://" not in html
    assert " src=" not in html and "@import" not in html and "fetch(" not in html


def test_the_page_answers_the_questions_of_a_reader(results: Path):
    html = page(results)
    for anchor in ("design", "effects", "contrasts", "languages", "learning", "training", "examples", "data", "limits"):
        assert f'id="{anchor}"' in html
        assert f'href="#{anchor}"' in html
    assert "intermediate-task training on code" in html
    assert "code minus English, 95 % interval" in html
    assert '<td class="n">0.' in html and "absent from the training of targets and from all code tasks" in html
    assert "extract functions" in html


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


def test_learning_rates_have_one_form():
    assert [learning_rate(rate) for rate in (0.0005, 0.00017, 5e-5, "5e-05", 0.0)] == [
        "5e-4", "1.7e-4", "5e-5", "5e-5", "0"
    ]  # fmt: skip


def test_arms_to_browse_have_the_order_of_the_study():
    row = {"target": "match", "language": "go", "id": "1", "question": "", "text": "", "gold": "a", "note": ""}
    table = pd.DataFrame([row | {"arm": arm, "prediction": arm, "right": True} for arm in ("pos", "cloze", "none")])
    data = browser_data(table, ["none", "cloze", "pos"])
    assert data["arms"] == ["none", "cloze", "pos"]
    answers = data["cells"]["match"]["go"][0]["answers"]
    assert [data["texts"][number] for number, _, _ in answers] == ["none", "cloze", "pos"]


def test_remarks_on_an_encoder_are_among_the_limits(results: Path):
    html = page(results, replace(SETTINGS, encoder_sources={"tiny": "a-package"}))
    assert "<li><b>Pretrained encoder.</b> fine-tuned &amp; more</li>" in html
    assert "<b>Pretrained encoder" not in page(results)


def test_the_page_shows_the_use_of_slurm_if_there_is_any(results: Path, tmp_path: Path):
    assert "Slurm" not in page(results)
    shutil.copytree(results, tmp_path / "copy")
    values = [[EVIL, 4, 5, 1, 2.5, 2.5, 0.25, 0.8, None, 0.5, 0.1], ["score", 1, 1, 0, 0.1, 0, 0, 0.4, 0.3, 0.2, None]]
    pd.DataFrame(values, columns=COLUMNS).to_csv(tmp_path / "copy/efficiency.csv", index=False)
    html = page(tmp_path / "copy")
    assert "in Slurm" in html and html.count("<svg") == 1
    assert '<td class="n">80 %</td><td class="n"></td><td class="n">50 %</td><td class="n">10 %</td>' in html
    assert scripts(html) == 1


def test_a_missing_table_is_named(tmp_path: Path):
    with pytest.raises(CodeStiltsError, match=r"claims\.csv.*missing"):
        page(tmp_path)


def contrast(plus: str, minus: str) -> dict[str, str]:
    return {"plus": plus, "plus_kind": "family", "minus": minus, "minus_kind": "family"}


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [
        (1.5, 2, "Training on code is better than on English."),
        (0.5, 2, "code is better than on English, perhaps by less than 1 point."),
        (0.1, 0.9, "code is better than on English, by less than 1 point."),
        (-3, -0.1, "code is worse than on English, perhaps by less than 1 point."),
        (-0.5, 0.9, "Between code and English there is no difference of 1 point or more."),
        (-2, 3, "cannot tell"),
        (float("nan"), float("nan"), "No verdict"),
    ],
)
def test_the_headline_says_no_more_than_the_interval(low: float, high: float, words: str):
    row = contrast("code", "english") | {"low": low, "high": high}
    assert words in headline(row, 1.0) and "help" not in headline(row, 1.0)


@pytest.mark.parametrize(
    ("code", "english", "words"),
    [
        ((-3, -2), (-4, -1), "neither helps: compared with no intermediate training, both are worse"),
        (
            (2, 3),
            (-4, -1),
            "on code helps: compared with no intermediate training, code is better and English is worse",
        ),
        (
            (-2, 3),
            (0.1, 0.4),
            "on English helps: compared with no intermediate training, code may be better or worse and English is",
        ),
        ((-2, 3), (-3, 2), "neither is shown to help: compared with no intermediate training, both may be better or"),
        ((-0.5, 0.5), (-0.2, 0.2), "neither helps: compared with no intermediate training, both make no difference of"),
        (
            (-0.5, 0.5),
            (-2, 2),
            "neither is shown to help: compared with no intermediate training, code makes no difference of 1 point or",
        ),
        ((2, 3), (1, 4), "on both helps: compared with no intermediate training, both are better"),
    ],
)
def test_the_headline_compares_both_families_with_none(code: tuple, english: tuple, words: str):
    sides = {"code": code, "english": english}
    references = [
        contrast(name, "none") | {"minus_kind": "arm", "low": low, "high": high} for name, (low, high) in sides.items()
    ]
    text = headline(contrast("code", "english") | {"low": 2.0, "high": 3.0}, 1.0, references)
    assert text.startswith("At this scale ") and words in text
    assert text.endswith("; training on code is better than on English.") and text.count(".") == 1, "one sentence"


def test_nothing_helps_that_the_correction_leaves_undecided():
    row = contrast("code", "none") | {"minus_kind": "arm", "low": 0.1, "high": 3.0, "judgement": "undecided"}
    text = headline(contrast("code", "english") | {"low": -1.0, "high": 3.0}, 1.0, [row])
    assert "no intermediate-task training on code is shown to help" in text, "of one side, which is all there is"
    assert "code may be better or worse; this study cannot tell" in text


def test_an_interval_that_excludes_zero_says_why_it_decides_nothing():
    words = "undecided: code is better than English without the correction for 3 confirmatory contrasts"
    row = {"low": 0.1, "high": 3.0, "judgement": "undecided", "verdict": words}
    assert lost_to_correction(row) == words
    assert lost_to_correction(row | {"judgement": "equal", "high": 0.9}) == words
    assert lost_to_correction(row | {"judgement": "better"}) == ""
    assert lost_to_correction(row | {"low": -0.1}) == ""
    assert lost_to_correction(row | {"low": "", "high": ""}) == ""


def test_several_encoders_have_one_sentence_for_all():
    intervals = {"a": (1.5, 2), "b": (-2, 3), "c": (2, 3), "d": (-3, -1), "e": (-0.5, 0.5), "f": ("", "")}
    rows: dict[str, Row | None] = {
        name: contrast("code", "english") | {"low": low, "high": high} for name, (low, high) in intervals.items()
    }
    assert across_encoders({**rows, "g": None}, 1.0) == (
        "Of 7 encoders: with a, c training on code is better than on English; with d training on code is worse than on "
        "English; with e there is no difference of 1 point or more between code and English; with b the study cannot "
        "tell whether code or English is better; with f, g there is no verdict."
    )
    assert across_encoders({"a": rows["a"]}, 1.0) == across_encoders({"a": None, "b": None}, 1.0) == ""
    corrected = {name: {**(row or {}), "judgement": "undecided"} for name, row in rows.items() if name in "ac"}
    assert across_encoders(corrected, 1.0).startswith("Of 2 encoders: with a, c the study cannot tell")


def test_the_largest_gain_is_that_of_any_arm():
    columns = ["arm", "kind", "family", "scope", "language_set", "effect", "init"]
    values = [
        ["random", "arm", "control", "all groups", "unseen", 8.0, "random"],
        ["code", "family", "code", "all groups", "unseen", 9.0, "pretrained"],
        ["mlm-english", "arm", "control", "all groups", "unseen", 2.1, "pretrained"],
        ["pos", "arm", "english", "all groups", "unseen", -1.0, "pretrained"],
        ["pos", "arm", "english", "qa", "unseen", 5.0, "pretrained"],
        ["pos", "arm", "english", "all groups", "source", 6.0, "pretrained"],
    ]
    row = largest_gain(pd.DataFrame(values, columns=columns), "unseen")
    assert row and (row["arm"], row["effect"]) == ("mlm-english", 2.1)


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


def judged_row(judgement: str, value: float, low: float, high: float, **others: object) -> Row:
    row = contrast("code", "english") | {"difference": value, "low": low, "high": high, "judgement": judgement}
    return row | {"verdict": f"it is {judgement}", "detectable": 2.04, "power_by_seeds": "", "to_decide": ""} | others


def test_groups_have_the_verdicts_of_the_table_decided_ones_first():
    """An interval that contains zero may exclude a difference of interest; one that excludes zero may be undecided."""
    table = [
        judged_row(
            "undecided", 2.0, 0.1, 3.9, scope="retrieval", power_by_seeds="3: 0.14, 5: 0.69", to_decide="9 seeds"
        ),
        judged_row("equal", 0.1, -0.5, 0.7, scope="structured"),
        judged_row("worse", -2.0, -3.0, -1.0, scope="qa"),
        judged_row("", 1.0, float("nan"), float("nan"), scope="classification"),
    ]
    assert by_group(table, 1.0) == [
        "question answering: it is worse (−2.0 [−3.0, −1.0])",
        "structured prediction: it is equal (+0.1 [−0.5, +0.7])",
        "retrieval: it is undecided (+2.0 [+0.1, +3.9]); detectable with a power of .8: 2.0 points; power to find 1 "
        "point with 3, 5 seeds: 0.14, 0.69; 9 seeds would decide, if the difference stays as it is",
        "classification: it is ",
    ]


def test_each_side_of_the_contrast_has_the_verdicts_on_its_controls():
    control = {"minus": "mlm", "minus_kind": "arm"}
    table = [
        judged_row("worse", -2.1, -2.9, -1.4, **control) | {"plus": "english"},
        judged_row("equal", 0.0, -0.1, 0.1, **control),
        judged_row("better", 9.0, 8.0, 10.0, **control) | {"plus": "docs"},
    ]
    assert [row["text"] for row in by_control(table, ["code", "english"], 1.0)] == [
        "code minus mlm: it is equal (0.0 [−0.1, +0.1])",
        "English minus mlm: it is worse (−2.1 [−2.9, −1.4])",
    ]


def test_losses_of_tasks_are_each_compared_with_their_own_start():
    steps = pd.DataFrame({"step": range(1, 101), "task": ["large", "small"] * 50, "tokens": 1, "dev": None})
    losses = [point["loss"] for point in downsample_curve(steps.assign(loss=[10.0, 0.1] * 5 + [5.0, 0.05] * 45))]
    assert losses[0] == pytest.approx(1) and losses[-1] == pytest.approx(0.5)


def test_intermediate_tasks_are_shown_by_kind_of_arm(tmp_path: Path):
    arms = {
        "pos": ReportedArm("english", ("pos",)),
        "both": ReportedArm("english", ("pos", "qa")),
        "shuffled": ReportedArm("english", ("pos", "qa"), shuffle_labels=True),
        "mlm": ReportedArm("english", ("mlm",)),
    }
    dev = {"pos": {"pos": 0.9}, "both": {"pos": 0.6, "qa": 0.5}, "shuffled": {"pos": 0.2, "qa": 0.1}, "mlm": {}}
    paths = [write_run(tmp_path, arm, seed) for arm in arms for seed in (0, 1)]
    for path in paths:
        path.write_text(json.dumps(json.loads(path.read_text()) | {"dev": dev[path.parts[-3]]}))
    table = learned(runs_table(paths), arms)
    assert table.columns.tolist() == ["alone", "among its family", "labels shuffled"]
    assert table.loc["pos"].tolist() == pytest.approx([90, 60, 20])
    assert table.loc["qa"].tolist()[1:] == pytest.approx([50, 10])


def test_tasks_of_a_form_are_shown_with_what_learning_added(results: Path, tmp_path: Path):
    tasks = pd.read_csv(results / "matched_tasks.csv")
    scores = pd.DataFrame({"alone": [81.5, 3], "labels shuffled": [1.0, 2]}, index=["cloze", "pos"])
    (row,) = matched(tasks, scores).to_dict("records")
    assert (row["trivial"], row["alone"]) == (50, 81.5) and "labels shuffled" not in row
    html = page(results)
    assert "Intermediate tasks by form and domain" in html and '<td class="n">75 25</td>' in html


def test_budgets_tell_who_is_off(tmp_path: Path):
    paths = [write_run(tmp_path, "a", 0, tokens=99), write_run(tmp_path, "b", 0, tokens=101)]
    table = budgets(runs_table(paths))
    assert table["deviation"].tolist() == pytest.approx([-1, 1])


def test_curves_are_thinned_but_keep_their_dev_values(tmp_path: Path):
    table = curves_table([write_run(tmp_path, "a", 0, target="match")])
    assert len(table) == 40
    assert table["step"].iloc[-1] == 100
    assert table["tokens"].iloc[-1] == 100 * 100
    assert table["dev"].dropna().tolist() == [0.5]


def test_a_broken_record_is_named(tmp_path: Path):
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(CodeStiltsError, match=r"run\.json"):
        runs_table([tmp_path / "run.json"])


def test_budgets_in_words():
    assert number_range(pd.Series([300, 300])) == "300"
    assert number_range(pd.Series([300, 1200])) == "300 to 1\u202f200"
    assert number_range(pd.Series([2040.2, 2048.9])) == "2\u202f000"


def test_a_rehearsal_says_that_its_numbers_mean_nothing(results: Path) -> None:
    html = page(results, replace(SETTINGS, rehearsal=True))
    assert "Its numbers mean nothing" in html and "helps more than" not in html
    assert "Its numbers mean nothing" not in page(results)


def test_a_number_that_is_not_comparable_says_so(results: Path) -> None:
    assert "Not comparable" not in page(results) and "†" not in page(results)
    html = page(results, replace(SETTINGS, sampled={"match": ("dev", "test")}))
    assert "† Not comparable with published numbers: <em>match</em>, this study draws only a part" in html
    assert html.count("match †") >= 4 and "tags †" not in html


def test_checkpoints_and_layers_stand_beside_each_other(results: Path, tmp_path: Path) -> None:
    scores = pd.read_csv(results / "scores.csv", keep_default_na=False)
    metrics = {name: target.metric for name, target in synthetic.SETTINGS.targets.items()}
    others = scores.assign(
        metric="macro_f1_declared", value=0.0
    )  # shown beside a target's own metric, but not averaged
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
    assert "Frozen retrieval without intermediate training, by the transformer block" in page(results)


def test_a_study_of_one_seed_has_a_page_without_intervals(results: Path, tmp_path: Path) -> None:
    shutil.copytree(results, tmp_path / "copy")
    scores = resample(synthetic.sums(seeds=1, units=30), 200, 0)
    design = design_of(synthetic.SETTINGS, synthetic.language_rows(), "tiny")
    for name, statistic in STATISTICS.items():
        statistic(scores, design).assign(encoder="tiny").to_csv(tmp_path / f"copy/{name}.csv", index=False)
    figures.style()
    table = pd.read_csv(tmp_path / "copy/contrasts.csv")
    figures.save(figures.primary(table, 1.0), table, tmp_path / "copy/primary")
    drawn = pd.read_csv(tmp_path / "copy/effects.csv").head(9)
    figures.save(figures.effects(drawn, "all groups"), drawn, tmp_path / "copy/effects")
    html = page(tmp_path / "copy")
    assert "No verdict on intermediate-task training on code and on English: one seed." in html
    assert "(no verdict: match, search, tags)" in html and "nan" not in html
    assert set(table["verdict"]) == {"no verdict: one seed"}


def test_the_page_says_clean_only_if_nothing_is_shared(results: Path, tmp_path: Path) -> None:
    clean, shared = "No training set overlaps with a test set", "1 pair of a training set and a test set overlap"
    html = page(results)
    assert clean in html and shared not in html
    for column in ("functions", "source_clusters", "copies", "shared_texts", "clusters"):
        shutil.copytree(results, tmp_path / column)
        table = pd.read_csv(tmp_path / column / "audit.csv")
        table.assign(**{column: 1}).to_csv(tmp_path / column / "audit.csv", index=False)
        html = page(tmp_path / column)
        assert clean not in html and shared in html and "<li>cloze and match: " in html


def test_the_language_of_generated_texts_is_marked(results: Path, tmp_path: Path) -> None:
    shutil.copytree(results, tmp_path / "copy")
    row = read_csv(results / "sample_predictions.csv", texts=True).iloc[0].to_dict()
    notes = {
        "none": "in the wrong language: Python",
        "pos": "in the right language",
        "qa": "in no language that can be told",
    }
    rows = [row | {"arm": arm, "note": note} for arm, note in notes.items()]
    write_csv(pd.DataFrame(rows), tmp_path / "copy" / "sample_predictions.csv")
    html = page(tmp_path / "copy")
    assert [html.count(note) for note in notes.values()] == [1, 1, 1]
    assert f'<span class="bad">{notes["qa"]}' in html and f"<span>{notes['pos']}" in html
    assert 'id="generation"' not in html


def test_the_quality_and_language_of_generated_texts_are_a_table(results: Path, tmp_path: Path) -> None:
    shutil.copytree(results, tmp_path / "copy")
    row = {"target": "complete", "arm": "none", "method": "full", "learning_rate": 1e-3, "languages": "zero-shot"}
    measured = [
        {"quality": 12.34, "wrong_language": 56.78, "error": 9.87, "missed": 4.44, "cut": 3.21},
        {"quality": 2.5},
    ]
    table = pd.DataFrame([row | {"arm": arm} | values for arm, values in zip(("none", "slow"), measured, strict=True)])
    write_csv(table, tmp_path / "copy" / "tables/tiny/wrong-language.csv")
    html = page(tmp_path / "copy", replace(SETTINGS, generation=True))
    assert 'id="generation"' in html
    shown = pd.read_html(StringIO(html), attrs={"id": "table-tiny-wrong-language"})[0]
    assert shown["wrong language"].tolist()[0] == 56.8 and shown["error"].isna().tolist() == [False, True]
    assert shown[["missed", "cut"]].iloc[0].tolist() == [4.4, 3.2]
    assert shown["quality"].tolist() == [12.3, 2.5] and shown["learning rate"].tolist() == [1e-3, 1e-3]


def test_targets_whose_texts_an_archive_lacks_are_named_with_the_reason(results: Path, tmp_path: Path) -> None:
    """The predictions of tags are there, those of match are not, and there are samples of neither."""
    whole = page(results)
    recomputed = "All of them can be recomputed from <code>predictions/</code>"
    assert recomputed in whole and 'id="closed"' not in whole and "lacks" not in whole
    folder = Path(shutil.copytree(results, tmp_path / "copy"))
    (folder / "predictions/tiny/none/tags").mkdir(parents=True)
    (folder / "predictions/tiny/none/tags/0-2.parquet").touch()
    samples = read_csv(folder / "sample_predictions.csv", texts=True)
    write_csv(samples[~samples["target"].isin(["match", "tags"])], folder / "sample_predictions.csv")
    html = page(folder)
    assert "Not shown: match, tags. This page was drawn from an archive" in html and "lacks match, whose" in html
    assert recomputed not in html and "The same examples after several arms" in html
    write_csv(samples[:0], folder / "sample_predictions.csv")
    html = page(folder)
    assert "Not shown: match, tags, search, parallel." in html
    assert "The same examples after several arms" not in html and "drawn at random" not in html


def test_characters_that_nobody_sees_are_shown(results: Path, tmp_path: Path) -> None:
    shutil.copytree(results, tmp_path / "copy")
    row = pd.read_csv(results / "sample_predictions.csv", dtype=str).iloc[0].to_dict() | {
        "text": "a\rb\0c\u202e",
        "question": "NA",
    }
    write_csv(pd.DataFrame([row]), tmp_path / "copy" / "sample_predictions.csv")
    html = page(tmp_path / "copy")
    assert "<pre>a\u240db\u2400c\u202e</pre>" in html and "<p>NA</p>" in html


@pytest.mark.parametrize(("chosen", "names"), [("unseen", ["c", "go", "java"]), ("near", ["java"])])
def test_the_page_names_the_languages_of_the_contrast(results: Path, chosen: str, names: list[str]) -> None:
    contrasts = pd.read_csv(results / "contrasts.csv", keep_default_na=False)
    design = design_of(replace(synthetic.SETTINGS, language_set=chosen), synthetic.language_rows(), "tiny")
    assert contrast_languages(contrasts, design) == names
