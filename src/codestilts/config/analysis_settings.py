"""The settings of the jobs that score, compare and report: what decides their outputs and no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from codestilts.config.preparation_jobs import build_settings
from codestilts.config.training_jobs import task_settings

if TYPE_CHECKING:
    from codestilts.config.study import Record, Study


def score(study: Study, **_: str) -> Record:
    """What scores, statistics and the report need to know of the study."""
    return {
        "study": study.name,
        "source_language": study.config.source_language,
        "source_languages": list(dict.fromkeys(map(study.source_language, study.targets))),
        "source_of": {target: study.source_language(target) for target in study.targets},
        "languages": study.config.languages,
        "seen": study.seen_languages,
        "pretrained": {name: study.encoder(name).languages for name in study.encoders},
        "checkpoint": study.config.target.selection[0],
        "bases": {name: arm.base for name, arm in study.arms.items() if arm.base},
        "controls_for": {name: arm.controls_for for name, arm in study.arms.items() if arm.controls_for},
        "random": [name for name, arm in study.arms.items() if arm.init == "random"],
        "overlaps": study.overlaps,
        "suites": {target: study.tasks[target].suite for target in study.targets},
        "families": {name: arm.family for name, arm in study.arms.items()},
        "targets": {target: task_settings(study, target) for target in study.targets},
    }


def compare(study: Study, **_: str) -> Record:
    """The pre-registered contrast and how its interval is computed."""
    return {**score(study), **study.config.statistics.model_dump()}


def cut(study: Study) -> dict[str, list[str]]:
    """The targets of whose whole splits the study draws a part, and these splits."""
    found = {}
    for target in study.targets:
        sizes = {size.partition("_")[0] for size in build_settings(study, target).sizes()}
        found[target] = [str(split) for split in study.tasks[target].whole if split in sizes]
    return {target: splits for target, splits in found.items() if splits}


def report(study: Study, **_: str) -> Record:
    """What the report tells of the study: arms, budgets and sources."""
    return {
        **compare(study),
        "encoders": study.encoders,
        "arms": {name: arm.model_dump(exclude_none=True) for name, arm in study.arms.items()},
        "shown": study.shown_arms,
        "scopes": study.scopes,
        "rehearsal": study.config.rehearsal,
        "cut": cut(study),
        "seeds": study.config.seeds,
        "budgets": study.config.model_dump(include={"intermediate", "target"}, exclude_none=True),
        "sources": study.used_sources,
    }
