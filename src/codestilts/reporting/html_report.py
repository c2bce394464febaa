"""The report: the tables and figures of a results folder as one self-contained page."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from codestilts import display_names
from codestilts.config.analysis_settings import ReportSettings
from codestilts.config.plan_record import PLAN, read_entries
from codestilts.config.scopes import effect_figure
from codestilts.csv_tables import read_csv
from codestilts.errors import CodeStiltsError
from codestilts.evaluation.leakage import findings
from codestilts.evaluation.metrics.registry import METRICS
from codestilts.evaluation.statistics.target_checks import FEW
from codestilts.evaluation.statistics.verdicts import has_interval, in_points
from codestilts.job_files import read_parquet
from codestilts.reporting.answer import Row, across_encoders, deciding, lost_to_correction, rows
from codestilts.reporting.claim_rows import claim_rows
from codestilts.reporting.encoder_section import encoder_section
from codestilts.reporting.glossary import Glossary
from codestilts.reporting.page_links import linked, script_digest
from codestilts.reporting.prediction_browser import EXCHANGED, PER_CELL, page_data
from codestilts.reporting.registered_plan import plan_notes
from codestilts.reporting.report_tables import REPORT_TABLES
from codestilts.reporting.robustness import cells_name, intervals_of_units
from codestilts.reporting.run_records import MACHINE
from codestilts.reporting.sample_predictions import CRITERIA
from codestilts.reporting.study_tables import arm_table, by_family, control_name, encoder_notes, source_table
from codestilts.reporting.svg import embedded_svg
from codestilts.reporting.tables import p_value, points, star, with_interval
from codestilts.result_files import prediction_files

BROWSED = "browsed_predictions.parquet"
THIN_SPACE = "\u202f"  # between thousands


@dataclass(frozen=True)
class ReportInputs:
    """The inputs of the report.

    ``template`` is the template of the page; its style (``page.css``) and its script (``page.js``) are beside it.
    ``tasks`` are the task files by name, ``image`` is the SHA-256 of the container image that the jobs ran in, if they
    did, and ``energy`` is what training and prediction used, in words. ``overlays`` are the study's config files over
    config.yaml, as commands of the page name them.
    """

    template: Path
    results: Path
    sources: pd.DataFrame
    tasks: dict[str, Row]
    settings: ReportSettings
    image: str = ""
    energy: str = ""
    overlays: Sequence[str] = ()


@dataclass(frozen=True)
class StudySize:
    """Numbers that show how large a study is; ``steps``, and ``tokens`` per step, are texts by phase."""

    runs: int
    hours: float
    test_examples: int
    unseen: list[str]
    seen: list[str]
    steps: dict[str, str]
    tokens: dict[str, str]


def read_tables(results: Path, settings: ReportSettings) -> dict[str, pd.DataFrame]:
    """Read the result tables that the report shows.

    Raises:
        CodeStiltsError: A table is missing.
    """
    tables: dict[str, pd.DataFrame] = {}
    optional = {
        "doses": settings.doses,
        "transferability": settings.transferability,
        "source_languages": settings.source_languages,
    }
    for name in [*REPORT_TABLES, "efficiency", *(name for name, there in optional.items() if there)]:
        path = results / f"{name}.csv"
        if not path.exists():
            raise CodeStiltsError(f"{path}: missing: run the study up to this table first")
        tables[name] = read_csv(path, texts=name == "sample_predictions")
    tables["runs"]["target"] = tables["runs"]["target"].astype("object").fillna("")
    return tables


def render(inputs: ReportInputs) -> str:
    """Return the page. The template engine escapes all texts; only the study's own figures are inserted as they are.

    Raises:
        CodeStiltsError: A table is missing.
    """
    settings, tables = inputs.settings, read_tables(inputs.results, inputs.settings)
    browsed = read_parquet(inputs.results / BROWSED)
    closed = without_samples(inputs.tasks, settings, {*tables["sample_predictions"]["target"], *browsed["target"]})
    not_comparable = incomparable(inputs.tasks, settings)
    engine = _engine(inputs.template.parent, not_comparable)
    script = (inputs.template.parent / "page.js").read_text(encoding="utf-8")
    encoders = [encoder_section(encoder, tables, inputs.results, settings) for encoder in settings.encoders]
    types = {name: str(task["type"]) for name, task in inputs.tasks.items()}
    figures = {encoder.name: frozenset(encoder.figures) for encoder in encoders}
    pairs = tables["runs"][["encoder", "arm"]].drop_duplicates().itertuples(index=False, name=None)
    return engine.get_template(inputs.template.name).render(
        study=settings,
        style=Markup((inputs.template.parent / "page.css").read_text(encoding="utf-8")),
        script=Markup(script),
        script_digest=script_digest(script),
        exhibit=partial(linked, inputs.results, settings.study),
        comparison=settings.comparison,
        arms=rows(arm_table(settings.arms)),
        random_arms=[name for name, arm in settings.arms.items() if arm.init == "random"],
        encoders=encoders,
        glossary=Glossary(),
        matched_forms=any(one.primary and one.primary["plus_kind"] == "domain" for one in encoders),
        few_examples=FEW,
        units_alone=intervals_of_units(tables["contrasts"]),
        across_encoders=""
        if settings.rehearsal
        else across_encoders({one.name: one.primary for one in encoders}, settings.comparison.margin),
        controls={name: control_name(arm, types) for name, arm in settings.arms.items() if arm.family == "control"},
        overlays=" ".join([" --configfile" if inputs.overlays else "", *inputs.overlays]),
        claims=claim_rows(tables["claims"], figures, len(encoders) > 1),
        plan=plan_notes(read_entries(inputs.results / PLAN), inputs.results, list(pairs)),
        size=study_size(tables, settings),
        tasks=task_rows(inputs.tasks, settings),
        incomparable=not_comparable,
        encoder_notes=encoder_notes(inputs.sources, settings.encoder_sources),
        sources=rows(source_table(inputs.sources, settings.sources)),
        audit=rows(tables["audit"]),
        shared={split: findings(tables["audit"], split) for split in ("train", "dev")},
        examples=example_groups(tables["sample_predictions"], types),
        browsed=browser_data(browsed, list(by_family(settings.arms)), inputs.tasks),
        per_cell=PER_CELL,
        exchanged=EXCHANGED,
        mining=sorted(mining(inputs.tasks) & {*settings.comparison.targets}),
        closed=closed,
        withheld=[target for target in closed if not has_predictions(inputs.results, target)],
        languages=rows(tables["language_similarity"]),
        stages=rows(read_csv(inputs.results / "tables/stages.csv")),
        jobs=embedded_svg((inputs.results / "figures/jobs.svg").read_text(encoding="utf-8"), "jobs"),
        slurm_rows=rows(tables["efficiency"]),
        machine=machine(tables["runs"]),
        image=inputs.image,
        energy=inputs.energy,
        budgets=json.dumps(settings.budgets, indent=1),
    )


def _engine(folder: Path, not_comparable: dict[str, str]) -> Environment:
    engine = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    engine.filters |= {
        "language_name": display_names.language_name,
        "visible": display_names.visible,
        "defined": _defined,
        "points": points,
        "p": p_value,
        "thousands": thousands,
        "rate": learning_rate,
        "sentence": lambda text: text[:1].upper() + text[1:],
        "marked": lambda task: f"{task} †" if task in not_comparable else task,
    }
    names = (
        "language_name",
        "language_set_name",
        "family_name",
        "side_name",
        "contrast_name",
        "contrast_label",
        "scope_name",
        "ranking_name",
        "method_name",
    )
    engine.globals |= {name: getattr(display_names, name) for name in names}
    engine.globals |= {"has_interval": has_interval, "in_points": in_points, "interval": with_interval}
    engine.globals |= {"lost_to_correction": lost_to_correction, "effect_figure": effect_figure, "star": star}
    engine.globals |= {"cells_name": cells_name, "deciding": deciding}
    return engine


@pass_context  # a filter without it is applied to constant texts before the page is written, in no order
def _defined(context: Context, text: str) -> Markup:
    glossary: Glossary = context["glossary"]
    return glossary.linked(text)


def thousands(number: float) -> str:
    """Return a whole number with thin spaces between thousands."""
    return f"{number:,.0f}".replace(",", THIN_SPACE)


def learning_rate(rate: float | str) -> str:
    """Return a learning rate as ``1.7e-4``, in the same form whatever its size."""
    if not float(rate):
        return "0"
    mantissa, exponent = f"{float(rate):.3e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def incomparable(tasks: dict[str, Row], settings: ReportSettings) -> dict[str, str]:
    """Return the tasks whose numbers cannot be compared with published ones, and why."""
    reasons = {name: [task["incomparable"]] for name, task in tasks.items() if task.get("incomparable")}
    for name, splits in settings.sampled.items():
        reasons.setdefault(name, []).append(f"this study draws only a part of its {' and '.join(splits)} rows")
    return {name: "; ".join(task_reasons) for name, task_reasons in reasons.items()}


def study_size(tables: dict[str, pd.DataFrame], settings: ReportSettings) -> StudySize:
    """Return the numbers that show how large the study is."""
    runs, counts, comparison = tables["runs"], tables["counts"], settings.comparison
    seen = set(comparison.seen_languages)
    sources = {target.source_language for target in comparison.targets.values()}
    phases = {str(phase): part for phase, part in runs.groupby("phase")}
    return StudySize(
        runs=len(runs),
        hours=runs["seconds"].sum() / 3600,
        test_examples=int(counts.drop_duplicates(["target", "language"])["examples"].sum()),
        unseen=[name for name in comparison.languages if name not in seen | sources],
        seen=[name for name in comparison.languages if name in seen - sources],
        steps={phase: number_range(part["steps"]) for phase, part in phases.items()},
        tokens={phase: number_range(part["tokens"] / part["steps"]) for phase, part in phases.items()},
    )


def number_range(numbers: pd.Series) -> str:
    """Return numbers as ``300`` if they differ by at most 1 %, else from the least to the largest: ``300 to 1 200``."""
    low, high = numbers.min(), numbers.max()
    texts = [thousands(round(number, -2 if number > 1000 else 0)) for number in (low, high)]
    return texts[0] if high <= 1.01 * low else " to ".join(dict.fromkeys(texts))


def task_rows(tasks: dict[str, Row], settings: ReportSettings) -> list[Row]:
    """Return every task of the study with its role and its metric in words."""
    optional = dict.fromkeys(("citation", "defects", "incomparable", "published"), "")
    return [
        {
            **optional,
            **task,
            "name": name,
            "role": "target" if name in settings.comparison.targets else "intermediate",
            "metric": METRICS[task["metric"]].label if task["type"] != "mlm" else "no metric",
        }
        for name, task in sorted(tasks.items())
    ]


def example_groups(sample_predictions: pd.DataFrame, types: dict[str, str]) -> list[Row]:
    """Return the sample predictions by target (whose task types these are), each with the answers of all arms."""
    groups: dict[str, dict[str, Row]] = {}
    for row in rows(sample_predictions):
        examples = groups.setdefault(row["target"], {})
        example = examples.setdefault(row["id"], {**row, "answers": []})
        example["answers"].append(row | {"right": str(row["right"]) == "True"})
    return [
        dict(zip(("target", "right_if", "otherwise"), (target, *CRITERIA[types[target]]), strict=True))
        | {"examples": list(examples.values())}
        for target, examples in groups.items()
    ]


def machine(runs: pd.DataFrame) -> dict[str, str]:
    """Return the hardware and software of the runs; several values are joined where runs differ."""
    columns = [*MACHINE, "versions"]
    found = {name: ", ".join(sorted({str(value) for value in runs[name].dropna()})) or "unknown" for name in columns}
    return found | {"versions": re.sub(r"(\w+ [^ ,]+) ", r"\1, ", found["versions"])}


def without_samples(tasks: dict[str, Row], settings: ReportSettings, sampled: set[str]) -> list[str]:
    """Return the targets of which examples are shown in a study, but not here: its archive had to leave them out."""
    return [name for name in settings.comparison.targets if name not in sampled | mining(tasks)]


def mining(tasks: dict[str, Row]) -> set[str]:
    """Return the tasks of mining, of which no examples are shown: an answer is pairs out of a whole collection."""
    return {name for name, task in tasks.items() if (task.get("options") or {}).get("protocol") == "mining"}


def has_predictions(results: Path, target: str) -> bool:
    """Return whether a folder of results has predictions for a target."""
    return bool(prediction_files(results, target=target))


def browser_data(table: pd.DataFrame, arms: list[str], tasks: dict[str, Row]) -> dict[str, Any]:
    """Return the predictions to browse for the script of the page, with the names of languages; ``arms`` in order.

    ``criteria`` has a sentence for each target that says which answers are right, and a word for all others.
    """
    rank = {name: number for number, name in enumerate(arms)}
    data = page_data(table.sort_values("arm", key=lambda column: column.map(rank), kind="stable"))
    languages = {name for by_language in data["cells"].values() for name in by_language}
    criteria = {}
    for target in data["cells"]:
        right_if, otherwise = CRITERIA[tasks[target]["type"]]
        label = METRICS[tasks[target]["metric"]].label
        says = f"An answer is right if {right_if}. The score of this target is the {label}."
        criteria[target] = {"says": says, "otherwise": otherwise[0].upper() + otherwise[1:]}
    names = {name: display_names.language_name(name) for name in sorted(languages)}
    return data | {"names": names, "criteria": criteria}
