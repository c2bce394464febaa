"""Keys of a config that can never have an effect: whoever sets one expects something else than the study would do.

What merely lacks its target or its arm in this study is allowed, because overlays inherit it.
"""

from collections.abc import Iterator

from codestilts.columns import NONE
from codestilts.config.schema_errors import Problem
from codestilts.config.study import Study
from codestilts.errors import suggest

CONTRASTED = ("english", "code", "docs", "mixed")  # families that are compared with their controls in every study


def unused_keys(study: Study) -> Iterator[Problem]:
    """Yield the budgets and the keys of arms of this study that change nothing."""
    yield from _budget_problems(study)
    for name in study.config.arms:
        yield from _arm_problems(study, name)


def _budget_problems(study: Study) -> Iterator[Problem]:
    """Budgets of tasks that no study trains as targets."""
    for name in study.config.target.tasks:
        task, path = study.tasks[name], ("target", "tasks", name)
        if not task.group:
            message = f"'{name}' has no group, so it is a target of no study: remove it"
            yield Problem(path, f"{message} (intermediate tasks share the budget under intermediate)")
        elif not task.trained:
            yield Problem(path, f"'{name}' is used without training (trained: false), so it has no budget: remove it")


def _arm_problems(study: Study, name: str) -> Iterator[Problem]:
    arm, path = study.arms[name], ("definitions", "arms", name)
    if name == NONE and arm.family != "baseline":
        yield Problem((*path, "family"), f"is {arm.family}, and 'none' belongs to no other family than baseline")
    families = {*CONTRASTED, *study.config.statistics.contrast}
    for family in arm.controls_for or ():
        if family not in families:
            message = f"arms of the family {family} are compared with no control; {suggest(family, families)}"
            yield Problem((*path, "controls_for"), message)
    labelled = [task for task in arm.tasks if study.tasks[task].type != "mlm"]
    if arm.shuffle_labels and not labelled and not study.config.rehearsal:  # which may lack the others
        what = "masked language modelling has no labels" if arm.tasks else "it has no tasks"
        yield Problem((*path, "shuffle_labels"), f"'{name}' has no labels to shuffle, as {what}: remove the key")
    if arm.learning_rate_factor != 1 and not arm.tasks:
        message = f"'{name}' has no tasks, so it has no intermediate training: use target_learning_rate_factor"
        yield Problem((*path, "learning_rate_factor"), message)
