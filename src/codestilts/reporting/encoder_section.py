"""The tables and sentences that the report shows of one encoder."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from markupsafe import Markup

from codestilts.config.analysis_settings import ReportSettings
from codestilts.config.scopes import ALL_GROUPS
from codestilts.csv_tables import read_csv
from codestilts.display_names import FAMILY_ORDER, family_name, rival_name
from codestilts.evaluation.statistics.design import Design, design_of
from codestilts.reporting import run_records
from codestilts.reporting.answer import (
    Row,
    by_control,
    by_group,
    contrast_languages,
    headline,
    largest_gain,
    rows,
)
from codestilts.reporting.doses import (
    TEST,
    ChosenEnds,
    TextLoss,
    by_trial,
    chosen_ends,
    dose_tables,
    have_all_rates,
    text_losses,
)
from codestilts.reporting.heat_maps import Grid, HeatCell, contrast_map, count_grid, language_order, score_map
from codestilts.reporting.output_languages import WRONG_LANGUAGE
from codestilts.reporting.robustness import SENSITIVITY, asked_again, leave_one_out, other_analyses
from codestilts.reporting.score_tables import checkpoint_scores, layer_scores
from codestilts.reporting.source_languages import SourceSection, source_section
from codestilts.reporting.svg import embedded_svg
from codestilts.reporting.transferability import ranking_tables, undecided_rankings


@dataclass(frozen=True)
class EffectRow:
    """The effects of an arm, or of the mean of a family's arms, in each scope; None if there is no effect."""

    name: str
    kind: str
    family: str
    effects: list[Row | None]


@dataclass(frozen=True)
class EffectGrid:
    """The effects of all arms and families; ``columns`` are scopes."""

    columns: list[str]
    rows: list[EffectRow]


@dataclass(frozen=True)
class PassedTargets:
    """The number of targets that beat all their rivals, the targets that do not, and those without an interval."""

    passed: int
    total: int
    failed: list[str]
    unjudged: list[str]


@dataclass(frozen=True)
class DoseSection:
    """Trials of intermediate learning rates: all trials, effects with one rate for all arms, and failed trials.

    ``ends`` counts the arms that chose an end of their rates, and ``seeds`` are those of the trials. ``same_arms``:
    whether the effects with one rate are means over the same arms for each rate.
    """

    texts: list[str]
    losses: list[TextLoss]
    ends: ChosenEnds
    seeds: list[int]
    tested: bool
    generated: bool
    trials: list[Row]
    fixed: list[Row]
    same_arms: bool
    failed: list[Row]


@dataclass(frozen=True)
class EncoderSection:
    """What the report shows of one encoder; ``primary`` is None if the primary contrast has no data."""

    name: str
    figures: dict[str, Markup]
    headline: str
    primary: Row | None
    other_verdicts: str
    same_verdicts: str
    leave_one_out: str
    largest_gain: Row | None
    by_control: list[Row]
    references: list[Row]
    by_group: list[str]
    languages: list[str]
    contrasts: list[Row]
    sensitivity: list[Row]
    effects: EffectGrid
    checks: list[Row]
    beat_baselines: PassedTargets
    beat_random: PassedTargets
    frozen: PassedTargets
    matrix: Grid[HeatCell]
    difference: Grid[HeatCell]
    counts: Grid[Row]
    few: list[Row]
    budgets: list[Row]
    largest_deviation: float
    learned_tasks: pd.DataFrame
    matched_tasks: list[Row]
    cost: list[Row]
    layers: pd.DataFrame
    checkpoints: pd.DataFrame
    rates: list[Row]
    rates_tested: bool
    doses: DoseSection | None
    rankings: list[Row]
    choices: list[Row]
    undecided_rankings: list[str]
    sources: SourceSection | None
    generated: list[Row]


def encoder_section(
    encoder: str, tables: dict[str, pd.DataFrame], results: Path, settings: ReportSettings
) -> EncoderSection:
    """Collect what the report shows of an encoder from the result tables and the folder of figures."""
    own = {name: table[table["encoder"] == encoder] for name, table in tables.items() if "encoder" in table.columns}
    comparison = settings.comparison
    design = design_of(comparison, tables["language_similarity"], encoder)
    contrasts, checks, budgets = own["contrasts"], own["target_checks"], run_records.budgets(own["runs"])
    rates = run_records.tried_rates(own["runs"])
    margin = comparison.margin
    by_role = {str(role): rows(part) for role, part in contrasts.groupby("role")}
    primary = by_role.get("primary", [None])[0]
    references = by_role.get("reference", [])
    fine_tuned = checks[checks["trained"].astype(bool)]
    sources = list(own["source_languages"]["source"]) if "source_languages" in own else []
    order = language_order(tables["language_similarity"], [*own["counts"]["language"], *sources])
    learned_tasks = run_records.learned(own["runs"], settings.arms)
    seen = run_records.examples_seen(own["runs"], settings.arms)
    ranked = own.get("transferability", pd.DataFrame())
    ranks = None if ranked.empty else ranking_tables(ranked, own["effects"], comparison.confidence)
    metrics = {name: target.metric for name, target in comparison.targets.items()}
    others = other_analyses(primary, asked_again(primary, by_role), margin) if primary else ("", "")
    return EncoderSection(
        name=encoder,
        figures=_figures(results / "figures" / encoder, encoder),
        headline=_headline(primary, references, settings),
        primary=primary,
        other_verdicts=others[0],
        same_verdicts=others[1],
        leave_one_out=leave_one_out(primary, by_role.get("leave one out", []), margin) if primary else "",
        largest_gain=largest_gain(own["effects"], comparison.language_set),
        by_control=by_control(by_role.get("control", []), comparison.contrast, margin),
        references=references,
        by_group=by_group(by_role.get("group", []), margin),
        languages=contrast_languages(contrasts, design),
        contrasts=rows(contrasts[~contrasts["role"].isin(["cell", "language", *SENSITIVITY])]),
        sensitivity=rows(contrasts[contrasts["role"].isin(["primary", *SENSITIVITY])]),
        effects=effect_grid(own["effects"], comparison.language_set),
        checks=check_rows(checks),
        beat_baselines=passed_targets(fine_tuned[fine_tuned["rival_kind"] == "trivial"]),
        beat_random=passed_targets(fine_tuned[fine_tuned["rival_kind"] == "random"]),
        frozen=passed_targets(checks[~checks["trained"].astype(bool)]),
        matrix=score_map(own["counts"], order),
        difference=contrast_map(contrasts, order),
        counts=count_grid(own["counts"], order),
        few=rows(own["counts"][own["counts"]["few"]]),
        budgets=rows(budgets),
        largest_deviation=float(budgets["deviation"].abs().max()),
        learned_tasks=learned_tasks,
        matched_tasks=rows(run_records.matched(tables["matched_tasks"], learned_tasks, seen)),
        cost=rows(run_records.cost(own["runs"])),
        layers=layer_scores(own["layers"]),
        checkpoints=checkpoint_scores(own["scores"], metrics),
        rates=rows(rates),
        rates_tested=bool(rates["wrong_language"].notna().any()),
        doses=dose_section(own["doses"], design) if "doses" in own else None,
        rankings=rows(ranks.rankings) if ranks else [],
        choices=rows(ranks.choices) if ranks else [],
        undecided_rankings=undecided_rankings(ranks.choices) if ranks else [],
        sources=source_section(own["source_languages"], order) if "source_languages" in own else None,
        generated=rows(read_csv(results / "tables" / encoder / "wrong-language.csv")) if settings.generation else [],
    )


def dose_section(doses: pd.DataFrame, design: Design) -> DoseSection:
    """Return what the report shows of the trials of one encoder.

    Effects are means over all groups of targets in programming languages or, if no trial has such a target, in others.
    """
    found = dose_tables(doses, design)
    tried = set(found.effects["scope"])
    means = [name for name, (kind, _) in design.scopes.items() if kind == "all" and name in tried]
    scope = next(iter(sorted(means, key=lambda name: name != ALL_GROUPS)), ALL_GROUPS)
    trials = by_trial(found, scope)
    return DoseSection(
        texts=sorted(set(found.losses["texts"])),
        losses=text_losses(found.losses),
        ends=chosen_ends(doses),
        seeds=sorted(int(seed) for seed in doses["seed"].unique()),
        tested=TEST in trials,
        generated=WRONG_LANGUAGE in trials,
        trials=rows(trials),
        fixed=rows(found.fixed[found.fixed["scope"] == scope]),
        same_arms=have_all_rates(found.effects[found.effects["scope"] == scope], design),
        failed=rows(found.failed),
    )


def _headline(primary: Row | None, references: list[Row], settings: ReportSettings) -> str:
    if settings.rehearsal:
        return "A rehearsal: random weights, two steps."
    if primary is None:
        first, second = settings.comparison.contrast
        if not {first, second} <= {arm.family for arm in settings.arms.values()}:
            return f"This study does not compare {family_name(first)} with {family_name(second)}."
        return "This study has no data for its primary contrast."
    return headline(primary, settings.comparison.margin, references)


def _figures(folder: Path, encoder: str) -> dict[str, Markup]:
    """Return the figures that show anything: those with numbers."""
    return {
        path.stem: embedded_svg(path.read_text(encoding="utf-8"), f"{encoder}-{path.stem}")
        for path in sorted(folder.glob("*.svg"))
        if not read_csv(path.with_suffix(".csv")).empty
    }


def passed_targets(checks: pd.DataFrame) -> PassedTargets:
    """Count the targets that beat all rivals in these checks with an interval above zero."""
    judged = checks.dropna(subset="passed")
    passed = judged.groupby("target", sort=False)["passed"].all().astype(bool)
    unjudged = sorted(set(checks["target"]) - set(passed.index))
    return PassedTargets(int(passed.sum()), len(passed) + len(unjudged), passed.index[~passed].tolist(), unjudged)


def effect_grid(effects: pd.DataFrame, language_set: str) -> EffectGrid:
    """Return the effects in the languages of the primary contrast by arm and group of targets, means first."""
    table = effects[(effects["language_set"] == language_set) & effects["scope_kind"].isin(["group", "all"])]
    scopes = table[["scope", "scope_kind"]].drop_duplicates().sort_values(["scope_kind", "scope"])
    columns = scopes["scope"].tolist()  # "all" comes before "group"
    by_side = {(row["arm"], row["kind"], row["scope"]): row for row in rows(table)}
    sides = dict.fromkeys(zip(table["arm"], table["kind"], table["family"], strict=True))
    ranked = sorted(sides, key=lambda side: (FAMILY_ORDER.index(side[2]), side[1] != "family"))
    grid_rows = [
        EffectRow(arm, kind, family, [by_side.get((arm, kind, scope)) for scope in columns])
        for arm, kind, family in ranked
    ]
    return EffectGrid(columns, grid_rows)


def check_rows(checks: pd.DataFrame) -> list[Row]:
    """Return one row per target, with its rivals and their scores under ``rivals``."""
    targets: dict[str, Row] = {}
    for row in rows(checks):
        target = targets.setdefault(row["target"], {**row, "rivals": []})
        target["rivals"].append(row | {"rival": rival_name(row["rival"], row["rival_kind"])})
    return list(targets.values())
