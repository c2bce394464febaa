"""Memory, run time and GPUs that training and prediction jobs request. Standard library only.

All three follow from the encoder, the budget and the examples (:mod:`codestilts.workflow.flops` counts the work). The
estimates are high on purpose: a scheduler kills a job that exceeds its request. Rules multiply them by the attempt.
"""

import math
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Literal

from codestilts.config import training_jobs
from codestilts.config.doses import dose_targets
from codestilts.config.study import Study
from codestilts.config.transferability import transferability_settings, transferability_targets
from codestilts.errors import CodeStiltsError
from codestilts.workflow.architectures import PUBLISHED, Architecture, find_architecture
from codestilts.workflow.flops import Flops, dose_flops, retrieval_flops, training_flops, transferability_flops
from codestilts.workflow.task_sizes import TaskSize, task_size

Stage = Literal["doses", "intermediate", "tune", "target", "frozen_retrieval", "transferability"]
ONE_DEVICE = ("frozen_retrieval", "transferability")  # stages that are quick

LIKELY = PUBLISHED["models/FacebookAI/xlm-roberta-base"]  # assumed for an encoder of unknown size
PROCESS_MB = 2000  # a process with all libraries and a few thousand examples; the pocket study's largest took 1,533 MB
WEIGHT_COPIES = 8  # as loaded, as trained, gradients, two moments, and three in a checkpoint while it is written
WEIGHT_BYTES = 4
TOKEN_BYTES = 36  # an encoded token and its text, measured
SPAN_TOKEN_BYTES = 250  # the same for span_qa: each token keeps its offsets, and overlapping windows exist at once
STATE_BYTES = 16  # a number of a token's state: padded, selected, and in double precision
LARGE = 100_000  # rows of a large set, which retrieval compares by language; its largest has less than half of the rows
START_MINUTES = 15  # loading and saving on a busy file system
SEARCH_SECONDS = 0.02  # a token of each output of a batch: at such a size calls take the time, not FLOPs
# FLOP/s: half of what one core reached in the pocket study, and a third of what `make plan` assumes for an A100.
FLOPS_PER_SECOND = {"cpu": 4e9, "gpu": 30e12}


class JobResources:
    """What each training or prediction job of a study requests, from its stage and its wildcards."""

    def __init__(self, study: Study, root: Path) -> None:
        self.study = study
        self.root = root
        self.first_batch, seeds = next(iter(study.batches.items()))  # no batch has more seeds
        self.seeds_per_job = len(seeds)

    def gpus(self, stage: Stage, wildcards: Mapping[str, str]) -> int:
        """GPUs of a job: those of its encoder, but at most one for stages that are quick."""
        gpus = self.study.gpus(wildcards["encoder"])
        return min(1, gpus) if stage in ONE_DEVICE else gpus

    def memory_mb(self, stage: Stage, wildcards: Mapping[str, str]) -> int:
        """Main memory: each process holds the libraries, the weights and the examples; retrieval also its vectors."""
        tasks = self._tasks(stage, wildcards)
        gpus = self.gpus(stage, wildcards)
        processes = gpus + 1 if gpus > 1 else 1  # one for each GPU and their launcher
        weights = self._weight_bytes(wildcards["encoder"])
        texts = sum(self._text_bytes(task) for task in tasks)
        memory = processes * (PROCESS_MB + (weights + texts) / 1e6)
        if stage == "frozen_retrieval":
            encoder = self._architecture(wildcards["encoder"])
            layers = 1 + len(self.study.encoder(wildcards["encoder"]).layers)
            memory += max((self._vector_bytes(task, encoder, layers) for task in tasks), default=0) / 1e6
        if stage == "transferability":
            tokens = max(self._size(task).example_tokens for task in tasks) * self.study.config.transferability
            memory += STATE_BYTES * tokens * self._architecture(wildcards["encoder"]).hidden_size / 1e6
        return round(memory)

    def minutes(self, stage: Stage, wildcards: Mapping[str, str]) -> int:
        """Run time: a start, and for each seed (or learning rate) its FLOPs at a modest speed and its searches."""
        flops = self._flops(stage, wildcards["encoder"], wildcards["arm"], wildcards.get("target", ""))
        repeats = {"tune": len(self.study.learning_rates), "doses": 1, "transferability": 1}
        speed = FLOPS_PER_SECOND[self.study.config.device] * max(1, self.gpus(stage, wildcards))
        seconds = flops.total / speed + flops.steps * SEARCH_SECONDS
        return START_MINUTES + math.ceil(repeats.get(stage, self.seeds_per_job) * seconds / 60)

    def _tasks(self, stage: Stage, wildcards: Mapping[str, str]) -> Iterable[str]:
        """The tasks whose examples a job reads."""
        if stage == "frozen_retrieval":
            return self.study.untrained_targets
        tasks = self.study.arms[wildcards["arm"]].tasks
        if stage == "doses":
            return [*tasks, *dose_targets(self.study, wildcards["encoder"]), *self.study.held_out_texts]
        if stage == "transferability":
            return [*tasks, *transferability_targets(self.study, wildcards["encoder"])]
        return tasks if stage == "intermediate" else [wildcards["target"]]

    @cache  # noqa: B019 - lives as long as the process: Snakemake asks three times for each job
    def _weight_bytes(self, encoder: str) -> float:
        """Bytes of all copies of the weights."""
        return WEIGHT_COPIES * WEIGHT_BYTES * self._architecture(encoder).parameters

    @cache  # noqa: B019
    def _text_bytes(self, task: str) -> float:
        """Bytes of the dev and test examples of a task, as read and as encoded; those of train stay on disk."""
        size = self._size(task)
        token = SPAN_TOKEN_BYTES if self.study.tasks[task].type == "span_qa" else TOKEN_BYTES
        return (size.dev + size.test) * size.example_tokens * token

    def _vector_bytes(self, task: str, encoder: Architecture, layers: int) -> float:
        """Bytes of an untrained target's vectors: both sides of each layer, and two copies of the one searched.

        Similarities are computed in blocks (:mod:`codestilts.tasktypes.search`), for which ``PROCESS_MB`` has room.
        """
        size = self._size(task)
        rows = size.dev + size.test
        at_once = rows / 2 if rows > LARGE else rows
        swept = self.study.tasks[task].options.sweep
        return 2 * WEIGHT_BYTES * at_once * (2 + (layers if swept else 1)) * encoder.hidden_size

    @cache  # noqa: B019
    def _flops(self, stage: Stage, encoder: str, arm: str, target: str) -> Flops:
        """FLOPs of one seed, of one learning rate, or of all trials of an intermediate learning rate."""
        shape = self._architecture(encoder)
        if stage == "doses":
            doses = training_jobs.dose_settings(self.study, encoder, arm)
            names = [*doses.targets, *(doses.intermediate.tasks if doses.intermediate else [])]
            return dose_flops(shape, doses, {task: self._size(task) for task in names})
        if stage == "transferability":
            ranked = transferability_settings(self.study, encoder, arm)
            return transferability_flops(shape, ranked, {task: self._size(task) for task in ranked.tasks})
        if stage == "frozen_retrieval":
            retrieval = training_jobs.retrieval_settings(self.study, encoder, arm, self.first_batch)
            return retrieval_flops(shape, retrieval, {task: self._size(task) for task in retrieval.tasks})
        if stage == "intermediate":
            training = training_jobs.intermediate_settings(self.study, encoder, arm, self.first_batch)
        else:
            training = training_jobs.target_settings(self.study, encoder, arm, target, self.first_batch)
        sizes = {task: self._size(task) for task in training.tasks}
        untested = stage == "tune" and not self.study.config.target.trial_tests
        return training_flops(shape, training, sizes, trial=untested)

    @cache  # noqa: B019
    def _architecture(self, encoder: str) -> Architecture:
        try:
            return find_architecture(self.study, encoder, self.root)
        except CodeStiltsError:
            return LIKELY

    @cache  # noqa: B019
    def _size(self, task: str) -> TaskSize:
        """The size that the study requests: examples that are built already must not change the request of a job."""
        return task_size(self.study, task, None, {})
