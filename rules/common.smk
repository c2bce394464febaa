# The study, the paths of its files, and the helpers that rules share.
from dataclasses import replace
from functools import cache
from hashlib import sha256

from filelock import FileLock
from snakemake.logging import logger

from codestilts.code_digest import stage_digest
from codestilts.config import preparation_jobs
from codestilts.config.doses import dose_pairs, dose_targets
from codestilts.config.job_settings import JOB_SETTINGS
from codestilts.config.settings_json import short_digest, to_json
from codestilts.config.training_jobs import tuned_arm, tuned_runs
from codestilts.config.transferability import transferability_pairs, transferability_targets
from codestilts.invented import real_language
from codestilts.sources.archive import local_content
from codestilts.workflow import snakemake_internals, startup
from codestilts.workflow.job_paths import DEVICE_RULES
from codestilts.workflow.resources import JobResources
from codestilts.workflow.snakemake_internals import inspected_once

with startup.errors_as_one_line():
    INVOCATION = snakemake_internals.read_invocation(workflow)
    STUDY = startup.prepare_study(config, Path(in_checkout("")), INVOCATION)
snakemake_internals.spare_readers_of_deleted_files()
snakemake_internals.inspect_resources_once()
snakemake_internals.format_shell_commands_once()
snakemake_internals.format_messages_of_wildcards()
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


RESULTS = f"results/{STUDY.name}"


pathvars:
    results=RESULTS,
    resources=RESOURCES,


wildcard_constraints:
    source="[^/]+",
    language="[a-z0-9-]+",
    task="[a-z0-9-]+",
    encoder="[a-z0-9-]+",
    arm="[a-z0-9-]+",
    target="[a-z0-9-]+",
    claim="[^/]+",
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

# The clusters of texts that training and test sets share.
TEXT_CLUSTERS = "<results>/text_clusters.parquet"
AUDITED_TASKS = sorted({*STUDY.intermediate_tasks, *STUDY.targets, *STUDY.twins})

# The encoded examples of a task: a folder that training and prediction map into memory.
ENCODED = "<results>/encoded/{encoder}/{task}"

# Files of the grid. Folders of models hold a folder for each seed of the batch (codestilts.training.models).
INTERMEDIATE_MODELS = "<results>/intermediate/{encoder}/{arm}/{seeds}"
INTERMEDIATE_RECORDS = "<results>/records/{encoder}/{arm}/{seeds}"  # kept when the models are deleted
TARGET_MODELS = "<results>/target/{encoder}/{arm}/{target}/{seeds}"
PREDICTIONS = "<results>/predictions/{encoder}/{arm}/{target}/{seeds}.parquet"
RETRIEVAL = "<results>/retrieval/{encoder}/{arm}/{seeds}"  # a folder: predictions of each target, layers.csv, run.json
TRIALS = "<results>/tuning/{encoder}/{arm}/{target}.json"
DOSES = "<results>/doses/{encoder}/{arm}.json"  # trials of the intermediate learning rate
DOSE_TABLE = "<results>/doses/{encoder}/{arm}.csv"  # their measurements, for the report
TRANSFERABILITY = "<results>/transferability/{encoder}/{arm}.csv"
VALUES = "<results>/scores/{encoder}/{arm}.values.parquet"
SUMS = "<results>/scores/{encoder}/{arm}.sums.parquet"
TWIN_VALUES = "<results>/scores/twins/{encoder}/{arm}.values.parquet"
TWIN_SUMS = "<results>/scores/twins/{encoder}/{arm}.sums.parquet"
RUNS = "<results>/runs/{encoder}/{arm}.csv"
CURVES = "<results>/curves/{encoder}/{arm}.csv"
LAYERS = "<results>/layers/{encoder}/{arm}.csv"


def over(grid, patterns, **values):
    """The files of one or several patterns for each encoder and arm (and target) of a part of the grid."""
    patterns = expand(patterns, allow_missing=True, **values)
    keys = [dict(zip(("encoder", "arm", "target"), key)) for key in grid]
    return [pattern.format(**key) for key in keys for pattern in patterns]  # ten times as fast as expand


DOSE_PAIRS = dose_pairs(STUDY)
TRANSFERABILITY_PAIRS = transferability_pairs(STUDY)
KEPT_INTERMEDIATE = [pair for pair in STUDY.intermediate_models if pair[1] in STUDY.kept_parents]
TEMPORARY_PARENTS = {arm for _, arm in STUDY.intermediate_models} - set(STUDY.kept_parents)
# Readers of temporary models run before further ones are trained, so that few exist at a time.
READERS_FIRST = 1 if TEMPORARY_PARENTS else 0


def one_of(names):
    """A wildcard constraint: one of these names."""
    return "|".join(names) or "none"


# Parameters


def settings(stage):
    """The settings of a job as JSON, from its wildcards: a job is rerun when its own settings change."""
    return inspected_once(lambda wildcards: to_json(JOB_SETTINGS[stage](STUDY, **wildcards)))


@cache
def code(*parts):
    """Digest of a script and all that it imports from the library: a job is rerun when its own code changes."""
    return stage_digest(CHECKOUT, *parts)


def builder_code(wildcards):
    """The same for the builder that a task file names."""
    return code("scripts/build.py", STUDY.tasks[wildcards.task].builder.partition(":")[0])


def task_file(wildcards):
    """The file of a task. A new comment or description in it builds nothing again: its content is a parameter."""
    return ancient(STUDY.tasks[wildcards.task].file)


@inspected_once
def content_of_task(wildcards):
    """Digest of what a task's file says about its examples."""
    return short_digest(STUDY.tasks[wildcards.task].about_examples())


@inspected_once
def parent_digest(wildcards):
    """Digest of the settings and code of a temporary parent, so that a change repeats its readers."""
    parent = STUDY.parent_arm(wildcards.arm)
    seeds = wildcards.get("seeds", next(iter(STUDY.batches)))
    return digest_of_parent(wildcards.encoder, parent, seeds) if parent in TEMPORARY_PARENTS else ""


@cache
def digest_of_parent(encoder, arm, seeds):
    text = to_json(JOB_SETTINGS["intermediate"](STUDY, encoder, arm, seeds)) + code("scripts/train_intermediate.py")
    return sha256(text.encode()).hexdigest()


def option(name, key):
    """An option of a script for an input that not all jobs have."""
    return lambda wildcards, input: f"{name} {getattr(input, key)}" if getattr(input, key) else ""


def content_of_source(wildcards):
    """Digest of a local file or folder, which has no version."""
    source = STUDY.sources[wildcards.source]
    if source.kind != "local":
        return ""
    return local_content(replace(source, id=in_checkout(source.id)), Path(RESOURCES, f"{source.name}.zip"))


def folder_in_archive(wildcards):
    return STUDY.encoder(wildcards.encoder).folder or "."


def needs_of_encoder(wildcards, output):
    """The study's requirements of an encoder's architecture. Parameters that take ``output`` cause no rerun."""
    return to_json(preparation_jobs.encoder_requirements(STUDY, wildcards.encoder))


def tiny_option(wildcards):
    """Random weights for a rehearsal, with every block that the study reads."""
    encoder = STUDY.encoder(wildcards.encoder)
    return f"--tiny {max([1, encoder.layer, *encoder.layers])}" if STUDY.config.rehearsal else ""


def records_of_seeds(wildcards, input):
    """The record of each seed in the folders of a pair."""
    return [f"{folder}/{seed}/run.json" for folder in input.folders for seed in STUDY.batches[Path(folder).name]]


# Resources


def growing(amount, per_mb=0):
    """A resource that starts at an amount, plus some for each MB of the inputs, and grows with each attempt."""
    if not per_mb:
        return inspected_once(lambda wildcards, attempt: attempt * amount)
    return inspected_once(lambda wildcards, input, attempt: attempt * round(amount + per_mb * input.size_mb))


def memory(stage):
    """Main memory of the training or prediction jobs of a stage."""
    return inspected_once(lambda wildcards, attempt: attempt * JOBS.memory_mb(stage, wildcards))


def minutes(stage):
    """Run time of the training or prediction jobs of a stage."""
    return inspected_once(lambda wildcards, attempt: attempt * JOBS.minutes(stage, wildcards))


def gpus(stage):
    """GPUs of the training or prediction jobs of a stage."""
    return by_encoder(lambda wildcards: JOBS.gpus(stage, wildcards))


def processes():
    """CPU cores of training jobs: one, or one for the process of each GPU."""
    return by_encoder(lambda wildcards: max(1, STUDY.gpus(wildcards["encoder"])))


def by_encoder(count):
    """A number that depends on the encoder only: itself if it is the same for all, which no job has to ask for again."""
    counts = {count({"encoder": encoder}) for encoder in STUDY.encoders}
    return counts.pop() if len(counts) == 1 else inspected_once(count)


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
    languages = dict.fromkeys(map(real_language, STUDY.task_languages(wildcards.task)))
    return expand("<results>/functions/{language}.parquet", language=languages)


def near_duplicates_of_task(wildcards):
    return "<results>/near_duplicates.parquet" if STUDY.reads_functions(wildcards.task) else []


def encoded_of_arm(wildcards):
    return expand(ENCODED, task=STUDY.arms[wildcards.arm].tasks, **wildcards)


def encoded_of_trials(wildcards):
    """The inputs of trials of the intermediate learning rate: the arm's tasks, targets and held-out texts."""
    tasks = [*STUDY.arms[wildcards.arm].tasks, *dose_targets(STUDY, wildcards.encoder), *STUDY.held_out_texts]
    return expand(ENCODED, task=dict.fromkeys(tasks), **wildcards)


def encoded_of_transferability(wildcards):
    """An arm's intermediate task, and the targets that it is ranked for."""
    tasks = [*STUDY.arms[wildcards.arm].tasks, *transferability_targets(STUDY, wildcards.encoder)]
    return expand(ENCODED, task=dict.fromkeys(tasks), **wildcards)


@inspected_once
def parent_models(wildcards):
    """The intermediate models that an arm starts from, of the same seeds; none if it starts from the encoder.

    Learning-rate trials and transferability use the first batch of seeds. A temporary model is trained again if a new job
    reads it. This must not repeat earlier readers, which depend on ``parent_encoded`` and ``parent_digest`` instead.
    """
    parent, seeds = STUDY.parent_arm(wildcards.arm), wildcards.get("seeds", next(iter(STUDY.batches)))
    if not parent:
        return []
    models = f"<results>/intermediate/{{encoder}}/{parent}/{seeds}"
    return ancient(models) if parent in TEMPORARY_PARENTS else models


@inspected_once
def trials_of_arm(wildcards):
    """The learning-rate trials that choose the rate of an arm's targets."""
    arm = tuned_arm(STUDY, wildcards.arm)
    return TRIALS.format(encoder=wildcards.encoder, arm=arm, target=wildcards.target)


@inspected_once
def encoded_of_parent(wildcards):
    """The training data of a temporary parent: a change repeats its readers, even if the parent is deleted."""
    parent = STUDY.parent_arm(wildcards.arm)
    return encoded_of_model(wildcards.encoder, parent) if parent in TEMPORARY_PARENTS else []


@cache
def encoded_of_model(encoder, arm):
    """The encoded tasks of an arm or, if there are, the trials of its learning rate, which read all of them."""
    if DOSE_PAIRS:
        return over([(encoder, arm)], DOSES)
    return expand(ENCODED, task=STUDY.arms[arm].tasks, encoder=encoder)
