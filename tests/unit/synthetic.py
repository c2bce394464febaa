"""Made-up scores for tests of the analysis; they never enter results."""

import numpy as np
import pandas as pd

FACTS = {
    "study": "synthetic",
    "source_language": "python",
    "source_languages": ["python"],
    "languages": ["c", "go", "java", "javascript", "python"],
    "pretrained": {"tiny": ["go", "python"]},
    "checkpoint": "last",
    "bases": {},
    "controls_for": {"mlm-english": ["english"], "mlm-code": ["code"]},
    "random": ["random"],
    "language_set": "unseen",
    "overlaps": {},
    "suites": dict.fromkeys(["match", "tags", "search", "parallel"], "pl"),
    "seen": ["javascript", "python"],
    "families": {
        "none": "baseline",
        "pos": "english",
        "english-multi": "english",
        "cloze": "code",
        "code-multi": "code",
        "all-multi": "mixed",
        "mlm-english": "control",
        "mlm-code": "control",
        "random": "control",
    },
    "targets": {
        "match": {"type": "classification", "metric": "accuracy", "group": "classification"},
        "tags": {"type": "tagging", "metric": "token_accuracy", "group": "structured"},
        "search": {"type": "retrieval", "metric": "mrr", "group": "retrieval"},
        "parallel": {"type": "retrieval", "metric": "accuracy_at_1", "group": "retrieval", "trained": False},
    },
    "contrast": ["code", "english"],
    "resamples": 300,
    "confidence": 0.95,
    "margin": 1.0,
}
LANGUAGES = ["c", "go", "java", "javascript", "python"]
LIFT = {"code": 0.04, "english": 0.01, "mixed": 0.03, "control": 0.0, "baseline": 0.0, "trivial": -0.2}


def sums(seeds: int = 3, units: int = 60, seed: int = 0, noise: float = 0.01, facts: dict = FACTS) -> pd.DataFrame:
    """Sums per unit of every arm, target, language and seed, with known effects by family, and a trivial
    baseline.
    """
    rng = np.random.default_rng(seed)
    arms = {**facts["families"], "baseline:majority": "trivial"}
    runs = [(arm, run) for arm, family in arms.items() for run in range(1 if family == "trivial" else seeds)]
    frames = []
    for target, spec in facts["targets"].items():
        for language in ["c"] if target == "parallel" else LANGUAGES:
            hardness = rng.normal(0, 0.1, units)
            lift = np.array([LIFT[arms[arm]] - 0.1 * (arm == "random") + rng.normal(0, noise) for arm, _ in runs])
            right = rng.binomial(2, np.clip(0.6 + lift[:, None] + hardness, 0, 1)).astype(float)
            index = pd.MultiIndex.from_tuples(runs, names=["arm", "seed"])
            names = [f"{language}{i}" for i in range(units)]
            frame = pd.DataFrame(right, index=index, columns=names).stack().rename("numerator").reset_index()
            frames.append(frame.rename(columns={"level_2": "unit"}).assign(target=target, language=language))
            frames[-1]["metric"] = spec["metric"]
    table = pd.concat(frames, ignore_index=True).assign(label="", denominator=2.0, n=2, checkpoint="last")
    table["encoder"] = np.where(table["arm"].str.startswith("baseline:"), "", "tiny")
    return table


def language_rows() -> pd.DataFrame:
    """A language table as scripts/language_similarity.py writes it."""
    table = pd.DataFrame({"language": LANGUAGES, "similarity": [0.4, 0.5, 0.6, 0.7, 1.0], "functions": 500})
    table["zero_shot"] = table["language"] != "python"
    table["near"] = table["similarity"] > 0.55
    table["seen"] = table["language"].isin(FACTS["seen"])
    return table
