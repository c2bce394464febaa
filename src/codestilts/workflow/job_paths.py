"""Every job of a study, and its place: where under ``logs`` its log is, and under ``benchmarks`` what it took."""

import re
from collections.abc import Sequence
from itertools import product

from codestilts.config.study import Study

# Rules whose place is not their name and then their wildcards (the star).
PLACES = {
    "train_intermediate": "intermediate/*",
    "train_target": "target/*",
    "tune": "tuning/*",
    "score_baselines": "score/baselines",
    "notebook_effects": "notebooks/*/effects",
    "notebook_languages": "notebooks/*/languages",
    "notebook_training": "notebooks/*/training",
}
BATCH = re.compile(r"_\d+(-\d+)?$")
COMPUTING = {"intermediate", "tuning", "target", "frozen_retrieval"}  # the places of jobs that need a device


ONCE = ((),)  # one job without wildcards


def rule_of(name: str) -> str:
    """A rule without its batch of seeds: ``train_target`` for ``train_target_0-1``."""
    return BATCH.sub("", name)


def place(rule: str, wildcards: Sequence[str]) -> str:
    """The place of a job: ``target/tiny/none/tags/0-1``."""
    return PLACES.get(rule, f"{rule}/*" if wildcards else rule).replace("*", "/".join(wildcards))


def encoder_of(place: str) -> str | None:
    """The encoder of a job that trains or predicts on a device; None for the others."""
    folder, _, rest = place.partition("/")
    return rest.partition("/")[0] if folder in COMPUTING else None


def log_of(place: str) -> str:
    """The log of a job, in a study's folder of results."""
    return f"{place}.ipynb" if place.startswith("notebooks/") else f"logs/{place}.log"


def rules_by_place(study: Study) -> dict[str, str]:
    """The place of each job of a study and its rule (rules/*.smk), from an empty folder to the report."""
    batches, cells = list(study.batches), list(study.cells)
    encoders = [(name,) for name in study.encoders]
    jobs: dict[str, Sequence[tuple[str, ...]]] = {
        "fetch": [(name,) for name in study.used_sources],
        "import_encoder": encoders,
        "extract": [(name,) for name in study.code_languages],
        "near_duplicates": ONCE if any(map(study.reads_functions, study.examples)) else [],
        "build": [(name,) for name in study.examples],
        "train_intermediate": [(*pair, batch) for pair, batch in product(study.intermediate_models, batches)],
        "tune": study.runs if study.learning_rates else [],
        "train_target": [(*run, batch) for run, batch in product(study.runs, batches)],
        "frozen_retrieval": [(*cell, batch) for cell, batch in product(cells, batches)],
        "baseline": [(name,) for name in study.targets],
        "score": cells,
        "collect": cells,
        "concatenate": [("runs",), ("curves",), ("layers",)],
        **dict.fromkeys(["notebook_effects", "notebook_languages", "notebook_training"], encoders),
        **dict.fromkeys(
            [
                "score_baselines",
                "language_similarity",
                "compare",
                "sample_predictions",
                "audit",
                "slurm_efficiency",
                "report",
            ],
            ONCE,
        ),
    }
    return {place(rule, wildcards): rule for rule, each in jobs.items() for wildcards in each}
