"""Settings of the jobs that judge claims: the differences to estimate, as arms, targets and languages.

:mod:`codestilts.config.claim_jobs` makes them from a study. They are in a module of their own because scripts read
them.
"""

from dataclasses import dataclass, field
from typing import Any

from codestilts.config.analysis_settings import ScoredTarget


@dataclass(frozen=True)
class Part:
    """A difference between the means of two sides.

    ``scopes`` are lists of targets: the mean is over the targets of each, then over the lists. A part on one target of
    several has the number of its target's list as ``scope``: means are over the parts of a target, the targets of a
    list, then over the lists, of those that have data. If the claim is about how much larger the
    difference is than a second one, that one has the sides ``than_plus`` and ``than_minus``. ``domain`` is that of all
    its arms' tasks, if forms are compared within one.
    """

    plus: tuple[str, ...]
    minus: tuple[str, ...]
    scopes: tuple[tuple[str, ...], ...]
    scope: int | None = None
    than_plus: tuple[str, ...] = ()
    than_minus: tuple[str, ...] = ()
    domain: str = ""

    @property
    def sides(self) -> list[tuple[int, tuple[str, ...]]]:
        """The arms of each side, with the sign that its mean has."""
        signed = [(1, self.plus), (-1, self.minus), (-1, self.than_plus), (1, self.than_minus)]
        return [(sign, arms) for sign, arms in signed if arms]


@dataclass(frozen=True)
class Item:
    """One number that a claim is about: a weighted mean of differences, in a single language if one is given."""

    name: str
    parts: tuple[Part, ...]
    language: str = ""


@dataclass(frozen=True)
class ClaimSettings:
    """Settings for judging a claim.

    Attributes:
        name: The claim's key in ``claims.yaml``.
        claim: The claim's keys that differ from the defaults (:class:`codestilts.config.schema_claims.Claim`).
        study: The study that judges it.
        missing: What the study lacks to decide the claim.
        command: The arguments of Snakemake that run the claim in a study that can decide it; scripts add the program.
            Empty if no study can, or if that is this study.
        items: The numbers to estimate, by encoder.
        languages: The languages of each target, by encoder.
        targets: How predictions are scored.
        checkpoint: The kind of checkpoint that is compared.
        confidence: The confidence of intervals.
        facts: Properties of the study, for a claim about these.
        scope: The scope of effects that contains the claim's targets; the report links its figure.
    """

    name: str
    claim: dict[str, Any]
    study: str
    missing: tuple[str, ...]
    command: str
    items: dict[str, tuple[Item, ...]] = field(default_factory=dict)
    languages: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)
    targets: dict[str, ScoredTarget] = field(default_factory=dict)
    checkpoint: str = "last"
    confidence: float = 0.95
    facts: dict[str, Any] = field(default_factory=dict)
    scope: str = ""

    def runs(self) -> list[tuple[str, str, str]]:
        """Return each encoder, arm and target that the claim needs, once."""
        return list(
            dict.fromkeys(
                (encoder, arm, target)
                for encoder, items in self.items.items()
                for item in items
                for part in item.parts
                for _, arms in part.sides
                for arm in arms
                for scope in part.scopes
                for target in scope
            )
        )


@dataclass(frozen=True)
class ClaimsSettings:
    """Settings of the table of all claims: those that the study cannot decide have no file of their own."""

    undecidable: tuple[ClaimSettings, ...]
    order: tuple[str, ...]
    confidence: float = 0.95
