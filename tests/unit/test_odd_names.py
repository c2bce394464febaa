"""Names decide nothing: arms that are called like contrasts, families, baselines and random weights."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import report_study as report
import synthetic

from codestilts.config.analysis_settings import ComparedArm, ReportedArm
from codestilts.csv_tables import read_csv, write_csv
from codestilts.evaluation.claims_table import COLUMNS as CLAIM_COLUMNS
from codestilts.evaluation.comparison import compare
from codestilts.evaluation.scoring import values
from codestilts.reporting import figures

ODD = {
    "a minus b family": ComparedArm("code"),
    "code": ComparedArm("english"),  # named like the other family
    "baseline:x": ComparedArm("code"),
    "random-code": ComparedArm("control", controls_for=("code",)),
    "random": ComparedArm("control"),
    "untrained": ComparedArm("control", init="random"),
    "english family": ComparedArm("variant", base="code"),
}
SETTINGS = replace(synthetic.SETTINGS, arms={"none": ComparedArm("baseline"), **ODD})


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    """The tables of a comparison, as files hold them."""
    folder = tmp_path_factory.mktemp("odd")
    sums = synthetic.sums(units=30, settings=SETTINGS).drop(columns="family")
    sums.to_parquet(folder / "sums.parquet", index=False)
    tables = compare(values(sums), [str(folder / "sums.parquet")], synthetic.language_rows(), SETTINGS)
    for name, table in tables.items():
        write_csv(table, folder / f"{name}.csv", float_format="%.6f")
    return {name: read_csv(folder / f"{name}.csv") for name in tables}


def test_families_and_rivals_are_told_by_fields(tables: dict[str, pd.DataFrame]) -> None:
    families = tables["scores"].set_index("arm")["family"].to_dict()
    assert families == {name: arm.family for name, arm in SETTINGS.arms.items()} | {synthetic.BASELINE: "trivial"}
    kinds = tables["target_checks"].set_index("rival")["rival_kind"].to_dict()
    assert kinds == {synthetic.BASELINE: "trivial", "untrained": "random"}


def test_contrasts_have_the_names_and_kinds_of_their_sides(tables: dict[str, pd.DataFrame]) -> None:
    sides = tables["contrasts"].drop_duplicates(["role", "plus", "minus"]).set_index("role")
    columns = ["plus", "plus_kind", "minus", "minus_kind"]
    assert sides.loc["primary", columns].tolist() == ["code", "family", "english", "family"]
    assert sides.loc["control", columns].tolist() == ["code", "family", "random-code", "arm"]
    assert sides.loc["variant", columns].tolist() == ["english family", "arm", "code", "arm"]
    effects = tables["effects"]
    means = effects[effects["kind"] == "family"]
    assert set(means["arm"]) == {"code", "english"} and set(effects.loc[effects["kind"] == "arm", "arm"]) == set(ODD)
    assert set(effects.loc[effects["init"] == "random", "arm"]) == {"untrained"}
    # The family code is the mean of its two arms, whatever they and others are called.
    own = effects.query("scope == 'all groups' and language_set == 'unseen'").set_index(["kind", "arm"])["effect"]
    expected = np.mean([own["arm", "a minus b family"], own["arm", "baseline:x"]])
    assert own["family", "code"] == pytest.approx(expected, abs=1e-5)


def test_figures_draw_fields_and_not_names(tables: dict[str, pd.DataFrame]) -> None:
    figures.style()
    unseen = tables["effects"].query("language_set == 'unseen' and scope == 'all groups'")
    figure = figures.effects(unseen, "all groups")
    labels = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    bold = {tick.get_text() for tick in figure.axes[0].get_yticklabels() if tick.get_fontweight() == "bold"}
    figures.plt.close(figure)
    assert bold == {"code, mean", "English, mean"}
    assert set(labels) - bold == set(ODD) - {"untrained"}
    figure = figures.checks(tables["target_checks"])
    drawn = {points.get_label(): len(points.get_offsets()) for points in figure.axes[0].collections}
    figures.plt.close(figure)
    assert drawn["trivial baselines"] == drawn["random weights"] == 1


def test_the_page_names_each_side_as_what_it_is(tables: dict[str, pd.DataFrame], tmp_path: Path) -> None:
    empty = {
        "runs": report.runs_table([]),
        "layers": pd.DataFrame(columns=report.LAYERS),
        "audit": pd.DataFrame(columns=report.leakage.COLUMNS),
        "matched_tasks": pd.DataFrame(columns=report.matched_tasks.COLUMNS),
        "sample_predictions": pd.DataFrame(columns=["target", "id"]),
        "efficiency": report.efficiency([], tmp_path),
        "language_similarity": synthetic.language_rows(),
    }
    for name, table in (tables | empty).items():
        write_csv(table, tmp_path / f"{name}.csv")
    write_csv(pd.DataFrame(columns=CLAIM_COLUMNS), tmp_path / "claims.csv")
    arms = {name: ReportedArm(arm.family, (), arm.init) for name, arm in SETTINGS.arms.items()}
    html = report.page(tmp_path, replace(report.SETTINGS, arms=arms, comparison=SETTINGS))
    assert "The arm <em>untrained</em> starts from random weights instead" in html
    assert "code minus English, 95 % interval" in html and "english family minus code" in html
    assert html.count('<tr class="strong"><th scope="row"><span class="family') == 2  # the means of the two families
    assert "random weights (untrained)" in html and "random weights (random" not in html
