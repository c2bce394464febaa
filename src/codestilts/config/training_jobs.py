"""Make the settings of the jobs that train or predict from a study (:mod:`codestilts.config.training_settings`)."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from codestilts.config.study import Record, Study
from codestilts.config.training_settings import (
    MAX_LENGTH,
    Head,
    Init,
    LoraSettings,
    RetrievalSettings,
    TaskOptions,
    TaskSettings,
    TrainingSettings,
    TuningSettings,
)


def task_settings(study: Study, task: str) -> Record:
    """The part of a task that scores and baselines depend on."""
    spec = study.tasks[task]
    return {
        key: spec[key]
        for key in ("type", "labels", "metric", "max_length", "options", "trained", "group")
        if spec.get(key) is not None
    }


def training_task(spec: Mapping[str, Any], head: Head = "quick", layer: int = -1) -> TaskSettings:
    """Make the settings of a task from its file; ``layer`` is the encoder's, where the task chooses none."""
    return TaskSettings(
        type=spec["type"],
        metric=spec["metric"],
        labels=tuple(spec.get("labels") or ()),
        max_length=spec.get("max_length") or MAX_LENGTH,
        options=TaskOptions(**{"layer": layer, **(spec.get("options") or {})}),
        head=head,
    )


def intermediate_settings(study: Study, encoder: str, arm: str, seeds: str) -> TrainingSettings:
    """Make the settings of an arm's intermediate training for one batch of seeds."""
    budget = _budget(study, "intermediate", study.arms[arm]["tasks"])
    budget["learning_rate"] *= study.arms[arm]["learning_rate_factor"]
    return TrainingSettings(
        study=study.name,
        encoder=encoder,
        arm=arm,
        phase="intermediate",
        seeds=tuple(study.batches[seeds]),
        init=study.arms[arm]["init"],
        shuffle_labels=study.arms[arm]["shuffle_labels"],
        **budget,
    )


def target_settings(study: Study, encoder: str, arm: str, target: str, seeds: str) -> TrainingSettings:
    """Make the settings of training on a target for one batch of seeds.

    A target's own budget overrides the common one. The learning rate is 0 where trials choose it.
    """
    adapted = study.arms[arm]["method"] == "lora"
    budget = _budget(study, "target", [target], study.config["target"]["tasks"].get(target, {}), adapted)
    if study.learning_rates:
        budget["learning_rate"] = 0.0
    return TrainingSettings(
        study=study.name,
        encoder=encoder,
        arm=arm,
        target=target,
        phase="target",
        seeds=tuple(study.batches[seeds]),
        init=_target_init(study, arm),
        source_language=study.source_language(target),
        selection=tuple(study.config["target"]["selection"]),
        keep_models=study.config["keep_models"],
        **budget,
    )


def tuning_settings(study: Study, encoder: str, arm: str, target: str) -> TuningSettings:
    """Make the settings of the learning-rate trials of a target, which the study's first seed runs."""
    training = target_settings(study, encoder, arm, target, next(iter(study.batches)))
    training = replace(training, seeds=training.seeds[:1], selection=(), keep_models=True)
    return TuningSettings(training, tuple(study.learning_rates))


def retrieval_settings(study: Study, encoder: str, arm: str, seeds: str) -> RetrievalSettings:
    """Make the settings of frozen retrieval for one batch of seeds."""
    spec = study.config["definitions"]["encoders"][encoder]
    return RetrievalSettings(
        study=study.name,
        encoder=encoder,
        arm=arm,
        seeds=tuple(study.batches[seeds]),
        tasks={name: training_task(study.tasks[name], layer=spec["layer"]) for name in study.untrained_targets},
        init=_target_init(study, arm),
        layers=tuple(spec["layers"]),
        precision=study.config["target"]["precision"],
        tf32=study.config["target"]["tf32"],
    )


def _budget(
    study: Study, phase: str, tasks: list[str], overrides: Record | None = None, adapted: bool = False
) -> dict[str, Any]:
    """The fields of :class:`TrainingSettings` that follow from a phase's section of the config and from its tasks.

    ``overrides`` is a target's own section; ``adapted`` asks for adapters. Where the phase follows published recipes,
    the recipe of a single task replaces the budget. Such a task gets the published head; any other gets the head of the
    target's own section, else of its file, else of the phase.
    """
    overrides = overrides or {}
    section = study.config[phase]
    budget = {**section, **overrides}
    lora = {**section["lora"], **overrides.get("lora", {})}
    recipes = {task: study.tasks[task].get("recipe") if budget["recipe"] == "published" else None for task in tasks}
    settings = {
        task: training_task(
            study.tasks[task],
            "published" if recipes[task] else overrides.get("head") or study.tasks[task].get("head") or section["head"],
        )
        for task in tasks
    }
    size = {key: budget[key] for key in ("steps", "tokens_per_step")}
    if len(tasks) == 1 and (recipe := recipes[tasks[0]]):
        budget |= recipe
        size = {key: recipe[key] for key in ("epochs", "batch_size")}
    common = (
        *("learning_rate", "warmup", "weight_decay", "clip", "dropout", "freeze_embeddings"),
        *("cap", "evaluations", "checkpoint_minutes", "precision", "tf32"),
    )
    return {
        "tasks": settings,
        **{key: budget[key] for key in common},
        **size,
        "lora": LoraSettings(**{**lora, "modules": tuple(lora["modules"])}) if adapted else None,
    }


def _target_init(study: Study, arm: str) -> Init:
    """Random weights are drawn in the first phase that trains; a later phase starts from the weights of the earlier."""
    return "pretrained" if study.parent_arm(arm) else study.arms[arm]["init"]
