"""The study as one self-contained page: tables and figures of a results folder, filled into a template."""

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from codestilts.csv_tables import read_csv
from codestilts.display_names import language_name, said, visible
from codestilts.errors import CodeStiltsError
from codestilts.evaluation.leakage import findings
from codestilts.evaluation.metrics.registry import LABELS
from codestilts.evaluation.statistics.design import design_of
from codestilts.evaluation.statistics.verdicts import has_interval
from codestilts.reporting import run_records
from codestilts.reporting.answer import Row, by_group, contrast_languages, headline, rows
from codestilts.reporting.tables import p_value, points, with_interval
from codestilts.workflow.benchmarks import stage_rows

TABLES = [
    "contrasts",
    "effects",
    "target_checks",
    "counts",
    "language_similarity",
    "runs",
    "sample_predictions",
    "audit",
    "layers",
    "scores",
    "efficiency",
]
PHASES = ["intermediate", "target"]
FAMILIES = ["baseline", "code", "english", "mixed", "variant", "control"]


def read_tables(results: Path) -> dict[str, pd.DataFrame]:
    """The result tables that the page tells of, by name. Raises :class:`CodeStiltsError` where one is
    missing.
    """
    tables: dict[str, pd.DataFrame] = {}
    for name in TABLES:
        path = results / f"{name}.csv"
        if not path.exists():
            raise CodeStiltsError(f"{path}: not there: run the study up to it first")
        tables[name] = read_csv(path, texts=name == "sample_predictions")
    tables["runs"]["target"] = tables["runs"]["target"].astype("object").fillna("")
    return tables


def render(
    template: str, results: Path, sources: pd.DataFrame, tasks: dict[str, Row], facts: dict[str, Any], image: str = ""
) -> str:
    """The page. Every text is escaped by the template engine; only the study's own figures go in as they are.

    ``tasks`` are the task files by name, ``facts`` the study's ``report_settings``, ``image`` the sha256 of the image
    that its jobs ran in, if they did.
    """
    tables = read_tables(results)
    engine = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    engine.filters |= {
        "language": language_name,
        "visible": visible,
        "points": points,
        "p": p_value,
        "thousands": lambda number: f"{number:,.0f}".replace(",", "\u202f"),
    }
    engine.globals |= {"has_interval": has_interval, "interval": with_interval, "said": said, "shown": language_name}
    apart = incomparable(tasks, facts)
    engine.filters["marked"] = lambda task: f"{task} †" if task in apart else task
    encoders = [about_encoder(encoder, tables, results, facts) for encoder in facts["encoders"]]
    return engine.from_string(template).render(
        facts=facts | {"arms": by_family(facts["arms"])},
        encoders=encoders,
        size=study_size(tables, facts),
        tasks=task_rows(tasks, facts),
        incomparable=apart,
        sources=source_rows(sources, facts["sources"]),
        audit=rows(tables["audit"]),
        shared={split: findings(tables["audit"], split) for split in ("train", "dev")},
        examples=example_groups(tables["sample_predictions"]),
        languages=rows(tables["language_similarity"]),
        stages=stage_rows(results / "benchmarks"),
        slurm=about_slurm(tables["efficiency"]),
        machine=machine(tables["runs"]) | {"image": image},
        settings=json.dumps(facts["budgets"], indent=1),
    )


def incomparable(tasks: dict[str, Row], facts: dict[str, Any]) -> dict[str, str]:
    """The tasks whose numbers can't be compared with published ones, and why."""
    reasons = {name: [task["incomparable"]] for name, task in tasks.items() if task.get("incomparable")}
    for name, splits in facts.get("cut", {}).items():
        reasons.setdefault(name, []).append(f"this study draws a part of its {' and '.join(splits)} rows")
    return {name: "; ".join(own) for name, own in reasons.items()}


def about_encoder(encoder: str, tables: dict[str, pd.DataFrame], results: Path, facts: dict[str, Any]) -> Row:
    """All that the page shows of one encoder."""
    own = {name: table[table["encoder"] == encoder] for name, table in tables.items() if "encoder" in table.columns}
    contrasts, checks = own["contrasts"], own["target_checks"]
    figures = {
        path.stem: figure(path.read_text(encoding="utf-8"), f"{encoder}-{path.stem}")
        for path in figure_files(results / "figures" / encoder)
    }
    asked = contrasts[~contrasts["role"].isin(["cell", "language"])]
    primary = rows(contrasts[contrasts["role"] == "primary"])
    trained = checks[checks["trained"] & checks["rival"].str.startswith("baseline:")]
    random = checks[checks["trained"] & (checks["rival"] == "random")]
    beside = rows(contrasts[contrasts["role"] == "beside"])
    said_first = headline(primary[0], facts["margin"], beside) if primary else "There is nothing to contrast here."
    return {
        "name": encoder,
        "figures": figures,
        "primary": primary[0] if primary else None,
        "headline": "A rehearsal: random weights, two steps." if facts.get("rehearsal") else said_first,
        "by_group": by_group(contrasts[contrasts["role"] == "group"], facts["margin"]),
        "beside": beside,
        "languages": contrast_languages(contrasts, design_of(facts, tables["language_similarity"], encoder)),
        "controls": rows(contrasts[contrasts["role"] == "control"]),
        "contrasts": rows(asked),
        "effects": effect_grid(own["effects"], facts["language_set"]),
        "checks": check_rows(checks),
        "learned": learned(trained),
        "above_random": learned(random),
        "counts": count_grid(own["counts"], list(tables["language_similarity"]["language"])),
        "few": rows(own["counts"][own["counts"]["few"]]),
        "budgets": rows(run_records.budgets(own["runs"])),
        "off_budget": float(run_records.budgets(own["runs"])["deviation"].abs().max()),
        "learned_tasks": run_records.learned(own["runs"], facts["arms"]),
        "cost": rows(run_records.cost(own["runs"])),
        "layers": layer_grid(own["layers"]),
        "checkpoints": checkpoint_grid(
            own["scores"], {name: task["metric"] for name, task in facts["targets"].items()}
        ),
    }


def by_family(arms: dict[str, Row]) -> dict[str, Row]:
    """The arms, family by family; within one in the order of the alphabet, mixtures after single tasks."""
    ranked = sorted(arms, key=lambda arm: (FAMILIES.index(arms[arm]["family"]), len(arms[arm]["tasks"]), arm))
    return {arm: arms[arm] for arm in ranked}


def learned(checks: pd.DataFrame) -> dict[str, Any]:
    """How many targets beat all their rivals with an interval above zero, which don't, and which have no interval."""
    judged = checks.dropna(subset="passed")
    passed = judged.groupby("target", sort=False)["passed"].all().astype(bool)
    unjudged = sorted(set(checks["target"]) - set(passed.index))
    numbers = {"passed": int(passed.sum()), "all": len(passed) + len(unjudged)}
    return {**numbers, "failed": passed.index[~passed].tolist(), "unjudged": unjudged}


def effect_grid(effects: pd.DataFrame, language_set: str) -> dict[str, Any]:
    """Arms (rows) and target groups (columns) in the languages of the contrast, with intervals."""
    unseen = effects[(effects["language_set"] == language_set) & effects["kind"].isin(["group", "all"])]
    columns = sorted(set(unseen["scope"]), key=lambda scope: (scope != "all groups", scope))
    cells = {(row["arm"], row["scope"]): row for row in rows(unseen)}
    arms = dict.fromkeys(zip(unseen["arm"], unseen["family"], strict=True))
    ranked = sorted(arms, key=lambda pair: (FAMILIES.index(pair[1]), not pair[0].endswith(" family")))
    body = [
        {"arm": arm, "family": family, "cells": [cells.get((arm, scope)) for scope in columns]}
        for arm, family in ranked
    ]
    return {"columns": columns, "rows": body}


def layer_grid(layers: pd.DataFrame) -> dict[str, Any]:
    """Untrained targets (rows) by block (columns), arm none, mean over seeds and languages, in points."""
    none = layers[layers["arm"] == "none"]
    table = 100 * none.pivot_table(index="target", columns="layer", values="value", aggfunc="mean")
    return {"columns": list(table), "rows": [(target, list(values)) for target, values in table.iterrows()]}


def checkpoint_grid(scores: pd.DataFrame, metrics: dict[str, str]) -> dict[str, Any]:
    """Trained targets (rows) by selected checkpoint, mean of all arms but controls, zero-shot languages, in points.

    ``metrics``: each target's own. Empty where only one kind of checkpoint is tested.
    """
    scores = scores[scores["metric"] == scores["target"].map(metrics)]
    trained = scores[(scores["checkpoint"] != "") & scores["zero_shot"] & (scores["family"] != "control")]
    table = 100 * trained.pivot_table(index="target", columns="checkpoint", values="value", aggfunc="mean")
    columns = [name for name in ("dev", "last", "oracle") if name in table]
    if len(columns) < 2:
        return {"columns": [], "rows": []}
    return {"columns": columns, "rows": [(target, list(values)) for target, values in table[columns].iterrows()]}


def check_rows(checks: pd.DataFrame) -> list[Row]:
    """Targets with what they reach and their rivals, which get names that readers understand."""
    names = {"random": "random weights", "baseline:random": "random guess", "baseline:bm25": "BM25"}
    targets: dict[str, Row] = {}
    for row in rows(checks):
        target = targets.setdefault(row["target"], {**row, "rivals": []})
        rival = names.get(row["rival"], row["rival"].removeprefix("baseline:").replace("-", " "))
        target["rivals"].append(row | {"rival": rival})
    return list(targets.values())


def count_grid(counts: pd.DataFrame, languages: list[str]) -> dict[str, Any]:
    """Targets (rows) and languages (columns): test examples and half-widths of intervals."""
    columns = [name for name in languages if name in set(counts["language"])]
    cells = {(row["target"], row["language"]): row for row in rows(counts)}
    targets = dict.fromkeys(counts["target"])
    return {
        "columns": columns,
        "rows": [{"target": target, "cells": [cells.get((target, name)) for name in columns]} for target in targets],
    }


def study_size(tables: dict[str, pd.DataFrame], facts: dict[str, Any]) -> Row:
    """The numbers that tell a reader how large the study is."""
    runs, counts = tables["runs"], tables["counts"]
    per_target = counts.drop_duplicates(["target", "language"])
    seen, sources = set(facts["seen"]), set(facts["source_languages"])
    return {
        "runs": len(runs),
        "hours": runs["seconds"].sum() / 3600,
        "tests": int(per_target["examples"].sum()),
        "unseen": [name for name in facts["languages"] if name not in seen | sources],
        "seen": [name for name in facts["languages"] if name in seen - sources],
        "steps": dict.fromkeys(PHASES, "") | {phase: spread(part["steps"]) for phase, part in runs.groupby("phase")},
        "tokens": dict.fromkeys(PHASES, "")
        | {phase: spread(part["tokens"] / part["steps"]) for phase, part in runs.groupby("phase")},
    }


def spread(numbers: pd.Series) -> str:
    """One number for all, or from the least to the largest: ``300``, ``300 to 1 200``; within 1 % they are
    the same.
    """
    low, high = numbers.min(), numbers.max()
    texts = [f"{round(number, -2 if number > 1000 else 0):,.0f}".replace(",", "\u202f") for number in (low, high)]
    return texts[0] if high <= 1.01 * low else " to ".join(dict.fromkeys(texts))


def task_rows(tasks: dict[str, Row], facts: dict[str, Any]) -> list[Row]:
    """Every task of the study with its role and its metric in words."""
    return [
        {"defects": "", "incomparable": "", "published": "", **task}
        | {"name": name, "role": "target" if name in facts["targets"] else "intermediate"}
        | {"metric": LABELS[task["metric"]] if task["type"] != "mlm" else "no metric"}
        for name, task in sorted(tasks.items())
    ]


def source_rows(sources: pd.DataFrame, used: list[str]) -> list[Row]:
    """The table of sources that the study fetched."""
    return rows(sources[sources["name"].isin(used)].sort_values("name"))


def example_groups(showcase: pd.DataFrame) -> list[Row]:
    """Shown examples by target: each with what was asked, the right answer and every arm's prediction."""
    groups: dict[str, dict[str, Row]] = {}
    for row in rows(showcase):
        examples = groups.setdefault(row["target"], {})
        example = examples.setdefault(row["id"], {**row, "answers": []})
        example["answers"].append(row | {"right": str(row["right"]) == "True"})
    return [{"target": target, "examples": list(examples.values())} for target, examples in groups.items()]


def machine(runs: pd.DataFrame) -> dict[str, str]:
    """Where the runs were made; several values where they differ."""
    names = ["device", "processor", "threads", "versions", "commit"]
    return {name: ", ".join(sorted({str(value) for value in runs[name].dropna()})) or "unknown" for name in names}


def figure_files(folder: Path) -> list[Path]:
    """The SVG files of a folder, sorted."""
    return sorted(folder.glob("*.svg"))


def about_slurm(efficiency: pd.DataFrame) -> Row:
    """What Slurm's jobs used of what they asked for, as rows and as a figure; nothing where it ran none."""
    if efficiency.empty:
        return {"rows": [], "figure": Markup()}
    from codestilts.reporting import figures  # takes a second to load, and most studies don't need it

    figures.style()
    return {"rows": rows(efficiency), "figure": figure(figures.svg(figures.efficiency(efficiency)), "slurm")}


def figure(text: str, prefix: str) -> Markup:
    """An SVG to put into the page: without prolog and metadata, its ids made unique, as wide as its place
    allows.
    """
    text = re.sub(r"^.*?(?=<svg)", "", text, count=1, flags=re.DOTALL)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'(\sid=")', rf"\1{prefix}-", text)
    text = re.sub(r'(href="#)', rf"\1{prefix}-", text)
    text = re.sub(r"(url\(#)", rf"\1{prefix}-", text)
    size = re.search(r'viewBox="0 0 ([\d.]+)', text)
    width = float(size.group(1)) * 96 / 72 if size else 600
    opening = f'<svg aria-hidden="true" style="width:{width:.0f}px" '
    text = re.sub(r'<svg ([^>]*?)(?:width="[^"]*" ?|height="[^"]*" ?)', r"<svg \1", text, count=1)
    text = re.sub(r'<svg ([^>]*?)(?:width="[^"]*" ?|height="[^"]*" ?)', r"<svg \1", text, count=1)
    return Markup(text.replace("<svg ", opening, 1))
