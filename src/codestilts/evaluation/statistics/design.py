"""The design of a study as statistics need it: arms, targets, scopes and sets of languages."""

from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from codestilts.config.analysis_settings import ComparedArm, ComparisonSettings
from codestilts.config.scopes import target_scopes


@dataclass(frozen=True)
class Design:
    """The settings of a comparison and, for one encoder, its sets of languages.

    ``language_sets`` maps a name (``source``, ``zero_shot``, ``seen``, ``unseen``, ``near``, ``far``, ``pretrained``,
    ``not_pretrained``, ``invented``) to languages; invented ones are in the last set only, and ``near`` and ``far``
    divide ``unseen``. :meth:`languages_of` restricts them to those of each target.
    """

    settings: ComparisonSettings
    language_sets: dict[str, list[str]]

    def arms_of(self, family: str) -> list[str]:
        """Return the arms of a family, in the order of the settings."""
        return [name for name, arm in self.settings.arms.items() if arm.family == family]

    @property
    def random_arms(self) -> list[str]:
        """The arms that start from random weights."""
        return [name for name, arm in self.settings.arms.items() if arm.init == "random"]

    def matched(self, domain: str, form: str) -> list[str]:
        """Return the arms of one intermediate task with this domain and form, without controls and variants."""
        return [name for name, arm in self._of_domain(domain).items() if arm.form == form]

    def forms(self, *domains: str) -> list[str]:
        """Return the forms that have arms in each of these domains."""
        forms = dict.fromkeys(arm.form for arm in self.settings.arms.values() if arm.form)
        return [form for form in forms if all(self.matched(domain, form) for domain in domains)]

    @cached_property
    def mixtures(self) -> dict[str, list[str]]:
        """The arms of each domain that have several intermediate tasks, all of this domain."""
        domains = dict.fromkeys(arm.domain for arm in self.settings.arms.values() if arm.domain)
        found = {name: [arm for arm, its in self._of_domain(name).items() if its.mixture] for name in domains}
        return {name: arms for name, arms in found.items() if arms}

    def _of_domain(self, domain: str) -> dict[str, ComparedArm]:
        arms = self.settings.arms.items()
        return {name: arm for name, arm in arms if arm.domain == domain}

    def near(self, arms: list[str]) -> frozenset[str]:
        """Return the targets that are near one of these arms' tasks: they share its form and material."""
        return frozenset(target for name in arms for target in self.settings.arms[name].near)

    @cached_property
    def overlaps(self) -> dict[str, tuple[str, ...]]:
        """The targets of each arm that are made of the same data as its tasks."""
        return {name: arm.overlaps for name, arm in self.settings.arms.items()}

    @cached_property
    def scopes(self) -> dict[str, tuple[str, list[list[str]]]]:
        """The scopes of effects: name -> (kind, lists of targets), the kind being target, group or all."""
        targets = self.settings.targets
        groups = {name: target.group for name, target in targets.items()}
        return target_scopes(groups, {name: target.suite for name, target in targets.items()})

    def languages_of(self, language_set: str, zero_shot: bool = False) -> dict[str, list[str]]:
        """Return the languages of a set, or the one language of that name, for each target.

        Which languages are zero-shot depends on the language that a target is fine-tuned in. ``source`` is that
        language; a target that is not fine-tuned has none.

        Args:
            language_set: A key of ``language_sets`` or a language.
            zero_shot: Whether to leave a single language out for the targets that are fine-tuned in it.
        """
        targets = self.settings.targets
        if language_set == "source":
            return {name: [target.source_language] if target.trained else [] for name, target in targets.items()}
        languages = self.language_sets.get(language_set, [language_set])
        without_source = zero_shot or language_set in self.language_sets
        return {
            name: [x for x in languages if not (without_source and x == target.source_language)]
            for name, target in targets.items()
        }


def nearness(languages: pd.DataFrame) -> dict[str, bool]:
    """Return which languages of the similarity table are near the source language; no other language is near or far."""
    return dict(zip(languages["language"], languages["near"].astype(bool), strict=True))


def design_of(settings: ComparisonSettings, languages: pd.DataFrame, encoder: str) -> Design:
    """Return the design for an encoder.

    Args:
        settings: The settings of the comparison.
        languages: The similarity table, with the columns ``language`` and ``near``.
        encoder: The encoder, whose pretraining languages are one of the sets.
    """
    names = sorted({*languages["language"], *settings.languages})
    sources = {target.source_language for target in settings.targets.values()}
    seen, is_near = set(settings.seen_languages), nearness(languages)
    pretrained = set(settings.pretraining_languages.get(encoder, ()))
    zero_shot = [name for name in names if sources != {name}]  # for at least one target
    unseen = [name for name in zero_shot if name not in seen]
    sets = {
        "source": sorted(sources),
        "zero_shot": zero_shot,
        "seen": [name for name in zero_shot if name in seen],
        "unseen": unseen,
        "near": [name for name in unseen if is_near.get(name) is True],
        "far": [name for name in unseen if is_near.get(name) is False],
        "pretrained": [name for name in zero_shot if name in pretrained],
        "not_pretrained": [name for name in zero_shot if pretrained and name not in pretrained],
        "invented": list(settings.invented_languages),
    }
    return Design(settings, sets)
