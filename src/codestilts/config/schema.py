"""What a config and a task file may say. The JSON schemas in ``schemas/`` are written from these models."""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    Field,
    FiniteFloat,
    create_model,
)

from codestilts.config.schema_fields import (
    FOLDER,
    AtLeast0,
    Count,
    Family,
    Head,
    Index,
    Kind,
    LanguageSet,
    Layer,
    Name,
    Names,
    Number,
    Positive,
    Share,
    SomeNames,
    SourceName,
    Strict,
    Unique,
)
from codestilts.config.schema_task import TaskFile


class Sizes(Strict):
    """Numbers of examples; train and dev over all languages, test per language."""

    train: Count | None = None
    dev: Count | None = None
    test: Count | None = None
    test_source: Count | None = Field(None, description="of the source language, if not the same")

    def given(self) -> dict[str, int]:
        """The sizes that are given, by the name of the split."""
        return self.model_dump(include=set(Sizes.model_fields), exclude_none=True)


class TaskData(Sizes):
    """What a study takes of one task."""

    languages: Names | None = Field(None, description="its languages, if not all that the study and the task share")
    examples_of: Names | None = Field(None, description="the tasks whose examples it reads, if not all that it names")


class Data(Strict):
    """How many examples are drawn; all there are, where a size is missing."""

    intermediate: Sizes
    target: Sizes
    tasks: dict[Name, TaskData] = Field(description="a task's own sizes and languages")


class Lora(Strict):
    """Low-rank adapters (Hu et al. 2022, arXiv 2106.09685): trained in place of the encoder's weights, then merged."""

    rank: Count = 8
    alpha: Count = 16
    modules: Annotated[list[str], Field(min_length=1), *Unique] = Field(
        ["query", "value"], description="the linear layers that get an adapter"
    )
    learning_rate_factor: Positive = Field(10.0, description="times the learning rate of full fine-tuning")


class Budget(Strict):
    """Training of one phase."""

    steps: Count = Field(description="optimiser steps")
    tokens_per_step: Count = Field(description="tokens of one optimiser step")
    learning_rate: Positive
    warmup: Share = Field(description="share of the steps in which the learning rate rises; it falls to 0 after that")
    weight_decay: AtLeast0
    clip: Positive = Field(description="largest norm of the gradient")
    dropout: Share
    freeze_embeddings: bool = Field(description="leave the word embeddings as the encoder has them")
    cap: Count = Field(description="tasks are mixed in proportion to their examples, of which at most so many count")
    evaluations: Count = Field(description="how often dev is scored")
    checkpoint_minutes: AtLeast0 = Field(description="minutes between checkpoints, from which a killed run goes on")
    recipe: Literal["matched", "published"] = Field(
        "matched", description="the same budget for all, or each task's own recipe where its file has one"
    )
    head: Head = Field(
        "published",
        description="the layers on top of the encoder, of tasks whose file names none: as in the benchmarks' own code, "
        "which a published recipe takes in any case, or ours, which small encoders learn in few steps",
    )
    precision: Literal["fp32", "bf16", "fp16"] = Field(
        "fp32",
        description="arithmetic of the forward pass on a GPU; a CPU computes in fp32 and repeats scores bit for bit. "
        "On a GPU seeds fix all that is random, but sums are in no fixed order: runs agree to a tolerance only, which "
        "is wider for bf16 and fp16, whose rounding is coarser. fp16 skips the steps whose gradients overflow",
    )
    tf32: bool = Field(
        False,
        description="let a GPU round the factors of fp32 products to 10 bits: faster, and runs agree to a wider "
        "tolerance",
    )
    lora: Lora = Field(Lora(), description="of arms whose method is lora")


def _own(model: type[BaseModel], **deeper: Any) -> type[BaseModel]:
    """A model of which any keys may be left out: what a target sets differently from the common budget."""
    fields: Any = {}
    for name, field in model.model_fields.items():
        allowed: Any = deeper.get(name, field.annotation)
        for constraint in field.metadata if name not in deeper else []:
            allowed = Annotated[allowed, constraint]
        fields[name] = (allowed | None, Field(None, description=field.description))
    return create_model(f"Own{model.__name__}", __base__=Strict, __doc__=model.__doc__, **fields)


OwnBudget = _own(Budget, lora=_own(Lora))


class TargetBudget(Budget):
    """Training of phase 3."""

    tasks: dict[Name, OwnBudget] = Field(description="keys that a target sets differently")  # type: ignore[valid-type]
    learning_rates: Annotated[list[Positive], *Unique] = Field(
        [], description="tried on the first seed of each arm and target; the best on the source language's dev is taken"
    )
    selection: Annotated[list[Literal["last", "dev", "oracle"]], Field(min_length=1), *Unique] = Field(
        ["last"], description="checkpoints that are tested; effects are those of the first one"
    )

    def own(self, target: str) -> dict[str, Any]:
        """The keys that a target sets differently, with their values."""
        own: BaseModel | None = self.tasks.get(target)
        return own.model_dump(exclude_none=True) if own else {}


class Statistics(Strict):
    """The pre-registered contrast and its interval."""

    contrast: Annotated[list[Family], Field(min_length=2, max_length=2), *Unique]
    language_set: LanguageSet = Field(
        "unseen",
        description="the languages of the contrast; unseen: those of no code intermediate task of the study, "
        "out of zero_shot: all but the one that a target is trained in",
    )
    resamples: Count
    confidence: Annotated[FiniteFloat, Field(gt=0, lt=1), Number]
    margin: AtLeast0 = Field(description="differences up to so many points count as none")
    seed: Index


class Encoder(Strict):
    """Where a pretrained encoder is: a source and the folder in its archive that holds its files."""

    source: SourceName
    folder: Annotated[str, Field(pattern=FOLDER)] = Field("", description="folder in the archive, if not its top")
    languages: SomeNames = Field([], description="languages whose texts it was pretrained on")
    layer: Layer = Field(-1, description="the block whose states untrained retrieval averages; -1 is the last")
    layers: Annotated[list[Index], *Unique] = Field([], description="blocks of the layer sweep (untrained retrieval)")
    gpus: Count = Field(1, description="GPUs of one node that train it together, where the study's device is gpu")


class Arm(Strict):
    """What happens between phase 1 and phase 3."""

    family: Family
    tasks: SomeNames = Field([])
    init: Literal["pretrained", "random"] = "pretrained"
    shuffle_labels: bool = False
    method: Literal["full", "lora"] = Field("full", description="all weights are trained in phase 3, or adapters")
    learning_rate_factor: Positive = Field(1.0, description="times the learning rate of phase 2")
    base: Name | None = Field(None, description="the arm that a variant is compared with")
    controls_for: Annotated[list[Family], *Unique] | None = Field(
        None, description="the families that a control is for; it is compared with these and no others"
    )


class Block(Strict):
    """A part of the grid: every encoder x arm x target of these; all of the study, where a key is missing."""

    encoders: Names | None = None
    arms: Names | None = None
    targets: Names | None = None


class Definitions(Strict):
    """Encoders and arms that a study may use."""

    encoders: dict[Name, Encoder]
    arms: dict[Name, Arm]


class Config(Strict):
    """A study."""

    study: Name
    encoders: Names
    arms: Names
    targets: Names
    grid: list[Block] = Field([], description="the runs of the study are those of these blocks; all, if there are none")
    languages: Names = Field(description="languages in which targets are tested")
    source_language: Name = Field(description="language in which targets are trained")
    seeds: Annotated[list[Index], Field(min_length=1), *Unique]
    seeds_per_job: Count
    rehearsal: Index = Field(
        0, description="a trial of the graph on so many rows of each table and random weights: its numbers mean nothing"
    )
    function_sources: Annotated[list[Kind], Field(min_length=1), *Unique] = Field(
        ["npm", "pypi", "local"],
        description="kinds of sources that functions are extracted from; what the hub has comes from there alone",
    )
    keep_models: bool = Field(True, description="keep the weights of phase 3 (predictions are kept in any case)")
    device: Literal["cpu", "gpu"] = Field(
        "cpu", description="what trains and predicts; a job that finds no GPU where it should have one fails at once"
    )
    data: Data
    intermediate: Budget
    target: TargetBudget
    statistics: Statistics
    definitions: Definitions


SCHEMAS: dict[str, type[BaseModel]] = {"config": Config, "task": TaskFile}
