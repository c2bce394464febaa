"""The parts of a study's config that say which examples are drawn, and which are left out of training."""

from typing import Annotated, Literal

from pydantic import (
    Field,
    FiniteFloat,
)

from codestilts.config.schema_fields import (
    Count,
    Name,
    Names,
    Number,
    Share,
    Strict,
)


class Sizes(Strict):
    """Numbers of examples: train and dev over all languages, test for each language."""

    train: Count | None = None
    dev: Count | None = None
    test: Count | None = None
    test_source: Count | None = Field(None, description="test examples of the source language, if not as many")

    def given(self) -> dict[str, int]:
        """The sizes that are given, by the name of the split."""
        return self.model_dump(include=set(Sizes.model_fields), exclude_none=True)


class TaskData(Sizes):
    """The sizes, languages and parts of one task in a study."""

    languages: Names | None = Field(None, description="languages of the task, if not all that it shares with the study")
    examples_of: Names | None = Field(None, description="tasks whose examples it reads, if not all that its file names")


class Draw(Strict):
    """Which of a task's training examples a seed trains on, in both phases; dev and test sets are the same for all."""

    fixed: bool = Field(
        False,
        description="all seeds train on the same examples, as in published protocols; the other keys do not apply",
    )
    pool: Count = Field(
        2, description="size of the pool from which each seed draws its examples, as a multiple of the requested size"
    )
    most: Annotated[FiniteFloat, Field(gt=0, le=1), Number] = Field(
        0.8, description="largest share of the pool that a seed draws, if a source has hardly more than requested"
    )


class Data(Strict):
    """How many examples are drawn. If a size is missing, every seed has all examples."""

    intermediate: Sizes
    target: Sizes
    draw: Draw = Field(Draw(), description="the draw of training examples by each seed")
    tasks: dict[Name, TaskData] = Field(description="sizes and languages of single tasks")


class Leakage(Strict):
    """What happens to training examples with a text that is a near-duplicate of a target's dev or test text."""

    near_duplicates: Literal["leave_out", "keep"] = Field(
        "leave_out",
        description="leave_out: training leaves them out; keep: they are used, as in published protocols, and pairs of "
        "an arm and a target that share too many are flagged",
    )
    similarity: Annotated[FiniteFloat, Field(ge=0.6, le=1), Number] = Field(
        0.8, description="Jaccard similarity of word shingles from which two texts are near-duplicates"
    )
    flagged_share: Share = Field(
        0.01,
        description="share of a target's tested examples with a near-duplicate that an arm trains on, above which the "
        "pair is flagged and contrasts are also given without it",
    )
