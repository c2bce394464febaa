"""What is valid in a study, and is told because hardly anyone means it."""

from collections.abc import Iterator
from typing import get_args

from codestilts.config.claim_jobs import claim_settings
from codestilts.config.claims_file import CLAIMS
from codestilts.config.schema_fields import Domain
from codestilts.config.study import Study
from codestilts.display_names import counted


def study_notes(study: Study) -> list[str]:
    """Return one line for each arm, trial target and claim of the study that cannot do what it seems to be for."""
    return [*_arms_without_contrast(study), *_targets_without_vote(study), *_claims_with_too_few_items(study)]


def _arms_without_contrast(study: Study) -> Iterator[str]:
    """Arms of one task that could be compared between domains if its file said what it asks, and about which texts."""
    for name, arm in study.arms.items():
        task = study.tasks[arm.tasks[0]] if len(arm.tasks) == 1 and arm.family in get_args(Domain) else None
        if task and not (task.form and task.domain):
            lacks = " and ".join(f"no {key}" for key in ("form", "domain") if not getattr(task, key))
            yield f"{task.file}: has {lacks}, so the arm '{name}' is in no contrast at equal form: add what fits"


def _targets_without_vote(study: Study) -> Iterator[str]:
    """Targets of trials that are not fine-tuned: a study with other targets inherits the list of ``config.yaml``."""
    section = study.config.intermediate
    absent = [name for name in section.trial_targets if name not in study.trained_targets]
    if absent and section.learning_rates:
        where = "intermediate.trial_targets"
        yield f"{where}: this study does not fine-tune {', '.join(absent)}, so the others choose learning rates"


def _claims_with_too_few_items(study: Study) -> Iterator[str]:
    """Claims about more languages or targets than the study has; a study of another name may well have fewer."""
    for name, claim in study.claims.items():
        if not claim.least or claim.study != study.name:
            continue
        for encoder, items in claim_settings(study, name).items.items():
            if claim.least > len(items):
                there = f"{counted(len(items), str(claim.each))} (set '{claim.languages}', encoder {encoder})"
                yield f"{CLAIMS}: {name}.least: is {claim.least}, and this study has {there}: lower it"
