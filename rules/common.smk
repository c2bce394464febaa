# The study, the paths of its files, and the helpers that rules share.
from dataclasses import replace
from functools import cache

from filelock import FileLock
from snakemake.logging import logger

from codestilts.code_digest import stage_digest
from codestilts.config import preparation_jobs
from codestilts.config.job_settings import JOB_SETTINGS
from codestilts.config.study import to_json
from codestilts.sources.archive import local_content
from codestilts.workflow import snakemake_internals, startup
from codestilts.workflow.job_paths import DEVICE_RULES
from codestilts.workflow.resources import JobResources

with startup.errors_as_one_line():
    INVOCATION = snakemake_internals.read_invocation(workflow)
    STUDY = startup.prepare_study(config, Path(in_checkout("")), INVOCATION)
if STUDY.config.device == "gpu":
    snakemake_internals.share_gpu_resources(workflow, DEVICE_RULES)
RUN_LOCK = FileLock(f".snakemake/{STUDY.name}.lock")


onstart:
    with startup.errors_as_one_line():
        startup.begin_run(STUDY, RUN_LOCK)
    logger.info(f"Study: {STUDY.name}")  # codestilts.workflow.snakemake_logs finds the study's logs by this line


# Memory, run time and GPUs of training and prediction jobs.
JOBS = JobResources(STUDY, Path())
# Snakemake does not look into an image, so jobs that run in it depend on its digest.
IMAGE_DIGEST = startup.IMAGE_DIGEST if INVOCATION.uses_image else []
# A rehearsal fetches a few rows of each table, so its archives are not those of the study.
RESOURCES = f"results/{STUDY.name}/resources" if STUDY.config.rehearsal else "resources"


pathvars:
    results=f"results/{STUDY.name}",
    resources=RESOURCES,


wildcard_constraints:
    source="[^/]+",
    language="[a-z0-9-]+",
    task="[a-z0-9-]+",
    encoder="[a-z0-9-]+",
    arm="[a-z0-9-]+",
    target="[a-z0-9-]+",
    seeds="[0-9]+(-[0-9]+)?",


ENCODER_FILES = expand(
    "<results>/encoders/{{encoder}}/{file}",
    file=[
        "config.json",
        "model.safetensors.index.json",
        "embeddings.safetensors",
        "encoder.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    ],
)
# Jobs depend on one file of the encoder's folder, which one job writes as a whole.
ENCODER_WEIGHTS = "<results>/encoders/{encoder}/encoder.safetensors"

# Files of the grid. Folders of models hold a folder for each seed of the batch (codestilts.training.models).
INTERMEDIATE_MODELS = "<results>/intermediate/{encoder}/{arm}/{seeds}"
TARGET_MODELS = "<results>/target/{encoder}/{arm}/{target}/{seeds}"
PREDICTIONS = "<results>/predictions/{encoder}/{arm}/{target}/{seeds}.parquet"
RETRIEVAL_RECORD = "<results>/predictions/{encoder}/{arm}/{seeds}.run.json"
SWEEP = "<results>/predictions/{encoder}/{arm}/{seeds}.layers.csv"
TRIALS = "<results>/tuning/{encoder}/{arm}/{target}.json"
VALUES = "<results>/scores/{encoder}/{arm}.values.parquet"
SUMS = "<results>/scores/{encoder}/{arm}.sums.parquet"
RUNS = "<results>/runs/{encoder}/{arm}.csv"
CURVES = "<results>/curves/{encoder}/{arm}.csv"
LAYERS = "<results>/layers/{encoder}/{arm}.csv"


def over(grid, patterns, **values):
    """The files of one or several patterns for each encoder and arm (and target) of a part of the grid."""
    patterns = expand(patterns, allow_missing=True, **values)
    keys = [dict(zip(("encoder", "arm", "target"), key)) for key in grid]
    return [pattern.format(**key) for key in keys for pattern in patterns]  # ten times as fast as expand


def one_of(names):
    """A wildcard constraint: one of these names."""
    return "|".join(names) or "none"


# Parameters


def settings(stage):
    """The settings of a job as JSON, from its wildcards: a job is rerun when its own settings change."""
    return lambda wildcards: to_json(JOB_SETTINGS[stage](STUDY, **wildcards))


@cache
def code(*parts):
    """Digest of a script and all that it imports from the library: a job is rerun when its own code changes."""
    return stage_digest(CHECKOUT, *parts)


def builder_code(wildcards):
    """The same for the builder that a task file names."""
    return code("scripts/build.py", STUDY.tasks[wildcards.task].builder.partition(":")[0])


def option(name, key):
    """An option of a script, for an input that some jobs lack."""
    return lambda wildcards, input: f"{name} {getattr(input, key)}" if getattr(input, key) else ""


def content_of_source(wildcards):
    """Digest of a local file or folder, which has no version that changes with it."""
    source = STUDY.sources[wildcards.source]
    if source.kind != "local":
        return ""
    return local_content(replace(source, id=in_checkout(source.id)), Path(RESOURCES, f"{source.name}.zip"))


def folder_in_archive(wildcards):
    return STUDY.encoder(wildcards.encoder).folder or "."


def needs_of_encoder(wildcards, output):
    """What the study requires of an encoder's architecture. Parameters that take ``output`` cause no rerun."""
    return to_json(preparation_jobs.encoder_requirements(STUDY, wildcards.encoder))


def tiny_option(wildcards):
    """Random weights for a rehearsal, with every block that the study reads."""
    encoder = STUDY.encoder(wildcards.encoder)
    return f"--tiny {max([1, encoder.layer, *encoder.layers])}" if STUDY.config.rehearsal else ""


def records_of_models(wildcards, input):
    """The record of each seed in the folders of models."""
    return [f"{folder}/{seed}/run.json" for folder in input.models for seed in STUDY.batches[Path(folder).name]]


# Resources


def growing(amount, per_mb=0):
    """A resource that starts at an amount, plus some for each MB of the inputs, and grows with each attempt."""
    if not per_mb:
        return lambda wildcards, attempt: attempt * amount
    return lambda wildcards, input, attempt: attempt * round(amount + per_mb * input.size_mb)


def processes(wildcards):
    """CPU cores of a training job: one, or one for the process of each GPU."""
    return max(1, STUDY.gpus(wildcards.encoder))


# Inputs


def archive_of_encoder(wildcards):
    return f"<resources>/{STUDY.source_of_encoder(wildcards.encoder)}.zip"


def archives_of_language(wildcards):
    return expand("<resources>/{source}.zip", source=STUDY.sources_of_language(wildcards.language))


def inputs_of_task(wildcards):
    """Archives of an English task, functions of a code task's languages, or other tasks' examples."""
    task = STUDY.tasks[wildcards.task]
    if task.all_sources:
        return expand("<resources>/{source}.zip", source=task.all_sources)
    if task.examples_of:
        return expand("<results>/examples/{task}.parquet", task=STUDY.parts(wildcards.task))
    return expand("<results>/functions/{language}.parquet", language=STUDY.task_languages(wildcards.task))


def near_duplicates_of_task(wildcards):
    return "<results>/near_duplicates.parquet" if STUDY.reads_functions(wildcards.task) else []


def examples_of_arm(wildcards):
    return expand("<results>/examples/{task}.parquet", task=STUDY.arms[wildcards.arm].tasks)


def parent_models(wildcards):
    """The intermediate models that an arm starts from, of the same seeds; none if it starts from the encoder."""
    parent = STUDY.parent_arm(wildcards.arm)
    return f"<results>/intermediate/{{encoder}}/{parent}/{{seeds}}" if parent else []


def parent_models_of_first_batch(wildcards):
    """The same for learning-rate trials, which use the first seed."""
    parent = STUDY.parent_arm(wildcards.arm)
    return f"<results>/intermediate/{{encoder}}/{parent}/{next(iter(STUDY.batches))}" if parent else []


def trials_of_target(wildcards):
    return TRIALS if STUDY.learning_rates else []


def predictions_of_pair(wildcards):
    targets = STUDY.encoder_arms[wildcards.encoder, wildcards.arm]
    return expand(PREDICTIONS, **wildcards, target=targets, seeds=STUDY.batches)


def models_of_pair(wildcards):
    pair = (wildcards.encoder, wildcards.arm)
    intermediate = [pair] if pair in STUDY.intermediate_models else []
    runs = [run for run in STUDY.runs if run[:2] == pair]
    return over(intermediate, INTERMEDIATE_MODELS, seeds=STUDY.batches) + over(runs, TARGET_MODELS, seeds=STUDY.batches)


def tables_of_pairs(wildcards):
    return over(STUDY.encoder_arms, "<results>/{table}/{encoder}/{arm}.csv", **wildcards)


# Outputs


def reported(category, folder, names, kind):
    """Figures or tables of an encoder that `snakemake --report` shows, under a category whose caption they share.

    They are updated in place, because Snakemake deletes other outputs before it opens a notebook (--edit-notebook).
    """
    shown = []
    for name in names:
        labels = {"encoder": "{encoder}", folder.removesuffix("s"): name.replace("-", " ")}
        path = f"<results>/{folder}/{{encoder}}/{name}.{kind}"
        caption = f"../report/{category.lower()}.rst"
        shown.append(update(report(path, caption=caption, category=category, labels=labels)))
    return shown
