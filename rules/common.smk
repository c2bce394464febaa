# The study, the places of its files, and the helpers that rules share.
import gc
import sys
from functools import cache
from pathlib import Path

from filelock import FileLock, Timeout
from snakemake.logging import logger

from codestilts.config.job_settings import JOB_SETTINGS
from codestilts.config import preparation_jobs
from codestilts.code_digest import stage_digest
from codestilts.workflow.resources import JobResources
from codestilts.errors import CodeStiltsError
from codestilts.workflow.encoder_checks import check_encoders
from codestilts.sources.archive import local_content
from codestilts.config.study import to_json
from codestilts.workflow.environment import (
    check_folders,
    go_offline,
    keep_caches_in,
    show_gpus,
    speak_utf8,
    tell_commit,
    use_this_python,
)
from codestilts.config.validation import load_study

# Planning makes millions of objects that stay: looking through them all for garbage less often saves an eighth of it.
gc.set_threshold(100_000, 50, 100)

try:
    *OVERLAYS, DEFAULT = workflow.configfiles  # Snakemake lists the file of the Snakefile last, though it says it first
    STUDY = load_study(
        config, Path(os.path.relpath(workflow.basedir)), [DEFAULT, *OVERLAYS], workflow.config_settings.config
    )
    check_encoders(STUDY, Path())
    check_folders()
    keep_caches_in(Path(".cache").absolute())
except CodeStiltsError as error:
    print(f"error: {error}", file=sys.stderr)
    sys.exit(1)


# Jobs read what was fetched and nothing else: only fetching may ask the hub.
go_offline()
speak_utf8()
show_gpus()
tell_commit()
use_this_python()

# With --use-apptainer all but fetching runs in this image. Snakemake doesn't look into it, so jobs depend on its digest.
IMAGE = "containers/codestilts.sif"
IN_IMAGE = any(method.name == "APPTAINER" for method in workflow.deployment_settings.deployment_method)
IMAGE_DIGEST = f"{IMAGE}.sha256" if IN_IMAGE else []
if IN_IMAGE and not all(Path(path).exists() for path in (IMAGE, IMAGE_DIGEST)):
    print(f"error: {IMAGE}: not there, or without its digest: `make container` builds it", file=sys.stderr)
    sys.exit(1)


# Snakemake would cut a job's request down to what there is, and a job without GPUs would train on the CPU.
NEEDED = max(map(STUDY.gpus, STUDY.encoders))
if "gpu" in workflow.global_resources and (THERE := workflow.global_resources["gpu"].value) < NEEDED:
    print(
        f"error: there are {THERE} GPUs (resources: gpu), and a job of this study asks for {NEEDED}: give more,"
        " or set device: cpu, or gpus of the encoder",
        file=sys.stderr,
    )
    sys.exit(1)

# What a user sets for train_target is meant for the rules of all batches of seeds (train_target_0-1, ...), and what a
# profile sets for gpu_jobs for every rule that asks for a GPU.
SET = workflow.resource_settings.overwrite_resources
GPU_JOBS = ["gpu_jobs"] if STUDY.config.device == "gpu" else []
BATCHED = {f"{rule}_{batch}": rule for rule in ("train_intermediate", "train_target") for batch in STUDY.batches}
for rule, family in {**BATCHED, "tune": "tune", "frozen_retrieval": "frozen_retrieval"}.items():
    given = [SET[name] for name in dict.fromkeys([*GPU_JOBS, family, rule]) if name in SET]
    if given:
        SET[rule] = given[0].copy()
        for more in given[1:]:
            SET[rule].update(more)


# In place of Snakemake's own lock, which a killed run leaves behind: the system frees this one, however a run ends.
RUN = FileLock(f".snakemake/{STUDY.name}.lock")


onstart:
    try:
        RUN.acquire(timeout=3)  # `make status` looks at it too, for an instant
    except Timeout:
        print(
            f"error: {RUN.lock_file}: another run of this study is going on here: let it end, or stop it",
            file=sys.stderr,
        )
        sys.exit(1)
    if STUDY.unpinned and not STUDY.config.rehearsal:
        print(
            f"error: sources.csv: {', '.join(STUDY.unpinned)}: not pinned yet: `make pins` notes commits and digests",
            file=sys.stderr,
        )
        sys.exit(1)
    logger.info(f"Study: {STUDY.name}")  # its log says whose it is: codestilts.workflow.snakemake_logs reads it


# A rehearsal takes a few rows of each table: its archives are not those of a study.
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


# What the folders of encoders and models hold (codestilts.training.models).
ENCODER_FILES = ["config.json", "model.safetensors.index.json", "embeddings.safetensors", "encoder.safetensors"]
TOKENIZER_FILES = ["tokenizer.json", "tokenizer_config.json"]
MODEL_FILES = [*ENCODER_FILES, "head.safetensors", "run.json"]
TARGET_FILES = MODEL_FILES if STUDY.config.keep_models else ["run.json"]
ENCODER = expand("<results>/encoders/{{encoder}}/{file}", file=ENCODER_FILES + TOKENIZER_FILES)
# A job depends on one file of a folder that another job writes whole: its weights, without the word embeddings.
WEIGHTS = "<results>/encoders/{encoder}/encoder.safetensors"

# Where the files of the grid are.
INTERMEDIATE = "<results>/intermediate/{encoder}/{arm}/{seed}/{file}"
TARGET = "<results>/target/{encoder}/{arm}/{target}/{seed}/{file}"
PREDICTIONS = "<results>/predictions/{encoder}/{arm}/{target}/{seeds}.parquet"
RETRIEVAL_RECORD = "<results>/predictions/{encoder}/{arm}/{seeds}.run.json"
SWEEP = "<results>/predictions/{encoder}/{arm}/{seeds}.layers.csv"
TRIALS = "<results>/tuning/{encoder}/{arm}/{target}.json"
SCORES = "<results>/scores/{encoder}/{arm}.parquet"
RUNS = "<results>/runs/{encoder}/{arm}.csv"
CURVES = "<results>/curves/{encoder}/{arm}.csv"
LAYERS = "<results>/layers/{encoder}/{arm}.csv"

# Where a run's files are, below its arm or target: {batch of seeds}/{seed}.
SEED_FOLDERS = [f"{batch}/{seed}" for batch, seeds in STUDY.batches.items() for seed in seeds]


def over(grid, patterns, **values):
    """The files of a pattern, or several, for each encoder and arm (and target) of a part of the grid."""
    patterns = expand(patterns, allow_missing=True, **values)
    keys = [dict(zip(("encoder", "arm", "target"), key)) for key in grid]
    return [pattern.format(**key) for key in keys for pattern in patterns]  # expand takes ten times as long


def settings(stage):
    """The settings of a job, as JSON, from its wildcards: a job is rerun when its own settings change."""
    return lambda wildcards: to_json(JOB_SETTINGS[stage](STUDY, **wildcards))


@cache
def code(*parts):
    """Digest of a script and all that it imports from the library: a job is rerun when its own code changes."""
    return stage_digest(workflow.basedir, *parts)


def builder_code(wildcards):
    """The same for a task's builder, which the task file names."""
    return code("scripts/build.py", STUDY.tasks[wildcards.task].builder.partition(":")[0])


def outside(wildcards):
    """No image: fetching needs the host's network settings, certificates and tokens, and computes nothing."""


def image_option(wildcards, input):
    """The digest of the image that jobs run in, for the page."""
    return f"--image {input.image}" if input.image else ""


def growing(amount, per_mb=0):
    """A resource that starts at an amount, more for large inputs, and grows with each attempt at the job."""
    if not per_mb:
        return lambda wildcards, attempt: attempt * amount
    return lambda wildcards, input, attempt: attempt * round(amount + per_mb * input.size_mb)


# Memory, run time and GPUs of the jobs that train or predict.
JOBS = JobResources(STUDY, Path())


def processes(wildcards):
    """CPU cores of a training job: one, or one for the process of each GPU."""
    return max(1, STUDY.gpus(wildcards.encoder))


def content_of_source(wildcards):
    """What a local file or folder holds: it has no version that changes with it."""
    source = STUDY.sources[wildcards.source]
    return local_content(source, Path(RESOURCES, f"{source.name}.zip")) if source.kind == "local" else ""


def archive_of_encoder(wildcards):
    return f"<resources>/{STUDY.source_of_encoder(wildcards.encoder)}.zip"


def folder_in_archive(wildcards):
    return STUDY.encoder(wildcards.encoder).folder or "."


def needs_of_encoder(wildcards, output):
    """What its architecture is compared with. It is no part of the output: what takes ``output`` decides no rerun."""
    return to_json(preparation_jobs.encoder_requirements(STUDY, wildcards.encoder))


def tiny_option(wildcards):
    """Random weights for a rehearsal, with every block that the study reads."""
    own = STUDY.encoder(wildcards.encoder)
    return f"--tiny {max([1, own.layer, *own.layers])}" if STUDY.config.rehearsal else ""


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


def clusters_of_task(wildcards):
    return "<results>/near_duplicates.parquet" if STUDY.reads_functions(wildcards.task) else []


def examples_of_arm(wildcards):
    return expand("<results>/examples/{task}.parquet", task=STUDY.arms[wildcards.arm].tasks)


def alternatives(names):
    """A wildcard that is one of these names."""
    return "|".join(names) or "none"


def intermediate_files(encoder, arm, seeds, members):
    """The intermediate models of some seeds that an arm goes on from; none if it skips phase 2."""
    parent = STUDY.parent_arm(arm)
    folder = f"<results>/intermediate/{encoder}/{parent}/{seeds}"
    return [f"{folder}/{seed}/encoder.safetensors" for seed in members] if parent else []


def parent_files(wildcards):
    return intermediate_files(wildcards.encoder, wildcards.arm, wildcards.seeds, STUDY.batches[wildcards.seeds])


def first_parent_files(wildcards):
    """Those of the first seed, which tries the learning rates."""
    first = next(iter(STUDY.batches))
    return intermediate_files(wildcards.encoder, wildcards.arm, first, STUDY.batches[first][:1])


def trials_of_target(wildcards):
    return TRIALS if STUDY.learning_rates else []


def parent_option(wildcards, input):
    """The folder of these models, as an option of the script."""
    return f"--parent {Path(input.parent[0]).parents[1]}" if input.parent else ""


def predictions_of_cell(wildcards):
    targets = STUDY.encoder_arms[wildcards.encoder, wildcards.arm]
    return expand(PREDICTIONS, **wildcards, target=targets, seeds=STUDY.batches)


def tables_of_cells(wildcards):
    return over(STUDY.encoder_arms, "<results>/{table}/{encoder}/{arm}.csv", **wildcards)


def records_of_cell(wildcards):
    cell = (wildcards.encoder, wildcards.arm)
    runs = [run for run in STUDY.runs if run[:2] == cell]
    intermediate = [cell] if cell in STUDY.intermediate_models else []
    return over(intermediate, INTERMEDIATE, seed=SEED_FOLDERS, file="run.json") + over(
        runs, TARGET, seed=SEED_FOLDERS, file="run.json"
    )


def reported(category, folder, names, kind):
    """Figures or tables of an encoder that snakemake --report shows, under a category whose caption they share."""
    shown = []
    for name in names:
        labels = {"encoder": "{encoder}", folder[:-1]: name.replace("-", " ")}
        path = f"<results>/{folder}/{{encoder}}/{name}.{kind}"
        shown += [report(path, caption=f"../report/{category.lower()}.rst", category=category, labels=labels)]
    return shown
