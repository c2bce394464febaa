"""Arms without data on a target, in a language, in a group or anywhere are compared only where both sides have data."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import synthetic
from hypothesis import given, settings
from hypothesis import strategies as st

from codestilts.config.analysis_settings import ComparisonSettings
from codestilts.config.settings_json import to_json
from codestilts.evaluation.comparison import STATISTICS, TABLES
from codestilts.evaluation.scoring import compared, values
from codestilts.evaluation.statistics.bootstrap import estimate
from codestilts.evaluation.statistics.design import design_of
from codestilts.evaluation.statistics.effects import effects
from codestilts.evaluation.statistics.means import mean_over
from codestilts.evaluation.statistics.questions import questions
from codestilts.evaluation.statistics.resampling import resample

ROOT = Path(__file__).parents[2]
ARMS = ["none", "pos", "english-multi", "cloze", "code-multi", "all-multi", "mlm-code", "random", synthetic.BASELINE]
TARGETS = {"match": 90, "tags": 30, "search": 60, "parallel": 10}  # the value of all arms, in points
LANGUAGES = ["c", "go", "java", "python"]
GRID = [(arm, target, language) for arm in ARMS for target in TARGETS for language in LANGUAGES]
UNITS = 20


def value_of(arm: str, target: str, language: str) -> float:
    """Return the value of a cell, the same for all arms; cells differ widely."""
    return TARGETS[target] + LANGUAGES.index(language)


def sums_of(grid: list[tuple[str, str, str]], lift: dict[str, float] | None = None, noise: float = 0.0) -> pd.DataFrame:
    """Return the sums of these cells; ``lift`` raises an arm above the others, in points."""
    rows = []
    for arm, target, language in grid:
        level = value_of(arm, target, language) + (lift or {}).get(arm, 0.0)
        for seed in [0] if arm == synthetic.BASELINE else [0, 1]:
            luck = np.random.default_rng([len(arm), len(target), len(language), seed]).normal(0, noise, UNITS)
            for unit, extra in enumerate(luck - luck.mean()):
                rows.append((arm, target, language, seed, f"u{unit}", (level + extra) / 100))
    table = pd.DataFrame(rows, columns=["arm", "target", "language", "seed", "unit", "numerator"])
    families = {name: arm.family for name, arm in synthetic.SETTINGS.arms.items()} | {synthetic.BASELINE: "trivial"}
    return table.assign(label="", denominator=1.0, n=1, family=table["arm"].map(families))


def tables_of(sums: pd.DataFrame, settings: ComparisonSettings = synthetic.SETTINGS) -> dict[str, pd.DataFrame]:
    scores, design = resample(sums, 200, 0), design_of(settings, synthetic.language_rows(), "tiny")
    return {name: statistic(scores, design) for name, statistic in STATISTICS.items()}


@settings(max_examples=15, deadline=None)
@given(st.sets(st.sampled_from(GRID), max_size=60))
def test_equal_arms_differ_by_nothing_whatever_is_missing(missing: set[tuple[str, str, str]]):
    grid = [cell for cell in GRID if cell not in missing]
    tables = tables_of(sums_of(grid))
    assert np.allclose(tables["effects"]["effect"], 0) and np.allclose(tables["contrasts"]["difference"], 0)
    assert np.allclose(tables["target_checks"]["margin"], 0)
    assert (tables["effects"]["cells"] > 0).all() and (tables["contrasts"]["cells"] > 0).all()
    there = set(grid)
    for _, row in tables["effects"].query("scope_kind == 'target' and language_set in @LANGUAGES").iterrows():
        cell = (row["scope"], row["language_set"])
        assert ("none", *cell) in there and row["none"] == pytest.approx(value_of("none", *cell))
        assert row["kind"] == "family" or (row["arm"], *cell) in there


@pytest.mark.parametrize(
    ("lacks", "targets", "cells"),
    [
        (lambda target, language: target == "match", 3, 6),  # a target, and so the group classification
        (lambda target, language: language == "go", 4, 4),
        (lambda target, language: target in ("search", "parallel"), 2, 4),  # a group
        (lambda target, language: (target, language) == ("tags", "c"), 4, 7),
    ],
)
def test_an_arm_is_compared_on_the_cells_it_has(lacks, targets: int, cells: int):
    grid = [cell for cell in GRID if cell[2] != "python" and not (cell[0] == "cloze" and lacks(*cell[1:]))]
    sums = sums_of(grid, {"cloze": 3.0, "code-multi": 3.0}, noise=2.0)
    settings = synthetic.with_arms({"cloze": {"base": "all-multi"}})
    found = tables_of(sums, replace(settings, seen_languages=("java", "python")))
    effect = found["effects"].set_index(["arm", "scope", "language_set"]).loc[("cloze", "all groups", "unseen")]
    assert effect["effect"] == pytest.approx(3.0) and effect["low"] > 0
    assert (effect["targets"], effect["cells"]) == (targets, cells)
    for role in ("primary", "reference", "variant"):
        row = found["contrasts"].set_index("role").loc[[role]].iloc[0]
        assert row["difference"] == pytest.approx(3.0) and (row["targets"], row["cells"]) == (targets, cells)


def test_an_arm_without_any_data_has_no_row():
    found = tables_of(sums_of([cell for cell in GRID if cell[0] not in ("cloze", "code-multi")]))
    assert not set(found["effects"]["arm"]) & {"cloze", "code-multi", "code"}
    assert "primary" not in set(found["contrasts"]["role"])
    found = tables_of(sums_of([cell for cell in GRID if cell[0] != "none"]))
    assert found["effects"].empty and found["target_checks"].empty
    assert found["counts"]["none"].isna().all() and set(found["counts"]["note"]) == {"none has no data"}


def test_a_check_compares_on_the_languages_that_both_have():
    """The arm ``random`` has the untrained target in one of four languages, the easiest."""
    grid = [cell for cell in GRID if cell[:2] != ("random", "parallel") or cell[2] == "python"]
    row = tables_of(sums_of(grid))["target_checks"].set_index(["target", "rival"]).loc[("parallel", "random")]
    assert row["margin"] == pytest.approx(0) and row["none"] == row["rival_value"] == pytest.approx(13)


def test_compare_through_its_script(tmp_path: Path):
    sums = sums_of([cell for cell in GRID if cell[0] != "cloze" or cell[1] == "tags"])
    encoder = np.where(sums["arm"] == synthetic.BASELINE, "", "tiny")
    metrics = {name: target.metric for name, target in synthetic.SETTINGS.targets.items()}
    sums = sums.drop(columns="family").assign(encoder=encoder, checkpoint="last", metric=sums["target"].map(metrics))
    wrong = sums.assign(checkpoint="oracle", numerator=0.0)  # another checkpoint is in the scores but in no effect
    for arm, part in pd.concat([sums, wrong]).groupby("arm"):
        name = arm.replace(":", "-")
        values(part).to_parquet(tmp_path / f"{name}.values.parquet", index=False)
        compared(part, "last").to_parquet(tmp_path / f"{name}.sums.parquet", index=False)
    synthetic.language_rows().to_csv(tmp_path / "language_similarity.csv", index=False)
    outputs = [word for name in TABLES for word in (f"--{name.replace('_', '-')}", str(tmp_path / f"{name}.csv"))]
    inputs = [
        "--values",
        *map(str, sorted(tmp_path.glob("*.values.parquet"))),
        "--sums",
        *map(str, sorted(tmp_path.glob("*.sums.parquet"))),
        "--languages",
        str(tmp_path / "language_similarity.csv"),
    ]
    command = [
        sys.executable,
        ROOT / "scripts/compare.py",
        *inputs,
        *outputs,
        "--settings",
        to_json(synthetic.SETTINGS),
    ]
    subprocess.run(command, check=True)
    found = {name: pd.read_csv(tmp_path / f"{name}.csv", keep_default_na=False, na_values=[""]) for name in TABLES}
    assert np.allclose(found["effects"]["effect"], 0) and np.allclose(found["contrasts"]["difference"], 0)
    cloze = found["effects"].query("arm == 'cloze' and scope == 'all groups' and language_set == 'zero_shot'").iloc[0]
    assert (cloze["targets"], cloze["cells"], cloze["none"]) == (1, 3, pytest.approx(31))
    assert set(found["scores"]["checkpoint"]) == {"last", "oracle"}


def test_a_control_is_compared_with_the_families_it_is_a_control_of():
    settings = synthetic.with_arms({"mlm-code": {"controls_for": ("english", "code")}})
    asked = questions(design_of(settings, synthetic.language_rows(), "tiny"))
    controls = [(question.plus.name, question.minus.name) for question in asked if question.role == "control"]
    assert controls == [("code", "mlm-code"), ("english", "mlm-english"), ("english", "mlm-code")]


def test_the_source_language_is_each_targets_own():
    targets = synthetic.SETTINGS.targets
    targets = targets | {"match": replace(targets["match"], source_language="java")}
    design = design_of(replace(synthetic.SETTINGS, targets=targets), synthetic.language_rows(), "tiny")
    assert design.languages_of("source") == {
        "match": ["java"],
        "tags": ["python"],
        "search": ["python"],
        "parallel": [],
    }
    assert design.languages_of("zero_shot")["match"] == ["c", "go", "javascript", "python"]
    assert design.languages_of("zero_shot")["tags"] == ["c", "go", "java", "javascript"]
    sums = sums_of(GRID)
    scores = resample(sums, 200, 0)
    table = effects(scores, design).query("language_set == 'source' and scope == 'match' and arm == 'pos'")
    assert table["none"].tolist() == pytest.approx([value_of("none", "match", "java")])


def one_cell(right: np.ndarray, resamples: int = 400, confidence: float = 0.95):
    """The estimate of ``b`` minus ``a`` from answers (2 arms, seeds, units)."""
    index = pd.MultiIndex.from_product([["a", "b"], *map(range, right.shape[1:])], names=["arm", "seed", "unit"])
    table = index.to_frame(index=False).astype({"unit": str})
    table = table.assign(
        target="t", language="c", family="code", label="", numerator=right.ravel().astype(float), denominator=1.0, n=1
    )
    scores = resample(table, resamples, 0)
    difference = mean_over(scores, ["b"], [["t"]], ["c"]) - mean_over(scores, ["a"], [["t"]], ["c"])
    return estimate(scores, difference, confidence)


RANDOM = np.random.default_rng(0).binomial(1, 0.5, (2, 3, 40))


@pytest.mark.parametrize(
    ("right", "resamples", "note"),
    [
        (np.tile(RANDOM[0, 0], (2, 3, 1)), 400, "no variance"),  # models that answer alike
        (np.zeros((2, 3, 40)), 400, "no variance"),  # all wrong
        (RANDOM, 1, "1 resamples are too few: 200 or more"),
        (RANDOM, 199, "199 resamples are too few"),
        (RANDOM[:, :1], 400, "one seed"),
        (RANDOM[:, :, :1], 400, "one unit"),
        (RANDOM[:, :, :9], 400, "9 units are too few: 10 or more"),
    ],
)
def test_degenerate_data_bear_no_interval(right: np.ndarray, resamples: int, note: str):
    found = one_cell(right, resamples)
    assert found.note.startswith(note) and np.isnan([found.low, found.high, found.p]).all()
    assert found.value == pytest.approx(100 * (right[1].mean() - right[0].mean()))


def test_p_is_where_the_interval_begins_to_hold_zero():
    right = np.random.default_rng(5).binomial(1, [[[0.5]] * 4, [[0.55]] * 4], (2, 4, 60))
    p = one_cell(right, 4000).p
    assert 0.001 < p < 0.5
    wider, narrower = (one_cell(right, 4000, 1 - p + step) for step in (0.005, -0.005))
    assert wider.low <= 0 <= wider.high and narrower.low > 0


def test_a_unit_has_one_weight_wherever_it_stands():
    answers = np.random.default_rng(1).binomial(1, 0.5, 40).astype(float)
    table = pd.DataFrame({"unit": [f"u{n}" for n in range(40)], "numerator": answers, "denominator": 1.0, "n": 1})
    same = [table.assign(target=target, language=name) for target in ("t", "u") for name in ("c", "go")]
    other = table.assign(target="t", language="java", unit=[f"v{n}" for n in range(40)])
    scores = resample(pd.concat([*same, other]).assign(arm="a", family="code", seed=0, label=""), 200, 0)
    draws = scores.draws[scores.rows[0], 1:]  # rows of t: c, go, java; of u: c, go
    assert np.allclose(draws[0, 0], draws[0, 1]) and np.allclose(draws[0, 0], draws[1, 1])
    assert abs(np.corrcoef(draws[0, 0], draws[0, 2])[0, 1]) < 0.2
    alone = resample(same[0].assign(arm="a", family="code", seed=0, label=""), 200, 0)
    assert np.allclose(alone.draws[0, 1:], draws[0, 0])  # whatever else there is
