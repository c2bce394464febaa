"""What a job that trains or predicts asks of a machine: memory and minutes. Standard library only.

Both follow from the encoder, the budget and the examples, as :mod:`flops` counts them, and are meant to be
too much rather than too little: a scheduler kills a job that takes more than it asked for.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from codestilts.config.job_settings import JOB_SETTINGS
from codestilts.config.study import Study
from codestilts.config.training_settings import RetrievalSettings, TuningSettings
from codestilts.errors import CodeStiltsError
from codestilts.workflow.flops import (
    PUBLISHED,
    Architecture,
    Examples,
    architecture,
    examples_of,
    probe_work,
    run_work,
)

LIKELY = PUBLISHED["models/FacebookAI/xlm-roberta-base"]  # stands in for an encoder of unknown size
PROCESS = 2000  # MB of a process with all libraries and a few thousand examples; the pocket study's largest took 1,533
COPIES = 8  # of the weights: as loaded, as trained, gradients, two moments, and three in a checkpoint as it is written
WEIGHT = 4  # bytes
TOKEN = 36  # bytes of an encoded token and of the text that it came from, measured
SPAN_TOKEN = 250  # the same where each token keeps its place in the text, and overlapping windows are made at once
MANY = 100_000  # rows of a large set; its largest language has less than half of them
START = 15  # minutes to load, to encode, to save, on a busy file system
# FLOP/s: half of what one core did in the pocket study, and a third of what `make plan` counts with for an A100.
SPEED = {"cpu": 4e9, "gpu": 30e12}


@dataclass(frozen=True)
class Demand:
    """Of one job."""

    memory_mb: int
    minutes: int


def _vectors(shape: Architecture, job: RetrievalSettings, task: str, examples: Examples) -> float:
    """MB of the vectors of an untrained target: both sides, each layer of the sweep, twice while they are joined.

    A large set is compared language by language (:mod:`codestilts.training.frozen_retrieval`).
    """
    rows = examples.dev + examples.test
    layers = 1 + (len(job.layers) if job.tasks[task].options.sweep else 0)
    return 2 * 2 * WEIGHT * (rows / 2 if rows > MANY else rows) * layers * shape.hidden_size / 1e6


def demands(study: Study, root: Path) -> Callable[[str, Mapping[str, str]], Demand]:
    """What tells the demand of a job from its stage (intermediate, target, tune or probe) and its wildcards."""

    @cache
    def shape(encoder: str) -> Architecture:
        try:
            return architecture(study, encoder, root)
        except CodeStiltsError:
            return LIKELY

    @cache
    def examples(task: str) -> Examples:
        return examples_of(study, task, None, {})

    @cache
    def one_seed(stage: str, **names: str) -> Demand:
        """Memory of a job, and the minutes of one seed of it."""
        settings = JOB_SETTINGS[stage](study, **names)
        job = settings.training if isinstance(settings, TuningSettings) else settings
        tasks = {task: examples(task) for task in job.tasks}
        if isinstance(job, RetrievalSettings):
            work = probe_work(shape(names["encoder"]), job, tasks)
        else:
            work = run_work(shape(names["encoder"]), job, tasks, tested=stage == "target")
        texts = sum(
            (one.train + one.dev + one.test) * one.tokens * (SPAN_TOKEN if job.tasks[task].type == "span_qa" else TOKEN)
            for task, one in tasks.items()
        )
        gpus = study.gpus(names["encoder"]) if stage != "probe" else 1
        processes = max(1, gpus) + (gpus > 1)  # each GPU's own, and the one that started them
        memory = processes * (PROCESS + (COPIES * WEIGHT * shape(names["encoder"]).parameters + texts) / 1e6)
        if isinstance(job, RetrievalSettings):
            memory += max((_vectors(shape(names["encoder"]), job, task, examples(task)) for task in tasks), default=0)
        speed = SPEED[study.config["device"]] * max(1, gpus)
        rates = len(settings.learning_rates) if isinstance(settings, TuningSettings) else 1
        return Demand(round(memory), math.ceil(rates * (work.train + work.forward) / speed / 60))

    def demand(stage: str, wildcards: Mapping[str, str]) -> Demand:
        first, seeds = next(iter(study.batches.items()))
        names = dict(wildcards) if stage == "tune" else {**wildcards, "seeds": first}
        one = one_seed(stage, **names)
        return Demand(one.memory_mb, START + (1 if stage == "tune" else len(seeds)) * one.minutes)

    return demand
