"""The schema of ``claims.yaml``: statements under test, as data. The file maps the name of each claim to these keys."""

from typing import Annotated, Literal

from pydantic import Field, FiniteFloat

from codestilts.config.schema_fields import (
    Count,
    Domain,
    Family,
    Form,
    Group,
    LanguageSet,
    Metric,
    Name,
    Names,
    Number,
    Positive,
    Strict,
    Unique,
)

ClaimKind = Literal[
    "positive", "at_least", "equivalent", "published", "u_of_n", "at_least_each", "best_of", "fact"
]  # fmt: skip
Points = Annotated[FiniteFloat, Number]

# The keys that each kind requires in addition to those of all claims. A key of another kind is an error.
KEYS_OF_KIND: dict[str, tuple[str, ...]] = {
    "positive": ("plus", "minus"),
    "at_least": ("plus", "minus", "value"),
    "equivalent": ("plus", "minus", "margin"),
    "published": ("plus", "minus", "value", "tolerance"),
    "u_of_n": ("plus", "minus", "each", "least"),
    "at_least_each": ("plus", "minus", "each", "value"),
    "best_of": ("plus", "minus", "value", "tolerance"),
    "fact": ("facts",),
}


class Side(Strict):
    """One side of a difference: the mean of the arms that are named, or that have all of the given properties.

    A domain or a form selects arms with one intermediate task, full training and true labels.
    """

    arms: Names | None = None
    family: Family | None = None
    domain: Domain | None = Field(None, description="what the texts of the arm's task are")
    form: Literal[Form, "own", "other"] | None = Field(
        None, description="the form of the arm's task; own and other: that of the target, or any other one"
    )


class Difference(Strict):
    """A difference of two sides."""

    plus: Side
    minus: Side

    @property
    def sides(self) -> tuple[Side, Side]:
        """Both sides, the one that is subtracted last."""
        return self.plus, self.minus


class Facts(Strict):
    """Properties of the study itself. Tasks are those of the arms of ``plus``, targets those of the claim."""

    phases: Count | None = Field(None, description="training phases, pretraining included")
    tasks: Count | None = Field(None, description="number of intermediate tasks")
    domain: Domain | None = Field(None, description="what the texts of all these tasks are")
    trained: Count | None = Field(None, description="number of targets that are fine-tuned")
    untrained: Count | None = Field(None, description="number of targets that are not")
    languages: dict[Name, Count] = Field({}, description="target -> number of languages that it is tested in")


class Claim(Strict):
    """A statement about a study: what is compared, on which cells, and what would support it."""

    says: Annotated[str, Field(min_length=1)] = Field(description="the claim in one sentence")
    paper: Annotated[str, Field(min_length=1)] = Field(description="who claims it")
    place: str = Field("", description="section or table of the paper")
    reading: str = Field("", description="how a claim that can be read in several ways is read here")
    kind: ClaimKind = Field(
        description="positive: the interval is above 0; at_least: above value; equivalent: in plus or minus margin; "
        "published: inside value plus or minus tolerance; u_of_n: at least `least` of the items of `each` are "
        "positive (partial conjunction); at_least_each: every item of `each` is above value (intersection-union); "
        "best_of: published, for the arm of plus that is best on source-language dev rows of each target, with other "
        "seeds; fact: the study has these properties"
    )
    study: Name = Field(description="a study that can decide it, as can any other with the same arms and targets")
    encoder: Name | None = Field(None, description="the encoder that it is about, if not each of the study")
    plus: Side | None = None
    minus: Side | None = None
    than: Difference | None = Field(
        None,
        description="a second difference of named arms, in the same cells: the claim is then about how much larger the "
        "first one is than this. `each: arm` takes the arms of its plus, so that a difference that is larger than each "
        "is larger than the best",
    )
    match_forms: bool = Field(False, description="compare arms of the same form, and average over forms")
    targets: Names | None = Field(None, description="the targets, if not all of the suite")
    suite: Name = Field("pl", description="suite of the targets, where they are not listed")
    groups: Annotated[list[Group], Field(min_length=1), *Unique] | None = Field(
        None, description="groups of these targets, if not all"
    )
    languages: Literal["all", "source", "never_seen", LanguageSet] = Field(
        "all",
        description="the languages of each target; all: its source language too; never_seen: neither in the encoder's "
        "pretraining nor in any code intermediate task; near, far: the unseen ones that are similar to the source "
        "language, and those that are not",
    )
    only_languages: Names | None = Field(None, description="languages, if not all of that set")
    average: Literal["tasks", "groups"] = Field(
        "groups",
        description="after the mean over the languages of a target: the mean over targets (tasks), as papers on XTREME "
        "take it, or over the targets of a group and then over groups",
    )
    metrics: dict[Name, Metric] = Field({}, description="target -> its metric, if not that of its task file")
    each: Literal["language", "target", "arm"] | None = Field(None, description="the items of a claim about several")
    least: Count | None = Field(None, description="u_of_n: the smallest number of positive items")
    value: Points | None = Field(None, description="points")
    tolerance: Positive | None = Field(None, description="points around value that count as the same result")
    margin: Positive | None = Field(None, description="points up to which a difference counts as none")
    facts: Facts | None = None
    lacks: Annotated[str, Field(min_length=1)] = Field(
        "", description="what the claim needs and no study of the project has yet; it cannot be run"
    )

    @property
    def sides(self) -> list[Side]:
        """All sides that the claim has."""
        return [side for side in (self.plus, self.minus, *(self.than.sides if self.than else ())) if side]

    @property
    def near_excluded(self) -> bool:
        """Whether targets near an arm's task are left out: if domains or forms are compared."""
        return any(side is not None and bool(side.domain or side.form) for side in (self.plus, self.minus))
