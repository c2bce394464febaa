"""Verdicts on claims from estimates with intervals, and what would decide inconclusive ones."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from codestilts.config.schema_claims import Claim
from codestilts.evaluation.statistics.crossed_t import Estimate, from_variance
from codestilts.evaluation.statistics.multiplicity import partial_conjunction
from codestilts.evaluation.statistics.power import with_rows, with_seeds

SUPPORTED, NOT_SUPPORTED, INCONCLUSIVE, NOT_RUN = "supported", "not supported", "inconclusive", "not run"
MOST_SEEDS = 100  # the largest number of seeds that is tried to decide a claim
UNCHANGED = ", if the difference does not change"
MORE_ROWS = [2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 100]  # the multiples of the test rows that are tried

Within = Callable[[float, float], bool]  # whether an interval supports (or refutes) a claim


def judge(claim: Claim, estimates: Sequence[Estimate]) -> tuple[str, str]:
    """Judge a claim about differences.

    Args:
        claim: The claim.
        estimates: One for each item of the claim.

    Returns:
        The verdict and the reason in a few words.
    """
    if claim.kind == "u_of_n":
        return _partial_conjunction(estimates, claim.least or 0)
    if claim.kind == "at_least_each":
        return _every_item(estimates, claim.value or 0.0)
    (estimate,) = estimates
    if estimate.note:
        return INCONCLUSIVE, f"no interval: {estimate.note}"
    supports, refutes, where = _interval_rule(claim)
    if supports(estimate.low, estimate.high):
        return SUPPORTED, f"the interval is {where}"
    if refutes(estimate.low, estimate.high):
        return NOT_SUPPORTED, f"the interval excludes {_excluded(claim)}"
    return INCONCLUSIVE, f"the interval is not {where}, and does not exclude {_excluded(claim)}"


def _interval_rule(claim: Claim) -> tuple[Within, Within, str]:
    """Return the tests for intervals that support and that refute a claim, and the former in words."""
    value, tolerance, margin = claim.value or 0.0, claim.tolerance or 0.0, claim.margin or 0.0
    match claim.kind:
        case "positive":
            return (lambda low, high: low > 0), (lambda low, high: high <= 0), "above 0"
        case "at_least":
            return (lambda low, high: low >= value), (lambda low, high: high < value), f"at {value:g} or above"
        case "equivalent":
            inside = _inside(-margin, margin, ends=False)
            return inside, (lambda low, high: low >= margin or high <= -margin), f"inside ±{margin:g}"
        case _:  # published, best_of
            least, most = value - tolerance, value + tolerance
            outside: Within = lambda low, high: high < least or low > most  # noqa: E731
            return _inside(least, most, ends=True), outside, f"inside {value:g} ± {tolerance:g}"


def _inside(least: float, most: float, ends: bool) -> Within:
    if ends:
        return lambda low, high: least <= low and high <= most
    return lambda low, high: least < low and high < most


def _excluded(claim: Claim) -> str:
    """Return the values that the claim allows, in words."""
    match claim.kind:
        case "positive":
            return "every positive difference"
        case "at_least":
            return f"{claim.value:g} and more"
        case "equivalent":
            return f"differences under {claim.margin:g}"
        case _:
            return f"{claim.value:g} ± {claim.tolerance:g}"


def tails(estimate: Estimate, value: float) -> tuple[float, float]:
    """Return one-sided p values: of "at most ``value``", and of "at least ``value``"; 1 without an interval."""
    from scipy.special import stdtr

    if estimate.note:
        return 1.0, 1.0
    t = (estimate.value - value) / estimate.standard_error
    return float(stdtr(estimate.degrees_of_freedom, -t)), float(stdtr(estimate.degrees_of_freedom, t))


def conjunction_p(values: Sequence[float], least: int) -> float:
    """Return the p of "fewer than ``least`` of these are true" (Dror et al. 2017, Bonferroni), under any dependence."""
    return min(1.0, (len(values) - least + 1) * sorted(values)[least - 1])


def _partial_conjunction(estimates: Sequence[Estimate], least: int) -> tuple[str, str]:
    """Judge "at least u of n are positive"; it is refuted if more than n - u are shown not to be positive."""
    number = len(estimates)
    if least > number:
        return INCONCLUSIVE, f"there are only {number}"
    alpha = (1 - estimates[0].confidence) / 2
    above, below = zip(*(tails(estimate, 0.0) for estimate in estimates), strict=True)
    shown = partial_conjunction(above, alpha)
    if conjunction_p(above, least) <= alpha:
        return SUPPORTED, f"at least {max(shown, least)} of {number} are positive"
    if conjunction_p(below, number - least + 1) <= alpha:
        return NOT_SUPPORTED, f"at least {number - least + 1} of {number} are not positive"
    return INCONCLUSIVE, f"at least {shown} of {number} are shown to be positive, {least} are claimed"


def _every_item(estimates: Sequence[Estimate], value: float) -> tuple[str, str]:
    """Judge "each is at least ``value``" (intersection-union); one item refutes it, with Bonferroni's correction."""
    number, alpha = len(estimates), (1 - estimates[0].confidence) / 2
    both = [tails(estimate, value) for estimate in estimates]
    shown = sum(above <= alpha for above, _ in both)
    if shown == number:
        return SUPPORTED, f"every interval of {number} is at {value:g} or above"
    if number * min(below for _, below in both) <= alpha:
        return NOT_SUPPORTED, f"one of {number} is below {value:g}"
    return INCONCLUSIVE, f"{shown} of {number} intervals are at {value:g} or above"


def deciding(claim: Claim, estimates: Sequence[Estimate]) -> str:
    """Return in words how many seeds or test rows would decide a claim if the differences do not change."""
    if claim.kind == "u_of_n" and (claim.least or 0) > len(estimates):
        return f"needs at least {claim.least} {claim.each}s, of which there are {len(estimates)}"
    reasons = sorted({estimate.note for estimate in estimates if estimate.note})
    known = [estimate for estimate in estimates if not estimate.note]
    if reasons and (claim.kind != "u_of_n" or not known):  # u may be shown without some of n
        apart = " beside those that choose the arms" if claim.kind == "best_of" and "one seed" in reasons else ""
        return f"needs an interval first: {'; '.join(reasons)}{apart}"
    now = known[0].seeds

    def decided(seeds: int, rows: int) -> bool:
        return judge(claim, [projected(estimate, seeds, rows) for estimate in estimates])[0] != INCONCLUSIVE

    enough_seeds = next((seeds for seeds in range(now + 1, MOST_SEEDS + 1) if decided(seeds, 1)), None)
    enough_rows = next((rows for rows in MORE_ROWS if decided(now, rows)), None)
    words = "seeds in addition to those that choose the arms" if claim.kind == "best_of" else "seeds"
    options = [f"{enough_seeds} {words}"] if enough_seeds else []
    options += [f"{enough_rows} times the test rows"] if enough_rows else []
    if not options:
        both = next((rows for rows in MORE_ROWS if decided(min(now * rows, MOST_SEEDS), rows)), None)
        if both is None:
            return f"not even {MOST_SEEDS} {words} and {MORE_ROWS[-1]} times the test rows{UNCHANGED}"
        options = [f"{min(now * both, MOST_SEEDS)} {words} and {both} times the test rows"]
    return f"{' or '.join(options)} ({now} seeds now){UNCHANGED}"


def projected(estimate: Estimate, seeds: int, rows: int = 1) -> Estimate:
    """Return an estimate as it would be with other numbers of seeds and test rows, if its value does not change."""
    if estimate.note:
        return estimate
    assert estimate.variance
    variance = with_rows(with_seeds(estimate.variance, seeds), rows)
    return from_variance(np.full(seeds, estimate.value), variance, estimate.confidence)


def widened(estimate: Estimate, number: int) -> Estimate:
    """Return an estimate with Bonferroni's interval for a number of contrasts."""
    from scipy.special import stdtrit

    if estimate.note:
        return estimate
    tail, middle = (1 - estimate.confidence) / 2, (estimate.low + estimate.high) / 2
    alone, corrected = stdtrit(estimate.degrees_of_freedom, [1 - tail, 1 - tail / number])
    half = (estimate.high - middle) * corrected / alone
    return replace(estimate, low=float(middle - half), high=float(middle + half))


def judge_facts(asked: dict[str, Any], found: dict[str, Any]) -> tuple[str, str]:
    """Judge a claim about the study itself by its properties."""
    here = _flat(found)
    wrong = [
        f"{name}: {here.get(name)}, not {value}" for name, value in _flat(asked).items() if here.get(name) != value
    ]
    return (NOT_SUPPORTED, "; ".join(wrong)) if wrong else (SUPPORTED, "the study has these properties")


def _flat(facts: dict[str, Any]) -> dict[str, Any]:
    """Flatten nested facts: ``languages.xnli``."""
    flat: dict[str, Any] = {}
    for name, value in facts.items():
        flat |= {f"{name}.{key}": one for key, one in value.items()} if isinstance(value, dict) else {name: value}
    return flat


def rounded(estimate: Estimate) -> dict[str, Any]:
    """Return an estimate as values for JSON: six decimals, and None where there is no number."""

    def number(value: float) -> float | None:
        return None if math.isnan(value) else round(value, 6)

    names = ("value", "low", "high", "p", "standard_error", "degrees_of_freedom")
    numbers = {name: number(getattr(estimate, name)) for name in names}
    by_seed = [round(value, 6) for value in estimate.by_seed]
    return {**numbers, "seeds": estimate.seeds, "units": estimate.units, "by_seed": by_seed, "note": estimate.note}


def restored(row: Mapping[str, Any], confidence: float) -> Estimate:
    """Return the estimate of which :func:`rounded` gave the values."""
    names = ("value", "low", "high", "p", "standard_error", "degrees_of_freedom")
    numbers: dict[str, Any] = {name: math.nan if row[name] is None else row[name] for name in names}
    return Estimate(
        **numbers, by_seed=tuple(row["by_seed"]), note=row["note"], units=row["units"], confidence=confidence
    )
