"""Settings of the job that measures an arm's transferability; :mod:`codestilts.config.transferability` makes them.

They are in a module of their own, as those of training, so that no other job depends on them.
"""

from dataclasses import dataclass

from codestilts.config.training_settings import Precision, TaskSettings


@dataclass(frozen=True)
class TransferabilitySettings:
    """Settings for predicting which targets an arm's intermediate ``task`` helps.

    ``tasks`` are it and the targets, of each of which ``examples`` training rows are read. ``seed`` is that of the
    intermediate model. ``same_form`` and ``same_domain`` are the targets that share the task's form or domain.
    """

    study: str
    encoder: str
    arm: str
    seed: int
    examples: int
    task: str
    tasks: dict[str, TaskSettings]
    same_form: tuple[str, ...]
    same_domain: tuple[str, ...]
    precision: Precision
    tf32: bool
