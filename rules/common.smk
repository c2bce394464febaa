# The study, the places of its files, and the helpers that rules share.
import sys
from functools import cache
from pathlib import Path

from filelock import FileLock, Timeout

from codestilts.codefiles import stage_digest
from codestilts.errors import CodeStiltsError
from codestilts.study import to_json
from codestilts.validation import load_study

try:
    *OVERLAYS, DEFAULT = workflow.configfiles  # Snakemake lists the file of the Snakefile last, though it says it first
    STUDY = load_study(config, Path(os.path.relpath(workflow.basedir)), [DEFAULT, *OVERLAYS])
except CodeStiltsError as error:
    print(f"error: {error}", file=sys.stderr)
    sys.exit(1)


# In place of Snakemake's own lock, which a killed run leaves behind: the system frees this one, however a run ends.
RUN = FileLock(f".snakemake/{STUDY.name}.lock")


onstart:
    try:
        RUN.acquire(timeout=0)
    except Timeout:
        print(
            f"error: {RUN.lock_file}: another run of this study is going on here: let it end, or stop it",
            file=sys.stderr,
        )
        sys.exit(1)


pathvars:
    results=f"results/{STUDY.name}",


wildcard_constraints:
    source="[^/]+",
    language="[a-z0-9-]+",
    task="[a-z0-9-]+",
    encoder="[a-z0-9-]+",
    arm="[a-z0-9-]+",
    target="[a-z0-9-]+",
    seeds="[0-9]+(-[0-9]+)?",


# What the folders of encoders and models hold (codestilts.models).
ENCODER_FILES = ["config.json", "model.safetensors.index.json", "embeddings.safetensors", "encoder.safetensors"]
TOKENIZER_FILES = ["tokenizer.json", "tokenizer_config.json"]
MODEL_FILES = [*ENCODER_FILES, "head.safetensors", "run.json", "curve.csv"]
ENCODER = expand("<results>/encoders/{{encoder}}/{file}", file=ENCODER_FILES + TOKENIZER_FILES)

# Where the files of the grid are.
GRID = {"encoder": STUDY.encoders, "arm": list(STUDY.arms)}
PHASE_2 = "<results>/intermediate/{encoder}/{arm}/{seed}/{file}"
PHASE_3 = "<results>/models/{encoder}/{arm}/{target}/{seed}/{file}"
PREDICTIONS = "<results>/predictions/{encoder}/{arm}/{target}/{seeds}.parquet"
PREDICTION_RECORDS = "<results>/predictions/{encoder}/{arm}/{seeds}.run.json"
SCORES = "<results>/scores/{encoder}/{arm}.parquet"


def settings(stage):
    """The settings of a job, as JSON, from its wildcards: a job is rerun when its own settings change."""
    return lambda wildcards: to_json(getattr(STUDY, f"{stage}_settings")(**wildcards))


@cache
def code(*parts):
    """Digest of a script and all that it imports from the library: a job is rerun when its own code changes."""
    return stage_digest(workflow.basedir, *parts)


def builder_code(wildcards):
    """The same for a task's builder, which the task file names."""
    return code("scripts/build.py", STUDY.tasks[wildcards.task]["builder"].partition(":")[0])


def archive_of_encoder(wildcards):
    return f"resources/{STUDY.source_of_encoder(wildcards.encoder)}.zip"


def folder_in_archive(wildcards):
    return STUDY.encoder_settings(wildcards.encoder)["folder"]


def archives_of_language(wildcards):
    return expand("resources/{source}.zip", source=STUDY.sources_of_language(wildcards.language))


def inputs_of_task(wildcards):
    """Archives of an English task, functions of a code task's languages, or other tasks' examples."""
    task = STUDY.tasks[wildcards.task]
    if task.get("sources"):
        return expand("resources/{source}.zip", source=task["sources"])
    if task.get("examples_of"):
        return expand("<results>/examples/{task}.parquet", task=task["examples_of"])
    return expand("<results>/functions/{language}.parquet", language=STUDY.task_languages(wildcards.task))


def clusters_of_task(wildcards):
    return "<results>/clusters.parquet" if STUDY.reads_functions(wildcards.task) else []


def examples_of_arm(wildcards):
    return expand("<results>/examples/{task}.parquet", task=STUDY.arms[wildcards.arm]["tasks"])


def parent_files(wildcards):
    """The arm's intermediate models of these seeds; none if the arm skips phase 2."""
    return expand(
        "<results>/intermediate/{encoder}/{arm}/{seeds}/{seed}/{file}",
        **wildcards,
        seed=STUDY.batches[wildcards.seeds] if STUDY.arms[wildcards.arm]["tasks"] else [],
        file=ENCODER_FILES,
    )


def parent_option(wildcards, input):
    """The folder of these models, as an option of the script."""
    return f"--parent {Path(input.parent[0]).parents[1]}" if input.parent else ""


def models_folder(wildcards, input):
    """The folder that holds an arm's models of all targets."""
    return Path(input.models[0]).parents[3] if input.models else "."


def models_of_arm(wildcards):
    return expand(
        "<results>/models/{encoder}/{arm}/{target}/{seeds}/{seed}/{file}",
        **wildcards,
        target=STUDY.trained_targets,
        seed=STUDY.batches[wildcards.seeds],
        file=ENCODER_FILES + ["head.safetensors"],
    )


def reported(category, folder, names, kind):
    """Figures or tables of an encoder that snakemake --report shows, under a category whose caption they share."""
    shown = []
    for name in names:
        labels = {"encoder": "{encoder}", folder[:-1]: name.replace("-", " ")}
        path = f"<results>/{folder}/{{encoder}}/{name}.{kind}"
        shown += [report(path, caption=f"../report/{category.lower()}.rst", category=category, labels=labels)]
    return shown
