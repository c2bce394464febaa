"""Synthetic scores for tests of the analysis; they never enter results."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from codestilts.config.analysis_settings import ComparedArm, ComparedTarget, ComparisonSettings

SETTINGS = ComparisonSettings(
    arms={
        "none": ComparedArm("baseline"),
        "pos": ComparedArm("english"),
        "english-multi": ComparedArm("english"),
        "cloze": ComparedArm("code"),
        "code-multi": ComparedArm("code"),
        "all-multi": ComparedArm("mixed"),
        "mlm-english": ComparedArm("control", controls_for=("english",)),
        "mlm-code": ComparedArm("control", controls_for=("code",)),
        "random": ComparedArm("control", init="random"),
    },
    targets={
        "match": ComparedTarget("accuracy", "classification", "pl", "python"),
        "tags": ComparedTarget("token_accuracy", "structured", "pl", "python"),
        "search": ComparedTarget("mrr", "retrieval", "pl", "python"),
        "parallel": ComparedTarget("accuracy_at_1", "retrieval", "pl", "python", trained=False),
    },
    languages=("c", "go", "java", "javascript", "python"),
    seen_languages=("javascript", "python"),
    pretraining_languages={"tiny": ("go", "python")},
    checkpoint="last",
    contrast=("code", "english"),
    language_set="unseen",
    resamples=300,
    confidence=0.95,
    margin=1.0,
    seed=0,
)
LANGUAGES = ["c", "go", "java", "javascript", "python"]
BASELINE = "baseline:majority"
LIFT = {"code": 0.04, "english": 0.01, "mixed": 0.03, "control": 0.0, "baseline": 0.0, "variant": 0.02, "trivial": -0.2}
RANDOM_LIFT = -0.1  # of arms with random initial weights


def with_arms(changes: Mapping[str, Mapping[str, Any]], settings: ComparisonSettings = SETTINGS) -> ComparisonSettings:
    """Return the settings with changed fields of some arms."""
    arms = {name: replace(arm, **changes.get(name, {})) for name, arm in settings.arms.items()}
    return replace(settings, arms=arms)


def sums(
    seeds: int = 3, units: int = 60, seed: int = 0, noise: float = 0.01, settings: ComparisonSettings = SETTINGS
) -> pd.DataFrame:
    """Sums per unit of every arm, target, language and seed, with known effects by family, and a trivial baseline."""
    rng = np.random.default_rng(seed)
    lifts = {name: LIFT[arm.family] + RANDOM_LIFT * (arm.init == "random") for name, arm in settings.arms.items()}
    lifts[BASELINE] = LIFT["trivial"]
    families = {name: arm.family for name, arm in settings.arms.items()} | {BASELINE: "trivial"}
    runs = [(arm, run) for arm in lifts for run in range(1 if arm == BASELINE else seeds)]
    frames = []
    for name, target in settings.targets.items():
        for language in LANGUAGES if target.trained else ["c"]:
            hardness = rng.normal(0, 0.1, units)
            lift = np.array([lifts[arm] + rng.normal(0, noise) for arm, _ in runs])
            right = rng.binomial(2, np.clip(0.6 + lift[:, None] + hardness, 0, 1)).astype(float)
            index = pd.MultiIndex.from_tuples(runs, names=["arm", "seed"])
            columns = [f"{language}{i}" for i in range(units)]
            frame = pd.DataFrame(right, index=index, columns=columns).stack().rename("numerator").reset_index()
            frame = frame.rename(columns={"level_2": "unit"})
            frames.append(frame.assign(target=name, language=language, metric=target.metric))
    table = pd.concat(frames, ignore_index=True).assign(label="", denominator=2.0, n=2, checkpoint="last")
    table["family"] = table["arm"].map(families)
    return table.assign(encoder=np.where(table["arm"] == BASELINE, "", "tiny"))


def language_rows(settings: ComparisonSettings = SETTINGS) -> pd.DataFrame:
    """A similarity table as scripts/language_similarity.py writes it."""
    table = pd.DataFrame({"language": LANGUAGES, "similarity": [0.4, 0.5, 0.6, 0.7, 1.0], "functions": 500})
    table["zero_shot"] = table["language"] != "python"
    table["near"] = table["similarity"] > 0.55
    table["seen"] = table["language"].isin(settings.seen_languages)
    return table
