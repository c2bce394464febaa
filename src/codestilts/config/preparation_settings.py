"""The settings of the jobs that fetch, extract and build: what decides their outputs and no more."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from codestilts.config.training_settings import task_settings
from codestilts.seeding import derive_seed

if TYPE_CHECKING:
    from codestilts.config.study import Record, Study

SIZES = ("train", "dev", "test", "test_source")


def source(study: Study, source: str) -> Record:
    """What decides the bytes of an archive; a change of a licence note fetches nothing again."""
    row = asdict(study.sources[source])
    return {key: row[key] for key in ("kind", "id", "version", "file", "sha256", "keep", "languages", "split")}


def fit(study: Study, encoder: str) -> Record:
    """What the study asks of an encoder's architecture, by the file or key that asks it (:mod:`encoder_limits`)."""
    pairs = {arm: targets for (name, arm), targets in study.encoder_arms.items() if name == encoder}
    own = study.encoder(encoder)
    arms = {*pairs, *(arm for name, arm in study.intermediate_models if name == encoder)}
    targets = {target for found in pairs.values() for target in found}
    tasks = [study.tasks[task] for task in sorted(targets.union(*(study.arms[arm].tasks for arm in arms)))]
    adapted = {target for name, arm, target in study.runs if name == encoder and study.arms[arm].method == "lora"}
    modules = {"target.lora.modules": study.config.target.lora.modules} if adapted else {}
    for target in sorted(adapted):
        lora = study.config.target.own(target).get("lora", {})
        if "modules" in lora:
            modules[f"target.tasks.{target}.lora.modules"] = lora["modules"]
    return {
        "encoder": encoder,
        "lengths": {task.file: task.max_length for task in tasks},
        "blocks": {
            f"definitions.encoders.{encoder}.layer": [own.layer],
            f"definitions.encoders.{encoder}.layers": own.layers,
            **{f"{task.file}: options.layer": [task.options.layer] for task in tasks if (task.options.layer or 0) > 0},
        },
        "modules": modules,
    }


def extract(study: Study, language: str) -> Record:
    """The split that each archive of a language serves."""
    return {name: study.sources[name].split[language] for name in study.sources_of_language(language)}


def build(study: Study, task: str) -> Record:
    """How many examples of a task are drawn, in which languages, and the builder's own options.

    The study's common sizes don't cut the splits that a task file calls ``whole``, except in a rehearsal.
    """
    role = "target" if task in study.targets else "intermediate"
    data = study.config.data
    common = data.target if role == "target" else data.intermediate
    own = data.tasks.get(task)
    whole = [] if study.config.rehearsal else study.tasks[task].whole
    return {
        "study": study.name,
        "task": task,
        "role": role,
        **({"rehearsal": study.config.rehearsal} if study.config.rehearsal else {}),
        "languages": study.task_languages(task),
        "source_language": study.source_language(task),
        "seed": derive_seed(study.name, "examples", task),
        **{key: value for key, value in common.given().items() if key.partition("_")[0] not in whole},
        **(own.given() if own else {}),
    }


def baseline(study: Study, target: str) -> Record:
    """The settings of a target's trivial baselines."""
    return {"study": study.name, "targets": {target: task_settings(study, target)}}
