"""From predictions to the verdict on one claim: only the cells that it needs are scored."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from codestilts.config.claim_settings import ClaimSettings, Item, Part
from codestilts.config.schema_claims import Claim
from codestilts.display_names import family_name, item_name
from codestilts.errors import CodeStiltsError
from codestilts.evaluation.claims import (
    INCONCLUSIVE,
    NOT_RUN,
    deciding,
    judge,
    judge_facts,
    rounded,
)
from codestilts.evaluation.scoring import compared, runs_of, unit_sums
from codestilts.evaluation.statistics.crossed_t import Estimate, estimate
from codestilts.evaluation.statistics.means import common_difference, count, mean_of_parts, weighted_cells
from codestilts.evaluation.statistics.resampling import Scores, resample
from codestilts.evaluation.sum_tables import names_in
from codestilts.job_files import read_json, reading

# Why an item, or a claim, has no estimate.
NO_CELLS, NO_LANGUAGES = "no test rows that both sides have", "no target has any of these languages"


def evaluate(
    settings: ClaimSettings,
    predictions: Sequence[str],
    records: Sequence[Path],
    is_near: Mapping[str, bool] | None,
    sums: pd.DataFrame | None = None,
) -> dict[str, Any]:
    """Judge a claim.

    Args:
        settings: The settings of the claim.
        predictions: Prediction files (parquet) of the arms and targets that it needs.
        records: ``run.json`` of target training, for claims about the best arm.
        is_near: For claims about near or far languages, which of the languages that were compared are near.
        sums: The sums of these predictions (:func:`claim_sums`), if they are known.

    Returns:
        The claim and, for each encoder, the verdict with its estimates.
    """
    claim = Claim.model_validate(settings.claim)
    about = {
        **settings.claim,
        "claim": settings.name,
        "study": settings.study,
        "wanted": wanted(claim),
        "scope": settings.scope,
    }
    if settings.missing:
        return about | {"results": [not_run(settings, encoder=claim.encoder or "")]}
    if claim.kind == "fact":
        verdict, why = judge_facts(settings.claim["facts"], settings.facts)
        result = _result(verdict, why, encoder=claim.encoder or "")
        return about | {"results": [result | {"facts": settings.facts}]}
    sums = claim_sums(settings, predictions) if sums is None else sums
    dev = dev_scores(records)
    results = []
    for encoder in settings.items:
        own = {target: _languages(claim, names, is_near) for target, names in settings.languages[encoder].items()}
        of_encoder, chosen = sums[sums["encoder"] == encoder], {}
        if claim.kind == "best_of":
            choosing, estimating = seeds_for_choice(of_encoder["seed"].unique())
            chosen = best_arms(settings.items[encoder][0].parts[0], mean_scores(dev, encoder, choosing))
            of_encoder = of_encoder[of_encoder["seed"].isin(estimating)]
        results.append(_of_encoder(settings, claim, encoder, resample(of_encoder, 0, 0), own, chosen))
    return about | {"results": results}


def not_run(settings: ClaimSettings, encoder: str) -> dict[str, Any]:
    """Return the result of a claim that the study cannot decide."""
    where = "every study of this project" if settings.claim.get("lacks") else f"the study {settings.study}"
    why = f"{where} lacks {', '.join(settings.missing)}"
    if settings.claim["study"] == settings.study and not settings.claim.get("lacks"):
        why += ", although the claim names it: add this to the study, or name another one"
    more = {"missing": list(settings.missing), "command": settings.command}
    return _result(NOT_RUN, why, encoder=encoder) | more


def _result(verdict: str, why: str, encoder: str) -> dict[str, Any]:
    return {"encoder": encoder, "verdict": verdict, "why": why, "deciding": "", "estimates": []}


def wanted(claim: Claim) -> str:
    """Return what would support a claim, in a few words; nothing for a claim that no study can decide."""
    if claim.lacks:
        return ""
    match claim.kind:
        case "positive":
            return "above 0"
        case "at_least":
            return f"{claim.value:g} or more"
        case "equivalent":
            return f"inside ±{claim.margin:g}"
        case "published":
            return f"{claim.value:g} ± {claim.tolerance:g}"
        case "best_of":
            return f"{claim.value:g} ± {claim.tolerance:g}, the best arm of each target"
        case "u_of_n":
            return f"positive for {claim.least} {claim.each}s or more"
        case "at_least_each":
            return f"{claim.value:g} or more for each {claim.each}"
        case _:
            return "the study has these properties"


def _of_encoder(
    settings: ClaimSettings, claim: Claim, encoder: str, scores: Scores, languages: dict[str, list[str]], chosen: dict
) -> dict[str, Any]:
    items: Sequence[Item] = settings.items[encoder]
    if chosen:
        items = [Item("", chosen_parts(items[0].parts[0], chosen))]
    if claim.languages in ("near", "far") and not claim.only_languages:  # which these are, only the job knows
        there = {name for names in languages.values() for name in names}
        items = [item for item in items if not item.language or item.language in there]
    found = [(item, *_estimate(settings, item, scores, languages)) for item in items]
    estimated = [(item, one, counts) for item, one, counts, _ in found if one]
    if not estimated:
        return _result(INCONCLUSIVE, NO_CELLS if any(languages.values()) else NO_LANGUAGES, encoder)
    # An item without data is one about which nothing is known, not one fewer.
    nothing = Estimate(math.nan, math.nan, math.nan, math.nan, (), NO_CELLS, confidence=settings.confidence)
    estimates = [one or nothing for _, one, _, _ in found]
    verdict, why = judge(claim, estimates)
    if lost := dict.fromkeys(target for _, one, _, targets in found if one for target in targets):
        why += f"; without {', '.join(lost)}: {NO_CELLS}"
    absent = [item.name for item, one, _, _ in found if not one]
    if absent:
        why += f"; {NO_CELLS}: {', '.join(item_name(name, claim.each or '') for name in absent)}"
    why += _within(items, languages)
    rows = [{"item": item.name, **rounded(one), **counts} for item, one, counts in estimated]
    result = _result(verdict, why, encoder) | {"estimates": rows, "absent": absent}
    result["deciding"] = deciding(claim, estimates) if verdict == INCONCLUSIVE else ""
    return result | ({"chosen": chosen} if chosen else {})


def _within(items: Sequence[Item], languages: Mapping[str, Sequence[str]]) -> str:
    """Return within which domains, on which targets, forms are compared; empty for other claims."""
    found: dict[str, list[str]] = {}
    for part in [part for item in items for part in item.parts if part.domain]:
        targets = [target for scope in part.scopes for target in scope if languages[target]]
        found.setdefault(part.domain, []).extend(targets)
    words = [
        f"among tasks of {family_name(domain)} on {', '.join(dict.fromkeys(targets))}"
        for domain, targets in found.items()
        if targets
    ]
    return f"; forms are compared {' and '.join(words)}" if words else ""


def _estimate(
    settings: ClaimSettings, item: Item, scores: Scores, languages: dict[str, list[str]]
) -> tuple[Estimate | None, dict[str, float], list[str]]:
    """Return the estimate of an item, how many cells it is a mean over, and its targets without a common cell."""
    own = {target: [x for x in names if item.language in ("", x)] for target, names in languages.items()}
    found = []
    for part in item.parts:
        if weighted := common_difference(scores, part.sides, [*map(list, part.scopes)], own):
            found.append((part, weighted))
    asked = [target for part in item.parts for scope in part.scopes for target in scope if own.get(target)]
    if not found:
        return None, {}, asked
    mean = mean_of_parts([weighted for _, weighted in found], _shares([part for part, _ in found]))
    used = {scores.targets[index] for index in weighted_cells(scores, mean.side)[0]}
    lost = [target for target in asked if target not in used]
    return estimate(scores, mean.difference, settings.confidence), count(scores, mean.side), lost


def _shares(parts: Sequence[Part]) -> list[float]:
    """Return each part's share in the mean over the parts of a target, the targets of a list, then over the lists."""
    keys = pd.DataFrame(
        [(part.scope, part.scopes[0][0]) for part in parts if part.scope is not None], columns=["scope", "target"]
    )
    if keys.empty:
        return [1 / len(parts)] * len(parts)
    of_target = keys.groupby(["scope", "target"])["target"].transform("size")
    of_scope = keys.groupby("scope")["target"].transform("nunique")
    return (1 / of_target / of_scope / keys["scope"].nunique()).tolist()


def _languages(claim: Claim, names: Sequence[str], is_near: Mapping[str, bool] | None) -> list[str]:
    """Return the languages of a target that the claim is about, if it is about near or far ones."""
    if claim.languages not in ("near", "far"):
        return list(names)
    assert is_near is not None
    return [name for name in names if is_near.get(name) is (claim.languages == "near")]


def claim_sums(settings: ClaimSettings, predictions: Sequence[str]) -> pd.DataFrame:
    """Score the predictions of the claim's targets and arms: sums per unit of the compared checkpoint."""
    arms = {(encoder, arm, target) for encoder, arm, target in settings.runs()}
    parts = []
    for path in predictions:
        for target in sorted(names_in(path, "target") & set(settings.targets)):
            scored = settings.targets[target]
            for rows in runs_of(path, target):
                if (rows["encoder"].iloc[0], rows["arm"].iloc[0], target) in arms:
                    parts.append(compared(unit_sums(rows, scored.metric, scored.labels), settings.checkpoint))
    if not parts:
        raise CodeStiltsError(f"claim {settings.name}: none of the predictions has its arms and targets: predict them")
    texts = dict.fromkeys(("arm", "target", "language", "unit", "label"), "category")
    return pd.concat(parts, ignore_index=True).astype(texts).assign(family="claimed")


def dev_scores(records: Sequence[Path]) -> dict[tuple[str, str, str, int], float]:
    """Return the dev metric in the source language by encoder, target, arm and seed, where it is known."""
    found = {}
    for path in records:
        record = read_json(path)
        with reading(path, "record of a run"):
            curve = [point["dev"] for point in record["curve"] if point["dev"] is not None]
            score = record["dev"].get(record["target"])
            score = max(curve, default=None) if score is None else score
            if score is not None:
                found[record["encoder"], record["target"], record["arm"], int(record["seed"])] = float(score)
    return found


def seeds_for_choice(seeds: Iterable[int]) -> tuple[list[int], list[int]]:
    """Divide the seeds: the first half chooses the best arm, the others estimate what it gains.

    A run that is good by chance is good on dev and test rows alike. With the same seeds for both, the chosen arm would
    seem better than it is; if seeds took turns, their estimates would depend on each other. A single seed is used for
    both, and there is no interval.
    """
    ordered = sorted(int(seed) for seed in seeds)
    half = len(ordered) // 2
    return ordered[:half] or ordered, ordered[half:]


def mean_scores(
    dev: Mapping[tuple[str, str, str, int], float], encoder: str, seeds: Sequence[int]
) -> dict[tuple[str, str], float]:
    """Return the mean dev score of each target and arm over some seeds, if all of them have one."""
    keys = dict.fromkeys((target, arm) for name, target, arm, _ in dev if name == encoder)
    scores = {(target, arm): [dev.get((encoder, target, arm, seed)) for seed in seeds] for target, arm in keys}
    return {key: float(np.mean(values)) for key, values in scores.items() if None not in values}  # type: ignore[arg-type]


def best_arms(part: Part, dev: dict[tuple[str, str], float]) -> dict[str, str]:
    """Return the arm of ``plus`` with the best dev score for each target; ties go to the first.

    A target that is not fine-tuned has no dev scores: it gets the arm that is best on average over the other targets.

    Raises:
        CodeStiltsError: No target has dev scores.
    """
    targets = [target for scope in part.scopes for target in scope]
    known = [target for target in targets if all((target, arm) in dev for arm in part.plus)]
    if not known:
        raise CodeStiltsError("no target of the claim has dev scores, by which the best arm is chosen")
    mean = {arm: float(np.mean([dev[target, arm] for target in known])) for arm in part.plus}
    overall = max(part.plus, key=mean.__getitem__)
    return {
        target: max(part.plus, key=lambda arm: dev[target, arm]) if target in known else overall for target in targets
    }


def chosen_parts(part: Part, chosen: dict[str, str]) -> tuple[Part, ...]:
    """Return one part for each target, with its chosen arm."""
    return tuple(
        replace(part, plus=(chosen[target],), scopes=((target,),), scope=number)
        for number, scope in enumerate(part.scopes)
        for target in scope
    )
