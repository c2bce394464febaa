"""Tables about the whole study: its arms and its sources."""

from collections.abc import Mapping, Sequence

import pandas as pd

from codestilts.config.analysis_settings import ReportedArm
from codestilts.display_names import FAMILY_ORDER


def by_family(arms: Mapping[str, ReportedArm]) -> dict[str, ReportedArm]:
    """Return the arms family by family, those with fewer tasks first, then in alphabetical order."""
    ranked = sorted(arms.items(), key=lambda arm: (FAMILY_ORDER.index(arm[1].family), len(arm[1].tasks), arm[0]))
    return dict(ranked)


def arm_table(arms: Mapping[str, ReportedArm]) -> pd.DataFrame:
    """Return one row per arm: its family, and its tasks in words."""
    rows = [(name, arm.family, trained_on(arm)) for name, arm in by_family(arms).items()]
    return pd.DataFrame(rows, columns=["arm", "family", "trained_on"])


def trained_on(arm: ReportedArm) -> str:
    """Return what an arm is trained on, with what its labels and its initial weights are if that is unusual."""
    remarks = ["labels shuffled"] if arm.shuffle_labels else []
    remarks += [f"{100 * share:.3g} % of {task}'s labels wrong" for task, share in arm.flip_labels.items()]
    remarks += ["random initial weights"] if arm.init == "random" else []
    own = f"no other intermediate task than {arm.starts_from}" if arm.starts_from else "no intermediate task"
    return " ".join([", ".join(arm.tasks) or own, *(f"({remark})" for remark in remarks)])


def control_name(arm: ReportedArm, types: Mapping[str, str]) -> str:
    """Return what a control does, in words; empty if its tasks say it. ``types`` are the task types by task."""
    if arm.init == "random":
        return "random weights"
    if arm.shuffle_labels or arm.flip_labels:
        return "shuffled labels" if arm.shuffle_labels else "some labels wrong"
    only_masked = arm.tasks and all(types.get(task) == "mlm" for task in arm.tasks)
    return "masked language modelling" if only_masked else ""


def encoder_notes(sources: pd.DataFrame, encoders: Mapping[str, str]) -> dict[str, str]:
    """Return the remarks of ``sources.csv`` on encoders; ``encoders`` maps each to its source, some have no remark."""
    notes = dict(zip(sources["name"], sources["notes"], strict=True)) if encoders else {}
    return {name: notes[source] for name, source in encoders.items() if notes.get(source)}


def source_table(sources: pd.DataFrame, fetched: Sequence[str]) -> pd.DataFrame:
    """Return the rows of ``sources.csv`` that the study fetched, by name."""
    return sources[sources["name"].isin(fetched)].sort_values("name", ignore_index=True)
