"""A small folder of results with made-up numbers, in the layout of real ones."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from codestilts.csv_tables import write_csv
from codestilts.provenance import write_json
from codestilts.training.curve import downsample_curve

ARMS, TARGETS, LANGUAGES, SEEDS = ["none", "pos"], ["match", "tags"], ["python", "c", "go"], [0, 1]
ROWS = 100  # test rows of each language
RUNS = [(arm, target, seed) for arm in ARMS for target in TARGETS for seed in SEEDS]


def value(arm: str, target: str, seed: int, language: str) -> float:
    """A score that differs between all runs and languages by several points."""
    parts = (ARMS.index(arm), TARGETS.index(target), seed, LANGUAGES.index(language))
    return 0.2 + sum(part * step for part, step in zip(parts, (0.25, 0.1, 0.05, 0.02), strict=True))


def make_results(folder: Path, processor: str = "a chip") -> Path:
    """Write the results of two arms on two targets with two seeds."""
    scores = [
        {"encoder": "tiny", "arm": arm, "family": "code", "target": target, "seed": seed, "checkpoint": "last",
         "language": language, "metric": "accuracy", "value": value(arm, target, seed, language), "n": ROWS}
        for arm, target, seed in RUNS for language in LANGUAGES
    ]  # fmt: skip
    write_csv(pd.DataFrame(scores), folder / "scores.csv", float_format="%.6f")
    effects = [
        {"encoder": "tiny", "arm": "pos", "kind": "arm", "scope": target, "scope_kind": "target", "language_set": "all",
         "cells": 3, "none": 50.0, "effect": 25.0, "low": 20.0, "high": 30.0, "p": 0.01, "by_seed": "24.000 26.000"}
        for target in TARGETS
    ]  # fmt: skip
    write_csv(pd.DataFrame(effects), folder / "effects.csv", float_format="%.6f")
    claim = {"claim": "gain", "encoder": "tiny", "item": "", "says": "It helps.", "verdict": "supported"}
    claim |= {"value": 25.0, "low": 20.0, "high": 30.0, "why": "the interval is above 0"}
    write_csv(pd.DataFrame([claim, claim | {"claim": "close", "low": 0.1}]), folder / "claims.csv")
    for arm, target, seed in RUNS:
        write_json(
            folder / "target" / "tiny" / arm / target / "0-1" / str(seed) / "run.json",
            record(arm, target, seed, processor),
        )
    for arm in ARMS:
        for target in TARGETS:
            rows = {"seed": [0, 1], "id": ["x", "y"], "prediction": [f"{arm} {target}", "b"], "score": [0.5, 0.25]}
            path = folder / "predictions" / "tiny" / arm / target / "0-1.parquet"
            path.parent.mkdir(parents=True)
            pd.DataFrame(rows).to_parquet(path, index=False)
    (folder / "examples").mkdir()
    pd.DataFrame({"id": ["x"], "tags": [["A", "B"]]}).to_parquet(folder / "examples" / "match.parquet")
    return folder


def record(arm: str, target: str, seed: int, processor: str) -> dict[str, Any]:
    """The part of a run's record that is compared."""
    settings = {"encoder": "tiny", "arm": arm, "target": target, "learning_rate": 0.001, "steps": 60, "seeds": SEEDS}
    about = {"phase": "target", "encoder": "tiny", "arm": arm, "target": target, "seed": seed, "settings": settings}
    drawn = {target: {"digest": f"rows of seed {seed}", "rows": 40, "pool": 80}}
    machine = {"device": "cpu", "processor": processor, "threads": 1, "precision": "fp32", "versions": {"torch": "2"}}
    return {**about, **machine, "steps": 60, "tokens": 1000, "drawn": drawn, "commit": "abc"}


def write_run(folder: Path, arm: str, seed: int, tokens: int = 100, target: str = "") -> Path:
    """Write the record of a training run of 100 steps, and return its file."""
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


def change_csv(path: Path, change: Any) -> None:
    """Change a table in place."""
    write_csv(change(pd.read_csv(path, dtype=str, keep_default_na=False)), path)


def change_json(path: Path, change: Any) -> None:
    """Change a JSON file in place."""
    found = json.loads(path.read_text(encoding="utf-8"))
    change(found)
    write_json(path, found)
