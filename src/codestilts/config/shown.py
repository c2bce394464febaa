"""Which runs the report shows: of each target a few arms side by side, and all arms to browse."""

from itertools import groupby

from codestilts.columns import NONE
from codestilts.config.study import Study


def shown_arms(study: Study) -> list[str]:
    """Return the arms whose curves and predictions the report shows: none, and one of each family in the contrast."""
    shown = [NONE]
    for family in study.config.statistics.contrast:
        members = [name for name, arm in study.arms.items() if arm.family == family]
        shown += sorted(members, key=lambda name: -len(study.arms[name].tasks))[:1]
    return [name for name in shown if name in study.arms]


def browsed_runs(study: Study) -> list[tuple[str, str, str]]:
    """Return every arm of each target with one encoder: if it can be, with the one that has most arms of the target."""
    runs = []
    for target in study.targets:
        ran = {
            encoder: [arm for arm in study.arms if target in study.encoder_arms.get((encoder, arm), [])]
            for encoder in study.encoders
        }
        most_first = sorted(ran, key=lambda encoder: -len(ran[encoder]))
        found = {arm: encoder for encoder in reversed(most_first) for arm in ran[encoder]}
        runs += [(found[arm], arm, target) for arm in study.arms if arm in found]
    return runs


def shown_runs(study: Study) -> list[tuple[str, str, str]]:
    """Return the runs whose answers to the same examples stand side by side.

    Those are the runs of the shown arms. Where texts are generated, the arms that train the target with the lowest and
    the highest learning rate are added: it decides whether a model answers in the right language (Chirkova et al. 2023,
    arXiv 2310.09917).
    """
    factors = {name: arm.target_learning_rate_factor for name, arm in study.arms.items()}
    runs, shown = [], shown_arms(study)
    for target, browsed in groupby(browsed_runs(study), key=lambda run: run[2]):
        encoders = {arm: encoder for encoder, arm, _ in browsed}
        names = list(shown)
        if study.tasks[target].type == "generation":
            others = sorted((arm for arm in encoders if factors[arm] != 1), key=factors.__getitem__)
            names += [*others[:1], *others[-1:]]
        runs += [(encoders[arm], arm, target) for arm in dict.fromkeys(names) if arm in encoders]
    return runs
