"""The settings of the jobs that score, compare and report: what decides their outputs and no more."""

from codestilts.config.preparation_settings import SIZES, build
from codestilts.config.study import Record, Study
from codestilts.config.training_jobs import task_settings


def score(study: Study, **_: str) -> Record:
    """What scores, statistics and the report need to know of the study."""
    return {
        "study": study.name,
        "source_language": study.config["source_language"],
        "source_languages": list(dict.fromkeys(map(study.source_language, study.targets))),
        "source_of": {target: study.source_language(target) for target in study.targets},
        "languages": study.config["languages"],
        "seen": study.seen_languages,
        "pretrained": {name: study.config["definitions"]["encoders"][name]["languages"] for name in study.encoders},
        "checkpoint": study.config["target"]["selection"][0],
        "bases": {name: arm["base"] for name, arm in study.arms.items() if arm.get("base")},
        "control_of": {name: arm["control_of"] for name, arm in study.arms.items() if arm.get("control_of")},
        "random": [name for name, arm in study.arms.items() if arm["init"] == "random"],
        "overlaps": study.overlaps,
        "suites": {target: study.tasks[target]["suite"] for target in study.targets},
        "families": {name: arm["family"] for name, arm in study.arms.items()},
        "targets": {target: task_settings(study, target) for target in study.targets},
    }


def compare(study: Study, **_: str) -> Record:
    """The pre-registered contrast and how its interval is computed."""
    return {**score(study), **study.config["statistics"]}


def cut(study: Study) -> dict[str, list[str]]:
    """The targets of whose whole splits the study draws a part, and these splits."""
    found = {}
    for target in study.targets:
        sizes = {key.partition("_")[0] for key, size in build(study, target).items() if key in SIZES and size}
        found[target] = [split for split in study.tasks[target].get("whole", []) if split in sizes]
    return {target: splits for target, splits in found.items() if splits}


def report(study: Study, **_: str) -> Record:
    """What the report tells of the study: arms, budgets and sources."""
    return {
        **compare(study),
        "encoders": study.encoders,
        "arms": study.arms,
        "shown": study.shown_arms,
        "scopes": study.scopes,
        "rehearsal": study.config["rehearsal"],
        "cut": cut(study),
        "seeds": study.config["seeds"],
        "budgets": {phase: study.config[phase] for phase in ("intermediate", "target")},
        "sources": study.used_sources,
    }
