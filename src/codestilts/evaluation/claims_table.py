"""The table of all claims, in which the verdict on the primary contrast follows its correction."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from codestilts.config.claim_settings import ClaimsSettings
from codestilts.config.schema_claims import Claim
from codestilts.evaluation.claim_estimates import evaluate
from codestilts.evaluation.claims import INCONCLUSIVE, NOT_SUPPORTED, SUPPORTED, deciding, judge, restored, widened
from codestilts.evaluation.statistics.contrasts import VARIANCES, bonferroni

# Columns of an estimate. A claim has keys of the same names (languages, targets), which must not fill these columns.
NUMBERS = ["item", "value", "low", "high", "p", "seeds", "units", "targets", "languages", "cells"]
SAME = 1e-5  # points: both numbers have six decimals
COLUMNS = [
    "claim", "encoder", "kind", "each", "says", "paper", "place", "reading", "wanted", "scope", "verdict", "why",
    "deciding", *NUMBERS, "missing", "command",
]  # fmt: skip


def claims_table(settings: ClaimsSettings, found: Iterable[dict[str, Any]], contrasts: pd.DataFrame) -> pd.DataFrame:
    """Return one row per claim, encoder and item (:data:`COLUMNS`), in the order of ``claims.yaml``.

    Args:
        settings: The settings of the table.
        found: The results of :func:`evaluate` for the claims that the study can decide.
        contrasts: The contrasts of the study. A claim that the primary one is positive is decided only if Holm's
            correction, which the headline follows, leaves that decided. Claims that it has other values are judged by
            Bonferroni's interval, and what would decide a claim is counted with it.
    """
    primary = {str(row["encoder"]): row for _, row in contrasts[contrasts["role"] == "primary"].iterrows()}
    number = int(contrasts["p_holm"].notna().sum())
    every = [*found, *(evaluate(one, [], [], None) for one in settings.undecidable)]
    every.sort(key=lambda one: settings.order.index(one["claim"]))
    rows = []
    for claim in every:
        for result in claim["results"]:
            if sign := sign_of_primary(claim, result, primary.get(result["encoder"])):
                result = _corrected(claim, result, primary[result["encoder"]], sign, number, settings.confidence)
            for estimate_row in result["estimates"] or [{}]:
                shown = {**claim, **result, **dict.fromkeys(NUMBERS, ""), **estimate_row}
                shown["missing"] = ", ".join(result.get("missing", []))
                rows.append({name: shown.get(name, "") for name in COLUMNS})
    return pd.DataFrame(rows, columns=COLUMNS)


def _corrected(
    claim: dict[str, Any], result: dict[str, Any], row: pd.Series, sign: int, number: int, confidence: float
) -> dict[str, Any]:
    """Return the result of a claim about the primary contrast with the correction for ``number`` contrasts."""
    if claim["kind"] == "positive":
        excludes = row["low"] > 0 or row["high"] < 0
        lost = excludes and row["judgement"] not in ("better", "worse")  # undecided, or equal within the margin
        but = row["verdict"]
    else:
        (found,) = result["estimates"]
        lost = judge(claim_of(claim), [widened(restored(found, confidence), number)])[0] == INCONCLUSIVE
        but = f"undecided after the correction for {number} contrasts"
    if lost and result["verdict"] in (SUPPORTED, NOT_SUPPORTED):
        result = result | {"verdict": INCONCLUSIVE, "why": f"{result['why']}, but {but}", "deciding": ""}
    if result["verdict"] == INCONCLUSIVE and row[VARIANCES].notna().all():
        result = result | {"deciding": deciding(claim_of(claim), [bonferroni(row, number, confidence, sign)])}
    return result


def claim_of(about: Mapping[str, Any]) -> Claim:
    """Return the claim of what :func:`evaluate` returns about it."""
    return Claim.model_validate({key: about[key] for key in Claim.model_fields.keys() & about.keys()})


def sign_of_primary(
    claim: Mapping[str, Any], result: Mapping[str, Any], row: Mapping[str, Any] | pd.Series | None
) -> int:
    """Return 1 if a claim is about the direction of the primary contrast, -1 with its sides exchanged, else 0.

    Its sides, its languages and its value have to be the same: a claim may name all targets, or none of them.
    """
    if row is None or claim["kind"] not in ("positive", "at_least", "published") or len(result["estimates"]) != 1:
        return 0
    domains = row["plus_kind"] == "domain"
    if claim.get("match_forms", False) != domains or claim.get("languages", "all") != row["language_set"]:
        return 0
    sides = [{row["plus_kind"]: row["plus"]}, {row["minus_kind"]: row["minus"]}]
    asked = [claim["plus"], claim["minus"]]
    sign = 1 if asked == sides else -1 if asked == sides[::-1] else 0
    value = result["estimates"][0]["value"]
    return sign if value is not None and abs(sign * value - float(row["difference"])) < SAME else 0
