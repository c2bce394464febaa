"""What statistics need to know of a study: families of arms, groups of targets, sets of languages."""

from dataclasses import dataclass

import pandas as pd

from codestilts.config.scopes import target_scopes


@dataclass(frozen=True)
class Design:
    """What the study knows of its arms, targets and languages.

    ``families``: arm -> family; ``groups``: target -> group; ``trained``: the fine-tuned targets; ``suites``: target
    -> suite (``pl``, ``xtreme``); ``bases``: variant -> the arm that it is compared with; ``controls_for``:
    control -> the families whose controls it is; ``random``: the arms that begin with random weights; ``overlaps``: arm
    -> the targets whose training data it shares; ``sources``: target -> the language it is trained in;
    ``language_sets``: name -> languages (``source``, ``zero_shot``, ``seen``, ``unseen``, ``near``, ``far``,
    ``pretrained``, ``not_pretrained``), of which :meth:`languages_of` takes those that each target has;
    ``contrast``: the two families of the primary contrast; ``primary_set``: its set of languages; ``confidence`` of
    intervals; ``margin``: differences in points that count as none.
    """

    families: dict[str, str]
    groups: dict[str, str]
    trained: list[str]
    sources: dict[str, str]
    suites: dict[str, str]
    bases: dict[str, str]
    controls_for: dict[str, list[str]]
    random: list[str]
    overlaps: dict[str, list[str]]
    language_sets: dict[str, list[str]]
    contrast: tuple[str, str]
    primary_set: str
    confidence: float
    margin: float

    def arms_of(self, family: str) -> list[str]:
        """The arms of a family, in the order of the config."""
        return [arm for arm, own in self.families.items() if own == family]

    def languages_of(self, language_set: str, zero_shot: bool = False) -> dict[str, list[str]]:
        """The languages of a set, or the one of that name (``zero_shot``: where it is), for each target.

        What is zero-shot depends on the language that the target is trained in; ``source`` is that language, and a
        target that is not trained has none.
        """
        if language_set == "source":
            return {target: [self.sources[target]] if target in self.trained else [] for target in self.groups}
        names = self.language_sets.get(language_set, [language_set])
        apart = zero_shot or language_set in self.language_sets
        return {target: [x for x in names if not (apart and x == self.sources[target])] for target in self.groups}


def design_of(facts: dict, languages: pd.DataFrame, encoder: str) -> Design:
    """The design for an encoder, from the study's settings and the language table (columns ``language``, ``near``)."""
    seen = set(facts["seen"])
    sources = facts.get("source_of") or dict.fromkeys(facts["targets"], facts["source_language"])
    names = sorted({*languages["language"], *facts["languages"]})
    near = set(languages.loc[languages["near"].astype(bool), "language"])
    measured = set(languages["language"])
    known = set(facts["pretrained"].get(encoder, []))
    zero_shot = [name for name in names if set(sources.values()) != {name}]  # of one target at least
    sets = {
        "source": sorted(set(sources.values())),
        "zero_shot": zero_shot,
        "seen": [name for name in zero_shot if name in seen],
        "unseen": [name for name in zero_shot if name not in seen],
        "near": [name for name in zero_shot if name in near],
        "far": [name for name in zero_shot if name in measured - near],
        "pretrained": [name for name in zero_shot if name in known],
        "not_pretrained": [name for name in zero_shot if known and name not in known],
    }
    groups = {target: spec["group"] for target, spec in facts["targets"].items()}
    trained = [target for target, spec in facts["targets"].items() if spec.get("trained", True)]
    first, second = facts["contrast"]
    return Design(
        families=facts["families"],
        groups=groups,
        trained=trained,
        sources=sources,
        suites=facts["suites"],
        bases=facts["bases"],
        controls_for=facts.get("controls_for", {}),
        random=facts.get("random", []),
        overlaps=facts["overlaps"],
        language_sets=sets,
        contrast=(first, second),
        primary_set=facts.get("language_set", "unseen"),
        confidence=facts["confidence"],
        margin=facts.get("margin", 1.0),
    )


def scopes_of(design: Design) -> dict[str, tuple[str, list[list[str]]]]:
    """Every target, every group and the mean of groups: scope -> (kind, lists of targets)."""
    return target_scopes(design.groups, design.suites)
