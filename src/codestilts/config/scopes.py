"""The scopes of an effect: one target, a group of targets, or the mean over the groups of a suite."""

from collections.abc import Mapping

ALL_GROUPS = "all groups"
PRIMARY_SUITE = "pl"  # programming languages: the suite of the primary contrast


def suite_order(suites: Mapping[str, str]) -> list[str]:
    """The suites of some targets (target -> suite), the one of the primary contrast first."""
    return sorted(set(suites.values()), key=lambda name: (name != PRIMARY_SUITE, name))


def effect_figure(scope: str) -> str:
    """Return the name of the figure of the effects in a scope: ``effects-all-groups``."""
    return f"effects-{scope.replace(' ', '-')}"


def target_scopes(groups: Mapping[str, str], suites: Mapping[str, str]) -> dict[str, tuple[str, list[list[str]]]]:
    """Name the scopes of a study's targets.

    The groups of the first suite keep their names and their mean is ``all groups``; those of another suite have its
    name in front (``xtreme qa``), and their mean is ``all xtreme``.

    Args:
        groups: Target -> group.
        suites: Target -> suite.

    Returns:
        Scope -> (kind, lists of targets); the kind is ``target``, ``group`` or ``all``. An effect of several lists is
        the mean over the means of each.
    """
    scopes = {target: ("target", [[target]]) for target in groups}
    order = suite_order(suites)
    for suite in order:
        by_group: dict[str, list[str]] = {}
        for target, group in groups.items():
            if suites[target] == suite:
                by_group.setdefault(group, []).append(target)
        prefix = "" if suite == order[0] else f"{suite} "
        scopes |= {f"{prefix}{group}": ("group", [targets]) for group, targets in by_group.items()}
        scopes[ALL_GROUPS if suite == order[0] else f"all {suite}"] = ("all", list(by_group.values()))
    return scopes
