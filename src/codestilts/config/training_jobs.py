"""Settings of the jobs that train or predict, made from a study."""

import math
from dataclasses import replace
from functools import cache
from typing import Any

from codestilts.columns import NONE, Record
from codestilts.config.doses import dose_targets
from codestilts.config.preparation_jobs import drawn_size
from codestilts.config.schema import Budget
from codestilts.config.schema_task import TaskSpec
from codestilts.config.study import Study
from codestilts.config.training_settings import (
    ENCODING_OPTIONS,
    DoseSettings,
    EncodingSettings,
    Head,
    Init,
    LoraSettings,
    RetrievalSettings,
    TaskOptions,
    TaskSettings,
    TrainingSettings,
    TuningSettings,
)

COMMON = {  # keys of a phase's section of the config that are also fields of the settings
    *("learning_rate", "head_learning_rate", "warmup", "weight_decay", "clip", "dropout", "freeze_embeddings"),
    *("cap", "mixture", "evaluations", "checkpoint_minutes", "precision", "tf32"),
}


def training_task(spec: TaskSpec, head: Head = "quick", layer: int = -1) -> TaskSettings:
    """The part of a task that training and prediction depend on; ``layer`` is the encoder's, if the task has none."""
    return TaskSettings(
        type=spec.type,
        metric=spec.metric,
        labels=tuple(spec.labels),
        max_length=spec.max_length,
        options=TaskOptions(**{"layer": layer, **spec.options.model_dump(exclude_none=True)}),
        head=head,
    )


def encoding_settings(study: Study, encoder: str, task: str) -> EncodingSettings:
    """The part of a task that its encoding depends on, which is the same for every encoder."""
    spec = study.tasks[task]
    options = spec.options.model_dump(include=set(ENCODING_OPTIONS), exclude_none=True)
    similarity = study.config.leakage.similarity if study.leaves_out else 0.0
    return EncodingSettings(spec.type, tuple(spec.labels), spec.max_length, TaskOptions(**options), similarity)


def intermediate_settings(study: Study, encoder: str, arm: str, seeds: str) -> TrainingSettings:
    """Settings of an arm's intermediate training for one batch of seeds."""
    return replace(_intermediate_settings(study, encoder, arm), seeds=tuple(study.batches[seeds]))


@cache
def _intermediate_settings(study: Study, encoder: str, arm: str) -> TrainingSettings:
    """What all batches of seeds share; each start of Snakemake asks for the settings of every batch.

    The learning rate is 0 where trials choose it.
    """
    definition = study.arms[arm]
    budget = _budget(study, study.config.intermediate, definition.tasks, {})
    trials = study.config.intermediate.learning_rates
    budget["learning_rate"] = 0.0 if trials else budget["learning_rate"] * definition.learning_rate_factor
    # A rehearsal may lack the task, and its few rows may lack a label.
    for task, share in definition.flip_labels.items() if not study.config.rehearsal else ():
        budget["tasks"][task] = replace(budget["tasks"][task], flipped=share)
    return TrainingSettings(
        study=study.name,
        encoder=encoder,
        arm=arm,
        phase="intermediate",
        seeds=(),
        init=definition.init,
        shuffle_labels=definition.shuffle_labels,
        store_precision=study.config.store_precision,
        **budget,
    )


def target_settings(study: Study, encoder: str, arm: str, target: str, seeds: str) -> TrainingSettings:
    """Settings of training on a target for one batch of seeds."""
    return replace(_target_settings(study, encoder, arm, target), seeds=tuple(study.batches[seeds]))


@cache
def _target_settings(study: Study, encoder: str, arm: str, target: str) -> TrainingSettings:
    """What all batches of seeds share.

    A target's own budget overrides the common one. The learning rate is 0 where trials choose it.
    """
    section, definition = study.config.target, study.arms[arm]
    overrides = section.own(study.base(target))
    budget = _budget(study, section, [target], overrides)
    factor = definition.target_learning_rate_factor
    budget["learning_rate"] *= 0.0 if study.learning_rates else factor
    if budget["head_learning_rate"]:
        budget["head_learning_rate"] *= factor
    budget["freeze_embeddings"] |= "embeddings" in definition.frozen
    lora = LoraSettings(**section.lora.model_dump() | overrides.get("lora", {}))
    modules = tuple(study.encoder(encoder).lora_modules or lora.modules)
    return TrainingSettings(
        study=study.name,
        encoder=encoder,
        arm=arm,
        target=target,
        phase="target",
        seeds=(),
        init=_target_init(study, arm),
        lora=replace(lora, modules=modules) if definition.method == "lora" else None,
        freeze_decoder="decoder" in definition.frozen,
        trial_factor=factor if study.learning_rates else 1.0,
        source_language=study.source_language(target),
        selection=tuple(section.selection),
        keep_models=arm in study.kept_arms,
        store_precision=study.config.store_precision if arm in study.kept_arms else "fp32",
        **budget,
    )


def tuning_settings(study: Study, encoder: str, arm: str, target: str) -> TuningSettings:
    """Settings of the learning-rate trials of a target, which the study's first seed runs.

    They are without the arm's factor, which multiplies the rate that they choose.
    """
    training = target_settings(study, encoder, arm, target, next(iter(study.batches)))
    head = training.head_learning_rate and training.head_learning_rate / training.trial_factor
    training = replace(training, seeds=training.seeds[:1], selection=(), keep_models=True, store_precision="fp32")
    training = replace(training, head_learning_rate=head, trial_factor=1.0)
    tests = study.config.target.trial_tests
    training = replace(training, selection=("last",)) if tests else training  # the only predictions are the last ones
    return TuningSettings(training, tuple(study.learning_rates), tests)


def tuned_arm(study: Study, arm: str) -> str:
    """The arm whose learning-rate trials choose the rate of an arm: its base, if they differ by a factor alone.

    With trials of its own, an arm with a factor of 3 might end with a lower rate than its base.
    """
    base = study.arms[arm].base
    if base not in study.arms or study.arms[arm].target_learning_rate_factor == 1:
        return arm
    return base if _alike(study, arm, base) else arm


def _alike(study: Study, arm: str, other: str) -> bool:
    """Whether targets start from the same models and train the same weights after both arms."""
    one, two = (study.arms[name].model_dump(include={"init", "method", "frozen"}) for name in (arm, other))
    return study.parent_arm(arm) == study.parent_arm(other) and one == two


def tuned_runs(study: Study) -> list[tuple[str, str, str]]:
    """Every encoder, arm and target with learning-rate trials; none if the rates are given."""
    runs = study.runs + study.twin_runs if study.learning_rates else []
    return list(dict.fromkeys((encoder, tuned_arm(study, arm), target) for encoder, arm, target in runs))


def dose_settings(study: Study, encoder: str, arm: str) -> DoseSettings:
    """Settings of the trials of an arm's intermediate learning rate, which the study's first seed runs.

    Targets have their own learning rates, not those of trials.
    """
    section, first, intermediate = study.config.intermediate, next(iter(study.batches)), None
    if arm != NONE:
        trained = intermediate_settings(study, encoder, arm, first)
        intermediate = replace(trained, seeds=trained.seeds[:1], evaluations=1, store_precision="fp32")
    rates = [rate * study.arms[arm].learning_rate_factor for rate in section.learning_rates] if intermediate else [0.0]
    targets = dose_targets(study, encoder)
    return DoseSettings(
        intermediate=intermediate,
        learning_rates=tuple(rates),
        targets={target: _trial_of_target(study, encoder, arm, target) for target in targets},
        groups={target: str(study.tasks[target].group) for target in targets},
        held_out={task: training_task(study.tasks[task]) for task in study.held_out_texts},
        tests=section.trial_tests,
    )


def _trial_of_target(study: Study, encoder: str, arm: str, target: str) -> TrainingSettings:
    """Settings of training on a target after a trial of intermediate training: one seed, at most its own budget."""
    settings = target_settings(study, encoder, arm, target, next(iter(study.batches)))
    section, share = study.config.target, study.config.intermediate.trial_share
    budget = _budget(study, section, [target], section.own(study.base(target)))
    return replace(
        settings,
        seeds=settings.seeds[:1],
        learning_rate=budget["learning_rate"] * study.arms[arm].target_learning_rate_factor,
        steps=math.ceil(share * settings.steps),
        epochs=share * settings.epochs,
        evaluations=1,
        selection=("last",),
        keep_models=True,
        store_precision="fp32",
    )


def retrieval_settings(study: Study, encoder: str, arm: str, seeds: str) -> RetrievalSettings:
    """Settings of frozen retrieval for one batch of seeds."""
    definition, section = study.encoder(encoder), study.config.target
    return RetrievalSettings(
        study=study.name,
        encoder=encoder,
        arm=arm,
        seeds=tuple(study.batches[seeds]),
        tasks={name: training_task(study.tasks[name], layer=definition.layer) for name in study.untrained_targets},
        init=_target_init(study, arm),
        layers=tuple(definition.layers),
        precision=section.precision,
        tf32=section.tf32,
    )


def _budget(study: Study, section: Budget, tasks: list[str], overrides: Record) -> dict[str, Any]:
    """The fields of :class:`TrainingSettings` that follow from a phase's section of the config and from the tasks.

    Where the phase follows published recipes, the recipe of a single task replaces the budget. A task with a recipe
    gets the published head; any other gets the head of the target's own section, else of its file, else of the phase.

    Args:
        study: the study.
        section: the phase's section of the config.
        tasks: the tasks that are trained.
        overrides: a target's own section.
    """
    published = overrides.get("recipe", section.recipe) == "published"
    recipes = {task: study.tasks[task].recipe if published else None for task in tasks}
    heads: dict[str, Head] = {
        task: "published" if recipes[task] else overrides.get("head") or study.tasks[task].head or section.head
        for task in tasks
    }
    values = section.model_dump() | overrides
    size = {key: values[key] for key in ("steps", "tokens_per_step")}
    if len(tasks) == 1 and (recipe := recipes[tasks[0]]):
        values |= {"head_learning_rate": None} | recipe.model_dump(exclude={"source"}, exclude_unset=True)
        size = {key: values[key] for key in ("epochs", "batch_size")}
    settings = {task: training_task(study.tasks[task], heads[task]) for task in tasks}
    return {
        "tasks": {task: replace(settings[task], **_draw(study, task)) for task in tasks},
        **{key: values[key] for key in COMMON},
        **size,
    }


def _draw(study: Study, task: str) -> dict[str, Any]:
    """The fields of :class:`TaskSettings` that say how many of its training rows a seed trains on."""
    draw, size = study.config.data.draw, drawn_size(study, task)
    return {} if draw.fixed or size is None else {"drawn": size, "most_drawn": draw.most}


def _target_init(study: Study, arm: str) -> Init:
    """Random weights are drawn in the first phase that trains; a later phase starts from those of the earlier one."""
    return "pretrained" if study.parent_arm(arm) else study.arms[arm].init
