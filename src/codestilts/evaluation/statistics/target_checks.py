"""Checks whether targets are learnt, and counts of their test examples and units."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from codestilts.columns import NONE
from codestilts.evaluation.statistics.design import Design
from codestilts.evaluation.statistics.estimates import estimate
from codestilts.evaluation.statistics.means import (
    INTERVAL,
    common_means,
    estimate_columns,
    mean_over,
    observed,
    weighted_cells,
)
from codestilts.evaluation.statistics.resampling import Scores

CHECK_COLUMNS = ["target", "group", "trained", "languages", "rival", "rival_kind", "none", "rival_value", "margin",
                 *INTERVAL, "passed"]  # fmt: skip
COUNT_COLUMNS = ["target", "group", "language", "examples", "units", "seen", "few", "none", "low", "high", "note"]

FEW = 200  # test examples: of 200 independent ones the 95 % interval of an accuracy of 50 % is 7 points wide each way


def target_checks(scores: Scores, design: Design) -> pd.DataFrame:
    """Compare ``none`` on the source language with each trivial baseline and with random weights.

    A target that is not fine-tuned, or has no test rows in the source language, is checked on the mean of the languages
    that both ``none`` and the rival have. ``rival_kind`` is ``trivial`` (a trivial baseline) or
    ``random`` (an arm with random initial weights). ``passed`` says whether the interval of the margin lies above zero;
    it is empty without an interval.
    """
    rows = []
    rivals = [(name, "trivial") for name in scores.trivial] + [(name, "random") for name in design.random_arms]
    for name, target in design.settings.targets.items():
        if name not in scores.targets:
            continue
        languages: Sequence[str] = design.languages_of("source")[name]
        if not mean_over(scores, [NONE], [[name]], languages).any():
            languages = scores.languages
        for rival, kind in rivals:
            none, other = common_means(scores, [[NONE], [rival]], [[name]], languages)
            margin = estimate(scores, none - other, design.settings)
            if margin:
                used = [scores.languages[k] for k in np.unique(weighted_cells(scores, none)[1])]
                row = {
                    "target": name,
                    "group": target.group,
                    "trained": target.trained,
                    "languages": "all" if languages is scores.languages else " ".join(used),
                    "rival": rival,
                    "rival_kind": kind,
                    "none": observed(scores, none),
                    "rival_value": observed(scores, other),
                    "passed": None if margin.note else margin.low > 0,
                }
                rows.append({**row, **estimate_columns(margin, "margin")})
    return pd.DataFrame(rows, columns=CHECK_COLUMNS)


def failed_targets(checks: pd.DataFrame) -> list[str]:
    """Return the targets that do not beat one of their rivals with an interval above zero, sorted."""
    failed = checks.loc[[passed is not None and not passed for passed in checks["passed"]], "target"]
    return sorted(set(failed))


def counts(scores: Scores, design: Design) -> pd.DataFrame:
    """Count test examples and units per target and language, with the value of ``none`` and its interval.

    ``few`` marks cells with fewer than :data:`FEW` examples. For a cell without data of ``none``, only sizes are given.
    """
    rows = []
    for j, name in enumerate(scores.targets):
        for k, language in enumerate(scores.languages):
            examples = int(scores.examples[j, k])
            if not examples or name not in design.settings.targets:
                continue
            row = {
                "target": name,
                "group": design.settings.targets[name].group,
                "language": language,
                "examples": examples,
                "units": int(scores.units[j, k]),
                "seen": language in design.languages_of("seen")[name],
                "few": examples < FEW,
                "note": "none has no data",
            }
            none = estimate(scores, mean_over(scores, [NONE], [[name]], [language]), design.settings)
            if none:
                row |= {"none": none.value, "low": none.low, "high": none.high, "note": none.note}
            rows.append(row)
    return pd.DataFrame(rows, columns=COUNT_COLUMNS)
