"""What a finished rehearsal has covered of its study, and why it did not cover the rest."""

from collections.abc import Iterable, Iterator, Mapping

import pandas as pd

from codestilts.config.study import Study
from codestilts.workflow.rehearsal import Gaps

NOT_CHOSEN = "in none of the chosen runs: COVER=pairs or COVER=all chooses more"


def coverage_text(study: Study, rehearsed: Study, scores: pd.DataFrame, gaps: Gaps) -> str:
    """Lines that count what was covered and name what was not.

    Args:
        study: The study.
        rehearsed: Its rehearsal.
        scores: The tidy score table of the rehearsal.
        gaps: What the rehearsal left out or replaced.
    """
    scores = scores[scores["family"] != "trivial"]
    arms, targets = set(scores["arm"]), set(scores["target"])
    tasks = {task for arm in arms for task in rehearsed.arms[arm].tasks}
    return "\n".join(
        [
            *_counted("encoders", study.encoders, set(scores["encoder"]), {}),
            *_counted("arms", study.arms, arms, gaps.arms),
            *_counted("intermediate tasks", study.intermediate_tasks, tasks, gaps.tasks),
            *_counted("targets", study.targets, targets, gaps.tasks | _replaced(gaps.substitutes)),
            *_language_lines(study, scores),
            *_pair_lines(study, scores),
            *_substitute_lines(gaps),
        ]
    )


def _counted(kind: str, wanted: Iterable[str], covered: set[str], reasons: Mapping[str, str]) -> Iterator[str]:
    """How many of a kind are covered, and a line for each that is not."""
    wanted = list(wanted)
    missing = [name for name in wanted if name not in covered]
    yield f"{kind}: {len(wanted) - len(missing)} of {len(wanted)}"
    yield from (f"  not {name}: {reasons.get(name, NOT_CHOSEN)}" for name in missing)


def _replaced(substitutes: Mapping[str, str]) -> dict[str, str]:
    return {name: f"replaced by {substitute}" for name, substitute in substitutes.items()}


def _language_lines(study: Study, scores: pd.DataFrame) -> Iterator[str]:
    """The languages of each target, which its substitute may have covered."""
    for target in study.targets:
        own = scores["target"].isin([target, study.tasks[target].instead])
        wanted, covered = study.task_languages(target), set(scores.loc[own, "language"])
        missing = [name for name in wanted if name not in covered]
        rest = f", not {', '.join(missing)}" if missing else ""
        yield f"languages of {target}: {len(wanted) - len(missing)} of {len(wanted)}{rest}"


def _pair_lines(study: Study, scores: pd.DataFrame) -> Iterator[str]:
    """Pairs of encoder, arm and target that occur together in a run."""
    runs = pd.DataFrame(study.runs, columns=["encoder", "arm", "target"])
    for first, second in (("encoder", "arm"), ("encoder", "target"), ("arm", "target")):
        wanted = runs[[first, second]].drop_duplicates()
        covered = wanted.merge(scores[[first, second]].drop_duplicates())
        yield f"pairs {first} x {second}: {len(covered)} of {len(wanted)}"


def _substitute_lines(gaps: Gaps) -> Iterator[str]:
    for target, substitute in gaps.substitutes.items():
        yield f"{target}: rehearsed with {substitute}, because {gaps.tasks[target]}"
    for arm, substitutes in gaps.arm_substitutes.items():
        parts = [f"with {new} for {old}" if new else f"without {old}" for old, new in substitutes.items()]
        yield f"arm {arm}: rehearsed {', '.join(parts)}"
