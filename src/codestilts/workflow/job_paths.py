"""The job path of every job of a study: its log is ``logs/JOB_PATH.log``, its benchmark ``benchmarks/JOB_PATH.tsv``."""

from collections.abc import Sequence
from itertools import product

from codestilts.config.analysis_jobs import generated_targets
from codestilts.config.claim_jobs import decidable_claims
from codestilts.config.doses import dose_pairs
from codestilts.config.study import Study
from codestilts.config.training_jobs import tuned_runs
from codestilts.config.transferability import transferability_pairs

# Rules whose job path is not their own name followed by their wildcards (the star).
PATTERNS = {
    "train_intermediate": "intermediate/*",
    "train_temporary": "intermediate/*",
    "train_target": "target/*",
    "tune": "tuning/*",
    "try_doses": "doses/*",
    "score_baselines": "score/baselines",
    "score_twins": "score/twins/*",
    "notebook_study": "notebooks/study",
    "notebook_effects": "notebooks/*/effects",
    "notebook_languages": "notebooks/*/languages",
    "notebook_training": "notebooks/*/training",
    "notebook_doses": "notebooks/*/doses",
    "notebook_generation": "notebooks/*/generation",
    "notebook_transferability": "notebooks/*/transferability",
    "notebook_sources": "notebooks/*/sources",
}
# Rules that compute on a GPU if any.
DEVICE_RULES = (
    *("try_doses", "train_intermediate", "train_temporary", "tune", "train_target", "frozen_retrieval"),
    "transferability",
)
DEVICE_FOLDERS = {PATTERNS.get(rule, rule).partition("/")[0] for rule in DEVICE_RULES}


def job_path_of(rule: str, wildcards: Sequence[str]) -> str:
    """The job path from a rule and the values of its wildcards: ``target/tiny/none/tags/0-1``."""
    pattern = PATTERNS.get(rule, f"{rule}/*" if wildcards else rule)
    return pattern.replace("*", "/".join(wildcards))


def encoder_of(job_path: str) -> str | None:
    """The encoder of a training or prediction job, None for other jobs."""
    folder, _, rest = job_path.partition("/")
    return rest.partition("/")[0] if folder in DEVICE_FOLDERS else None


def log_path(job_path: str) -> str:
    """The log of a job, relative to the study's results."""
    return f"{job_path}.ipynb" if job_path.startswith("notebooks/") else f"logs/{job_path}.log"


def rules_by_job_path(study: Study) -> dict[str, str]:
    """The rule of each job of a study that starts with an empty folder and ends with the report, by job path."""
    batches, pairs = list(study.batches), list(study.encoder_arms)
    encoders = [(name,) for name in study.encoders]
    once: list[tuple[str, ...]] = [()]  # one job without wildcards
    kept = [pair for pair in study.intermediate_models if pair[1] in study.kept_parents]
    temporary = [pair for pair in study.intermediate_models if pair not in kept]
    trials, ranked = dose_pairs(study), transferability_pairs(study)
    tables = {"runs": pairs, "curves": pairs, "layers": pairs, "doses": trials, "transferability": ranked}
    jobs: dict[str, Sequence[tuple[str, ...]]] = {
        "fetch": [(name,) for name in study.used_sources],
        "import_encoder": encoders,
        "extract": [(name,) for name in study.code_languages],
        "near_duplicates": once if any(map(study.reads_functions, study.examples)) else [],
        "build": [(name,) for name in study.examples],
        "text_clusters": once,
        "encode": study.encoded_tasks,
        "try_doses": trials,
        "train_intermediate": [(*pair, batch) for pair, batch in product(kept, batches)],
        "train_temporary": [(*pair, batch) for pair, batch in product(temporary, batches)],
        "tune": tuned_runs(study),
        "train_target": [(*run, batch) for run, batch in product(study.runs + study.twin_runs, batches)],
        "frozen_retrieval": [(*pair, batch) for pair, batch in product(pairs, batches)],
        "transferability": ranked,
        "baseline": [(name,) for name in study.targets],
        "score_baselines": once,
        "score": pairs,
        "score_twins": sorted({run[:2] for run in study.twin_runs}),
        "language_similarity": once,
        "source_languages": once if study.twin_runs else [],
        "compare": once,
        "claim": [(name,) for name in decidable_claims(study)],
        "claims": once,
        "collect": pairs,
        "concatenate": [(table,) for table, read in tables.items() if read],
        "sample_predictions": once,
        "browse_predictions": once,
        "audit": once,
        "notebook_effects": encoders,
        "notebook_languages": encoders,
        "notebook_training": encoders,
        "notebook_doses": encoders if trials else [],
        "notebook_generation": encoders if generated_targets(study) else [],
        "notebook_sources": encoders if study.twins else [],
        "notebook_transferability": encoders if ranked else [],
        "slurm_efficiency": once,
        "notebook_study": once,
        "report": once,
    }
    return {
        job_path_of(rule, wildcards): rule
        for rule, wildcards_of_jobs in jobs.items()
        for wildcards in wildcards_of_jobs
    }
