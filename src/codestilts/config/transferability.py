"""What a study predicts of intermediate tasks before it trains on targets: for which arms and targets, and how.

Candidates are arms of one labelled intermediate task, as it is: no mixtures, controls or variants.
"""

from functools import cache

from codestilts.config.schema import Arm
from codestilts.config.study import Study
from codestilts.config.training_jobs import training_task
from codestilts.config.transferability_settings import TransferabilitySettings

NO_LABELS = ("generation", "mlm")  # task types for which LogME is not defined: their answers are texts
LEAST = 2  # candidates, without which there is nothing to rank


def transferability_pairs(study: Study) -> list[tuple[str, str]]:
    """Return the encoder-arm pairs whose intermediate tasks are ranked."""
    pairs: list[tuple[str, str]] = []
    for encoder in study.encoders if study.config.transferability else []:
        arms = [arm for name, arm in study.encoder_arms if name == encoder and _is_candidate(study, study.arms[arm])]
        if len(arms) >= LEAST and transferability_targets(study, encoder):
            pairs += [(encoder, arm) for arm in arms]
    return pairs


def _is_candidate(study: Study, arm: Arm) -> bool:
    if len(arm.tasks) != 1 or arm.family in ("control", "variant") or study.tasks[arm.tasks[0]].type in NO_LABELS:
        return False
    return arm.init == "pretrained" and not (arm.shuffle_labels or arm.flip_labels or arm.base)


@cache
def transferability_targets(study: Study, encoder: str) -> list[str]:
    """Return the targets that tasks are ranked for: those that an encoder is fine-tuned on, unless they are texts."""
    targets = dict.fromkeys(target for name, _, target in study.runs if name == encoder)
    return [target for target in targets if study.tasks[target].type not in NO_LABELS]


def transferability_settings(study: Study, encoder: str, arm: str) -> TransferabilitySettings:
    """Return the settings for measuring an arm's transferability with the study's first seed."""
    (task,) = study.arms[arm].tasks
    targets = transferability_targets(study, encoder)
    section = study.config.target
    return TransferabilitySettings(
        study=study.name,
        encoder=encoder,
        arm=arm,
        seed=min(study.config.seeds),
        examples=study.config.transferability,
        task=task,
        tasks={name: training_task(study.tasks[name]) for name in [task, *targets]},
        same_form=tuple(target for target in targets if _form(study, target) == _form(study, task)),
        same_domain=tuple(target for target in targets if _domain(study, target) == _domain(study, task)),
        precision=section.precision,
        tf32=section.tf32,
    )


def _form(study: Study, task: str) -> str:
    """The form of a task, or the one that most tasks of its type have."""
    spec = study.tasks[task]
    usual = {"classification": "pair", "multiple_choice": "choice", "span_qa": "span"}
    return spec.form or usual.get(spec.type, spec.type)


def _domain(study: Study, task: str) -> str:
    """The domain of a task, or else that of its suite: the targets of XTREME are trained in English."""
    spec = study.tasks[task]
    return spec.domain or {"xtreme": "english", "pl": "code"}.get(spec.suite, spec.suite)
