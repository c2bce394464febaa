"""The settings of the jobs that train or predict: what decides their outputs and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from codestilts.config.study import Record, Study


def task_settings(study: Study, task: str) -> Record:
    """What training and prediction need to know of a task."""
    keys = {"type", "labels", "metric", "max_length", "options", "trained", "group"}
    return study.tasks[task].model_dump(include=keys, exclude_unset=True)


def _training(study: Study, phase: str, tasks: list[str], own: Record) -> Record:
    """The tasks and the training settings of a phase; ``own`` are a target's, and a task may have a published recipe.

    A recipe's budget is that of a single task. Its head is the published one in any case; where there is no recipe, the
    head is what a target's own settings say, else its file, else the phase.
    """
    apart = {"tasks", "learning_rates", "selection"}
    budget = getattr(study.config, phase).model_dump(exclude=apart)
    budget |= own | {"lora": budget["lora"] | own.get("lora", {})}
    common, published = budget.pop("head"), budget.pop("recipe") == "published"
    recipes = {task: study.tasks[task].recipe if published else None for task in tasks}
    heads = {task: own.get("head") or study.tasks[task].head or common for task in tasks}
    known = {
        task: task_settings(study, task) | {"head": "published" if recipes[task] else heads[task]} for task in tasks
    }
    if len(tasks) == 1 and (recipe := recipes[tasks[0]]):
        budget |= recipe.model_dump(exclude={"source"}, exclude_unset=True)
    return {"tasks": known, **budget}


def intermediate(study: Study, encoder: str, arm: str, seeds: str) -> Record:
    """The settings of phase 2 for one batch of seeds."""
    budget = _training(study, "intermediate", study.arms[arm].tasks, {})
    return {
        "study": study.name,
        "encoder": encoder,
        "arm": arm,
        "phase": "intermediate",
        "label": f"{encoder} / {arm}",
        "seeds": study.batches[seeds],
        "init": study.arms[arm].init,
        "shuffle_labels": study.arms[arm].shuffle_labels,
        "method": "full",
        **budget,
        "learning_rate": budget["learning_rate"] * study.arms[arm].learning_rate_factor,
    }


def target(study: Study, encoder: str, arm: str, target: str, seeds: str) -> Record:
    """The settings of phase 3 for one batch of seeds; a target's own budget overrides the common one."""
    return {
        "study": study.name,
        "encoder": encoder,
        "arm": arm,
        "target": target,
        "phase": "target",
        "label": f"{encoder} / {arm} / {target}",
        "seeds": study.batches[seeds],
        "init": _target_init(study, arm),
        "shuffle_labels": False,
        "method": study.arms[arm].method,
        "source_language": study.source_language(target),
        "selection": study.config.target.selection,
        "keep_models": study.config.keep_models,
        **_training(study, "target", [target], study.config.target.own(target)),
    }


phase_3 = target  # the name of its function is that of its wildcard too


def tune(study: Study, encoder: str, arm: str, target: str) -> Record:
    """The settings of the trials of learning rates: those of phase 3 for the first seed, one rate a trial."""
    settings = phase_3(study, encoder, arm, target, next(iter(study.batches)))
    first = settings["seeds"][0]
    return {**settings, "seeds": [first], "learning_rates": study.learning_rates}


def frozen_retrieval(study: Study, encoder: str, arm: str, seeds: str) -> Record:
    """The settings of the predictions of all untrained targets for one batch of seeds."""
    own = study.encoder(encoder)
    heads = {target: task_settings(study, target) for target in study.untrained_targets}
    for head in heads.values():
        options = head.get("options", {})
        head["options"] = {"layer": own.layer, **options}
    return {
        "study": study.name,
        "encoder": encoder,
        "arm": arm,
        "seeds": study.batches[seeds],
        "init": _target_init(study, arm),
        "layers": own.layers,
        **study.config.target.model_dump(include={"precision", "tf32"}),
        "tasks": heads,
    }


def _target_init(study: Study, arm: str) -> str:
    """Random weights are drawn in the first phase that trains; a later one starts from the one before."""
    return "pretrained" if study.parent_arm(arm) else str(study.arms[arm].init)
