"""The kinds of values that a config and a task file have: names, counts, shares."""

import re
from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationInfo,
)

from codestilts.sources.table import NAME

FOLDER = r"^([^-\x00-\x1f][^\x00-\x1f]*)?$"
BUILDER = r"^[a-z_.]+:[a-z_]+$"
LARGEST = 2**63 - 1  # what a column of a table holds


def _number(value: Any, info: ValidationInfo) -> Any:
    """A text as the number that it spells: Snakemake reads ``5e-4``, and digits in a list of ``--config``, as text.

    Not so in task files, which others read as they are.
    """
    if not isinstance(value, str) or (info.context or {}).get("as_it_is"):
        return value
    if re.fullmatch(r"[-+]?[0-9]{1,30}", value):
        return int(value)
    return float(value) if re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", value) else value


def _once(values: list[Any]) -> list[Any]:
    """Each value may stand once."""
    for value, count in Counter(values).items():
        if count > 1:
            raise ValueError(f"{value!r} stands there {count} times; each may stand once")
    return values


Unique = AfterValidator(_once), Field(json_schema_extra={"uniqueItems": True})
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=100)]  # folders and files have these names
SourceName = Annotated[str, Field(pattern=NAME)]
Names = Annotated[list[Name], Field(min_length=1), *Unique]
SomeNames = Annotated[list[Name], *Unique]  # or none
Labels = Annotated[list[str], *Unique]
Number = BeforeValidator(_number)
Count = Annotated[int, Field(gt=0, le=10**12), Number]
Index = Annotated[int, Field(ge=0, le=LARGEST), Number]
Positive = Annotated[FiniteFloat, Field(gt=0), Number]
AtLeast0 = Annotated[FiniteFloat, Field(ge=0), Number]
Share = Annotated[FiniteFloat, Field(ge=0, le=1), Number]
Layer = Annotated[int, Field(ge=-1, le=10**6), Number]
TaskType = Literal["classification", "multiple_choice", "tagging", "span_qa", "retrieval", "mlm"]
Metric = Literal[
    "accuracy", "binary_f1", "micro_f1", "macro_f1", "token_accuracy", "entity_f1", "pos_f1", "exact_match", "f1",
    "squad_em", "squad_mean", "squad2_f1", "squad2_em", "mlqa_f1", "mlqa_em", "mlqa_mean", "mrr", "map_at_r",
    "accuracy_at_1", "mining_f1",
]  # fmt: skip
Head = Literal["published", "quick"]
Family = Literal["baseline", "english", "code", "mixed", "variant", "control"]
LanguageSet = Literal["zero_shot", "unseen", "seen", "near", "far", "pretrained", "not_pretrained"]
Kind = Literal["npm", "pypi", "hub", "url", "local"]


class Strict(BaseModel):
    """No unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True)
