"""Tables from the records of training runs: runs, learning curves, budgets, cost and learnt intermediate tasks."""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from codestilts.columns import LAYERS, OF_OUTPUTS, QUALITY
from codestilts.config.analysis_settings import ReportedArm
from codestilts.reporting.output_languages import MEASURES, shares_of_outputs
from codestilts.result_files import reading_record

KEYS = ["phase", "encoder", "arm", "target", "seed"]
NUMBERS = ["steps", "tokens", "examples_seen", "seconds", "peak_memory_mb", "loss_first", "loss_last"]
MACHINE = ["device", "processor", "threads", "precision", "requested_precision", "commit"]
TRAINING = ["learning_rate", "method"]
POINT = ["step", "tokens", "loss", "dev"]  # the columns of a point of a curve
KINDS = ["alone", "among its family", "among all tasks", "some labels wrong", "labels shuffled"]


def read_record(path: Path) -> dict[str, Any]:
    """Return a ``run.json`` as a flat row, with its curve; the versions are joined to one text."""
    with reading_record(path):
        record = json.loads(path.read_text(encoding="utf-8"))
        versions = " ".join(f"{name} {version}" for name, version in sorted(record["versions"].items()))
        fixed = {key: record[key] for key in ("encoder", "arm", "seed", "steps", "tokens", "seconds", "curve")}
    target = record.get("target") or ""
    phase = "target" if target else "intermediate"
    rest = {name: record.get(name) for name in [*NUMBERS, *MACHINE]}
    dev = json.dumps(record.get("dev", {}), sort_keys=True)
    training = trained_how(record.get("settings", {}))
    factor = _rate_factor(record.get("settings", {}))
    tried = [trial | {"learning_rate": factor * trial["learning_rate"]} for trial in record.get("trials", [])]
    trials = json.dumps(tried)
    texts = {"dev": dev, "trials": trials, "versions": versions}
    return {**rest, **fixed, **training, **texts, "phase": phase, "target": target}


def trained_how(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the peak learning rate of a run, and which weights it trained: all (``full``), adapters (``lora``), ...

    With ``lora`` the rate is that of the adapters; heads, a new decoder among them, are trained whole at the rate of
    full fine-tuning.
    """
    lora = settings.get("lora")
    kept = [name for name in ("embeddings", "decoder") if settings.get(f"freeze_{name}")]
    method = " and ".join([*(["lora"] if lora else []), *(f"frozen {name}" for name in kept)])
    rate = settings.get("learning_rate", float("nan")) * _rate_factor(settings)
    return {"learning_rate": rate, "method": method or "full"}


def _rate_factor(settings: dict[str, Any]) -> float:
    lora = settings.get("lora")
    return float(lora["learning_rate_factor"]) if lora else 1.0


def runs_table(paths: Iterable[Path]) -> pd.DataFrame:
    """Return one row per run, sorted by phase, encoder, arm, target and seed."""
    columns = [*KEYS, *NUMBERS, *TRAINING, *MACHINE, "dev", "trials", "versions"]
    table = pd.DataFrame([read_record(path) for path in paths], columns=columns)
    return table.sort_values(KEYS, ignore_index=True)


def layers_table(sweeps: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Return all layer sweeps, one row per run, language and layer."""
    tables = list(sweeps)
    return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=LAYERS)


def curves_table(paths: Iterable[Path]) -> pd.DataFrame:
    """Return the downsampled curves of all runs, one row per point; each path is a ``run.json``."""
    parts = [pd.DataFrame(columns=[*KEYS, *POINT])]
    for path in paths:
        record = read_record(path)
        points = pd.DataFrame(record["curve"], columns=POINT)
        parts.append(points.astype({"dev": float}).assign(**{key: record[key] for key in KEYS}))
    table = pd.concat(parts, ignore_index=True)
    return table.sort_values([*KEYS, "step"], ignore_index=True)[[*KEYS, *POINT]]


def budgets(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the budget of each phase, target and arm: steps, tokens, and the deviation of tokens from the mean of all
    arms, in percent.
    """
    table = runs.groupby(["phase", "target", "arm"], sort=True).agg(
        runs=("seed", "size"), steps=("steps", "mean"), tokens=("tokens", "mean"), examples=("examples_seen", "mean")
    )
    reference = table.groupby(level=["phase", "target"])["tokens"].transform("mean")
    table["deviation"] = 100 * (table["tokens"] / reference - 1)
    return table.reset_index()


def cost(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the cost per phase and trained arm or target.

    Columns: runs, minutes of all runs, median seconds per run, peak memory (MB) and tokens per second.
    """
    table = runs.assign(trained=runs["target"].where(runs["target"] != "", runs["arm"]))
    grouped = table.groupby(["phase", "trained"], sort=True)
    costs = grouped.agg(
        runs=("seed", "size"),
        minutes=("seconds", "sum"),
        seconds=("seconds", "median"),
        memory=("peak_memory_mb", "max"),
    )
    costs["minutes"] /= 60
    costs["tokens_per_second"] = grouped["tokens"].sum() / grouped["seconds"].sum()
    return costs.reset_index()


def learned(runs: pd.DataFrame, arms: dict[str, ReportedArm]) -> pd.DataFrame:
    """Return the dev metrics of the intermediate tasks at the end of their training, in points, as means of seeds.

    The table has one row per task and one column per kind of arm that trains it: alone, in a mixture, with shuffled
    labels. The last shows the level of chance.
    """
    intermediate = runs[runs["phase"] == "intermediate"]
    kinds = intermediate["arm"].map(arms.get).map(_kind)
    scores = pd.DataFrame([json.loads(text) for text in intermediate["dev"]], index=kinds)
    table = 100 * scores.groupby(level=0).mean().T.sort_index()
    present = [kind for kind in KINDS if kind in table and table[kind].notna().any()]
    return table[present].rename_axis(None, axis=1)


def tried_rates(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the trials that chose the learning rates of targets: one row per target, trained weights and rate.

    Columns: ``target``, ``method``, ``learning_rate``, the number of ``arms`` that tried it, of those for which it was
    ``chosen``, and of those for which it ``failed``; and means after the others in points: ``dev``, the metric on dev
    rows of the source language; and, where trials predict test rows, :data:`MEASURES`: ``quality`` (the metric) and the
    shares of outputs, in zero-shot languages.
    """
    table = trials_table(runs)
    grouped = table.groupby(["target", "method", "learning_rate"], sort=True)
    counts = {"arms": ("chosen", "size"), "chosen": ("chosen", "sum"), "failed": ("failed", "sum")}
    means = {name: (name, "mean") for name in ("dev", *MEASURES)}
    return grouped.agg(**counts, **means).reset_index()


def trials_table(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the trials of each arm and target, one row each (the columns: :func:`tried_rates`)."""
    trained = runs[runs["phase"] == "target"].drop_duplicates(["arm", "target"])
    found = []
    for target, method, text in zip(trained["target"], trained["method"], trained["trials"], strict=True):
        for trial in json.loads(text):
            failed, means = trial["error"] is not None, trial.get("zero_shot", {})
            measured = {name: means.get(name) for name in (QUALITY, *OF_OUTPUTS)}
            dev = math.nan if failed else trial["dev"]
            found.append({"target": target, "method": method, **trial, "failed": failed, "dev": dev, **measured})
    numbers = ["dev", QUALITY, *OF_OUTPUTS]
    table = pd.DataFrame(found, columns=["target", "method", "learning_rate", "chosen", "failed", *numbers])
    table = table.astype(dict.fromkeys(numbers, float))
    return table.assign(dev=100 * table["dev"], quality=100 * table[QUALITY], **shares_of_outputs(table))


def examples_seen(runs: pd.DataFrame, arms: dict[str, ReportedArm]) -> pd.Series:
    """Return the mean number of examples that intermediate training on a task alone reads, by task."""
    intermediate = runs[runs["phase"] == "intermediate"]
    alone = intermediate[intermediate["arm"].map(arms.get).map(_kind) == "alone"]
    return alone.groupby(alone["arm"].map(lambda name: arms[name].tasks[0]))["examples_seen"].mean()


def matched(tasks: pd.DataFrame, learned_tasks: pd.DataFrame, seen: pd.Series) -> pd.DataFrame:
    """Return the table of tasks by form and domain with their dev scores, all in points.

    Args:
        tasks: The table of :func:`codestilts.evaluation.matched_tasks.matched_tasks`.
        learned_tasks: The table of :func:`learned`, of which the kinds with true labels are shown.
        seen: The numbers of :func:`examples_seen`.
    """
    table = tasks.assign(trivial=100 * tasks["trivial"])
    numbers = table["task"].map(seen)
    table.insert(list(table).index("tokens"), "seen", [round(x) if x == x else "" for x in numbers])
    for kind in [kind for kind in KINDS[:-1] if kind in learned_tasks]:
        table[kind] = table["task"].map(learned_tasks[kind])
    return table


def _kind(arm: ReportedArm) -> str:
    if arm.shuffle_labels:
        return "labels shuffled"
    if arm.flip_labels:
        return "some labels wrong"
    if len(arm.tasks) == 1:
        return "alone"
    return "among all tasks" if arm.family == "mixed" else "among its family"
