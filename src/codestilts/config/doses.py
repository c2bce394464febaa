"""The trials of a study that choose the learning rate of intermediate training: their arms and targets."""

from functools import cache

from codestilts.columns import NONE
from codestilts.config.study import Study


def dose_pairs(study: Study) -> list[tuple[str, str]]:
    """Return the encoder-arm pairs with trials: those with intermediate training, and ``none`` for comparison."""
    if not study.config.intermediate.learning_rates:
        return []
    return [*((encoder, NONE) for encoder in study.encoders), *study.intermediate_models]


@cache
def dose_targets(study: Study, encoder: str) -> list[str]:
    """Return the targets whose dev rows decide; they are the same for all arms of an encoder."""
    wanted = study.config.intermediate.trial_targets or study.trained_targets
    return list(dict.fromkeys(target for name, _, target in study.runs if name == encoder and target in wanted))
