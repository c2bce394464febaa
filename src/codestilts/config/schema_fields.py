"""Types of the values in configs and task files: names, counts, shares."""

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
MAX_INTEGER = 2**63 - 1  # of a column of a table


def _number(value: Any, info: ValidationInfo) -> Any:
    """Convert a text to its number: Snakemake reads ``5e-4``, and digits in a list of ``--config``, as text.

    Texts in task files are not converted, because others read the files as they are.
    """
    if not isinstance(value, str) or (info.context or {}).get("exact"):
        return value
    if re.fullmatch(r"[-+]?[0-9]{1,30}", value):
        return int(value)
    return float(value) if re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", value) else value


def _no_duplicates(values: list[Any]) -> list[Any]:
    """Reject a list with the same value twice."""
    for value, count in Counter(values).items():
        if count > 1:
            raise ValueError(f"{value!r} occurs {count} times: list each value once")
    return values


def _listed(value: Any) -> Any:
    """One name as a list."""
    return [value] if isinstance(value, str) else value


def _kept(value: Any) -> Any:
    """Check whose models are kept; here rather than by the type, whose two alternatives would both complain."""
    if value in ("all", "none"):
        return value
    if not isinstance(value, list) or not value or not all(isinstance(arm, str) for arm in value):
        hint = f": write {'all' if value else 'none'}" if isinstance(value, bool) else ""
        raise ValueError(f"must be all, none or a list of arms, not {value!r}{hint}")
    return _no_duplicates(value)


Unique = AfterValidator(_no_duplicates), Field(json_schema_extra={"uniqueItems": True})
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$", max_length=100)]  # also of folders and files
SourceName = Annotated[str, Field(pattern=NAME)]
Names = Annotated[list[Name], Field(min_length=1), *Unique]
OneOrMoreNames = Annotated[Names, BeforeValidator(_listed, json_schema_input_type=Name | Names)]
SomeNames = Annotated[list[Name], *Unique]  # may be empty
Labels = Annotated[list[str], *Unique]
Kept = Annotated[Literal["all", "none"] | list[str], BeforeValidator(_kept)]
Number = BeforeValidator(_number)
Count = Annotated[int, Field(gt=0, le=10**12), Number]
Beams = Annotated[int, Field(gt=0, le=1000), Number]
Index = Annotated[int, Field(ge=0, le=MAX_INTEGER), Number]
Positive = Annotated[FiniteFloat, Field(gt=0), Number]
AtLeast0 = Annotated[FiniteFloat, Field(ge=0), Number]
Share = Annotated[FiniteFloat, Field(ge=0, le=1), Number]
Layer = Annotated[int, Field(ge=-1, le=10**6), Number]
TaskType = Literal["classification", "multiple_choice", "tagging", "span_qa", "retrieval", "generation", "mlm"]
Metric = Literal[
    "accuracy", "binary_f1", "micro_f1", "macro_f1", "token_accuracy", "entity_f1", "pos_f1", "exact_match", "f1",
    "squad_em", "squad_mean", "squad2_f1", "squad2_em", "mlqa_f1", "mlqa_em", "mlqa_mean", "mrr", "map_at_r",
    "accuracy_at_1", "mining_f1", "smoothed_bleu4", "translation_bleu4", "edit_similarity", "line_exact_match",
    "rouge2", "rouge_l", "chrf", "generated_f1", "generated_em", "right_language", "other_language", "cut",
    "code_similarity", "code_exact_match",
]  # fmt: skip
METRICS_OF: dict[TaskType, tuple[Metric, ...]] = {  # those that can be computed from the predictions of a type
    "classification": ("accuracy", "binary_f1", "micro_f1", "macro_f1"),
    "multiple_choice": ("accuracy",),
    "tagging": ("token_accuracy", "entity_f1", "pos_f1"),
    "span_qa": ("exact_match", "f1", "squad_em", "squad_mean", "squad2_f1", "squad2_em", "mlqa_f1", "mlqa_em",
                "mlqa_mean"),
    "retrieval": ("mrr", "map_at_r", "accuracy_at_1", "mining_f1"),  # by its protocol
    "generation": ("smoothed_bleu4", "translation_bleu4", "edit_similarity", "line_exact_match", "rouge2", "rouge_l",
                   "chrf", "generated_f1", "generated_em", "right_language", "other_language", "cut",
                   "code_similarity", "code_exact_match"),
    "mlm": ("accuracy",),
}  # fmt: skip
METRICS_OF_PROTOCOL: dict[str, tuple[Metric, ...]] = {  # of retrieval
    "rank": ("mrr", "accuracy_at_1"),
    "map": ("map_at_r", "accuracy_at_1"),
    "mining": ("mining_f1",),
}
Head = Literal["published", "quick"]
Form = Literal["cloze", "choice", "span", "tagging", "retrieval", "error", "pair", "generation"]
TYPES_OF_FORM: dict[Form, tuple[TaskType, ...]] = {  # in which task types a task can ask what its form says
    "cloze": ("classification", "multiple_choice", "generation"),
    "choice": ("multiple_choice", "classification"),
    "span": ("span_qa", "tagging"),
    "tagging": ("tagging",),
    "retrieval": ("retrieval",),
    "error": ("classification", "multiple_choice", "tagging", "span_qa"),
    "pair": ("classification",),
    "generation": ("generation",),
}
Domain = Literal["english", "code", "docs"]
Family = Literal["baseline", "english", "code", "docs", "mixed", "variant", "control"]
LanguageSet = Literal["zero_shot", "unseen", "seen", "near", "far", "pretrained", "not_pretrained", "invented"]
Group = Literal[
    "classification", "structured", "qa", "retrieval", "generation"
]  # of targets; means weight them equally
Kind = Literal["npm", "pypi", "hub", "url", "local"]


class Strict(BaseModel):
    """No unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", strict=True)
