"""The schema of configs. ``scripts/validate.py --schemas`` writes the JSON schemas in ``schemas/`` from the models."""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    Field,
    FiniteFloat,
    create_model,
)

from codestilts.columns import DOMAIN_FAMILIES
from codestilts.config.schema_claims import Claim
from codestilts.config.schema_data import Data, Leakage
from codestilts.config.schema_fields import (
    FOLDER,
    AtLeast0,
    Count,
    Family,
    Head,
    Index,
    Kept,
    Kind,
    LanguageSet,
    Layer,
    Name,
    Names,
    Number,
    OneOrMoreNames,
    Positive,
    Share,
    SomeNames,
    SourceName,
    Strict,
    Unique,
)
from codestilts.config.schema_task import TaskFile


class Lora(Strict):
    """Low-rank adapters (Hu et al. 2022, arXiv 2106.09685), trained instead of the encoder's weights, then merged.

    Heads, of which a new decoder is one, are trained whole.
    """

    rank: Count = 8
    alpha: Count = 16
    modules: Annotated[list[str], Field(min_length=1), *Unique] = Field(
        ["query", "value"], description="the linear layers that get an adapter"
    )
    learning_rate_factor: Positive = Field(
        10.0, description="multiplies the learning rate of full fine-tuning; heads keep theirs"
    )


class Budget(Strict):
    """The training budget of one phase."""

    steps: Count = Field(description="number of optimiser steps")
    tokens_per_step: Count = Field(description="tokens in one optimiser step")
    learning_rate: Positive
    head_learning_rate: Positive | None = Field(
        None,
        description="peak learning rate of heads, which start from random weights even if the encoder should hardly "
        "change; if missing, learning_rate, which the pretrained head of masked language modelling always has",
    )
    warmup: Share = Field(description="share of the steps in which the learning rate rises; after them it falls to 0")
    weight_decay: AtLeast0
    clip: Positive = Field(description="maximum norm of the gradient")
    dropout: Share
    freeze_embeddings: bool = Field(description="keep the word embeddings of the encoder fixed")
    cap: Count = Field(
        description="tasks are mixed in proportion to their numbers of examples, each capped at this number"
    )
    mixture: Literal["examples", "steps"] = Field(
        "examples",
        description="what is in proportion to the numbers of examples. examples: the examples that are read, as "
        "published, so that a task with long examples gets more steps; steps: the steps, and so the tokens",
    )
    evaluations: Count = Field(description="number of evaluations on dev")
    checkpoint_minutes: AtLeast0 = Field(description="minutes between checkpoints, from which interrupted runs resume")
    recipe: Literal["matched", "published"] = Field(
        "matched",
        description="matched: one budget for all tasks; published: the recipe of a task, if its file has one",
    )
    head: Head = Field(
        "published",
        description="the layers on top of the encoder, for tasks whose files name none. published: as in the code of "
        "the benchmarks, which published recipes always use; quick: ours, which small encoders learn in few steps",
    )
    precision: Literal["fp32", "bf16", "fp16"] = Field(
        "fp32",
        description="precision of matrix products. A CPU with units for it (AMX, AVX512-BF16) computes in bf16 where "
        "that is chosen; any other CPU computes in fp32, which run.json and the report say. In fp32 a CPU repeats "
        "scores bit for bit. On a GPU, seeds fix everything random, but the order of summation varies: runs agree "
        "within a tolerance that is wider for bf16 and fp16 because they round more coarsely. fp16, on a GPU only, "
        "skips steps whose gradients overflow",
    )
    tf32: bool = Field(
        False,
        description="let a GPU round the factors of fp32 products to 10 bits: faster, but runs agree "
        "within a wider tolerance",
    )
    lora: Lora = Field(Lora(), description="adapters of arms whose method is lora")


def _optional(model: type[BaseModel], **deeper: Any) -> type[BaseModel]:
    """A copy of a model whose keys are all optional: what a target sets differently from the common budget."""
    fields: Any = {}
    for name, field in model.model_fields.items():
        allowed: Any = deeper.get(name, field.annotation)
        for constraint in field.metadata if name not in deeper else []:
            allowed = Annotated[allowed, constraint]
        fields[name] = (allowed | None, Field(None, description=field.description))
    return create_model(f"Own{model.__name__}", __base__=Strict, __doc__=model.__doc__, **fields)


OwnBudget = _optional(Budget, lora=_optional(Lora))


class IntermediateBudget(Budget):
    """The training budget of the intermediate phase, and the trials that choose its learning rate for each arm."""

    learning_rates: Annotated[list[Positive], *Unique] = Field(
        [],
        description="learning rates to try on the first seed of each encoder and arm, times the arm's "
        "learning_rate_factor; the rate after which targets score best on dev of their source language is used. If "
        "empty, all arms have learning_rate",
    )
    trial_targets: SomeNames = Field(
        [],
        description="the targets of these trials; a study need not have all of them. If empty, all trained targets: "
        "then a target that is added later repeats all trials and what follows from them",
    )
    trial_share: Annotated[FiniteFloat, Field(gt=0, le=1), Number] = Field(
        1.0, description="share of a target's steps or epochs that it is trained for in a trial"
    )
    trial_tests: bool = Field(
        False, description="predict the test rows in trials too, for the figure of doses; no choice reads them"
    )
    held_out_texts: SomeNames = Field(
        [],
        description="tasks of masked language modelling: the loss of the encoder's own head on their dev texts before "
        "and after each trial shows what is forgotten",
    )


class TargetBudget(Budget):
    """The training budget of the target phase."""

    tasks: dict[Name, OwnBudget] = Field(description="keys that single targets set differently")  # type: ignore[valid-type]
    learning_rates: Annotated[list[Positive], *Unique] = Field(
        [],
        description="learning rates to try on the first seed of each arm and target; the best on dev of the source "
        "language is used, times target_learning_rate_factor. An arm that differs from its base by that factor alone "
        "has no trials of its own: the rate chosen for its base is multiplied",
    )
    trial_tests: bool = Field(
        False, description="predict the test rows in these trials too, for the report; no choice reads them"
    )
    selection: Annotated[list[Literal["last", "dev", "oracle"]], Field(min_length=1), *Unique] = Field(
        ["last"], description="which checkpoints are tested; effects are reported for the first"
    )

    def own(self, target: str) -> dict[str, Any]:
        """The keys that a target sets differently, with their values."""
        own: BaseModel | None = self.tasks.get(target)
        return own.model_dump(exclude_none=True) if own else {}


class Statistics(Strict):
    """The pre-registered contrast and its confidence interval."""

    contrast: Annotated[
        list[Family],
        Field(
            min_length=2,
            max_length=2,
            description="the domains that the primary contrast compares at equal form: the first minus the second. A "
            "study without a form that has arms in both compares the means of the two families of arms instead",
        ),
        *Unique,
    ]
    interval: Literal["crossed_t", "multi_bootstrap"] = Field(
        "crossed_t",
        description="method of intervals and p-values. crossed_t: Student's t, both seeds and test units random; "
        "multi_bootstrap: percentiles of resampled seeds and units. The other one is a sensitivity analysis of the "
        "primary contrast",
    )
    language_set: LanguageSet = Field(
        "unseen",
        description="the languages of the contrast. zero_shot: all but the one that a target is trained in; unseen: "
        "those of zero_shot that occur in no intermediate code task of the study; near, far: those of unseen that are "
        "similar to the source language, and those that are not; invented: real languages under other "
        "names, which are in no other set",
    )
    resamples: Count = Field(description="draws of the multi-bootstrap")
    confidence: Annotated[FiniteFloat, Field(gt=0, lt=1), Number]
    margin: AtLeast0 = Field(description="differences up to this many points count as no difference")
    seed: Index


class Encoder(Strict):
    """A pretrained encoder: its source, and the folder in the archive that has its files."""

    source: SourceName
    folder: Annotated[str, Field(pattern=FOLDER)] = Field("", description="folder in the archive, if not the top one")
    languages: SomeNames = Field([], description="languages of its pretraining data")
    layer: Layer = Field(-1, description="block whose states frozen retrieval averages; -1 is the last one")
    layers: Annotated[list[Index], *Unique] = Field([], description="blocks of the layer sweep of frozen retrieval")
    decoder: Literal["pretrained"] | None = Field(
        None,
        description="pretrained: it is part of an encoder-decoder. The decoder is carried over from phase to phase "
        "too; tasks of generation train both parts, all others the encoder",
    )
    lora_modules: Annotated[list[str], *Unique] = Field(
        [], description="the linear layers that get an adapter, if they have other names than target.lora.modules"
    )
    gpus: Count = Field(1, description="GPUs of one node that train a model together, if the study's device is gpu")


class Arm(Strict):
    """An arm: what happens between pretraining and training on a target."""

    family: Family
    tasks: SomeNames = Field([])
    init: Literal["pretrained", "random"] = "pretrained"
    shuffle_labels: bool = False
    flip_labels: dict[Name, Annotated[FiniteFloat, Field(gt=0, lt=1), Number]] = Field(
        {},
        description="task -> share of its training examples that get a wrong label, as many of each label, so that the "
        "counts of labels stay; classification only",
    )
    method: Literal["full", "lora"] = Field(
        "full", description="training of targets. full: all weights; lora: adapters, and heads as in full"
    )
    learning_rate_factor: Positive = Field(1.0, description="multiplies the learning rate of the intermediate phase")
    target_learning_rate_factor: Positive = Field(1.0, description="multiplies the learning rates of targets")
    frozen: Annotated[list[Literal["embeddings", "decoder"]], *Unique] = Field(
        [],
        description="weights that training of targets does not change: the word embeddings, or what a decoder has "
        "copied from the encoder; of a pretrained decoder, all but the word embeddings",
    )
    base: Name | None = Field(None, description="arm that a variant is compared with")
    controls_for: Annotated[list[Family], *Unique] | None = Field(
        None, description="the families that a control is compared with"
    )

    @property
    def represents_domain(self) -> bool:
        """Whether it stands for the domain and form of its tasks: its family, true labels, training as usual."""
        usual = (self.init, self.method, self.target_learning_rate_factor) == ("pretrained", "full", 1)
        return self.family in DOMAIN_FAMILIES and usual and not (self.frozen or self.shuffle_labels or self.flip_labels)


class Block(Strict):
    """A part of the grid: all combinations of these encoders, arms and targets. A missing key means all."""

    encoders: Names | None = None
    arms: Names | None = None
    targets: Names | None = None


class Definitions(Strict):
    """The encoders and arms that a study can name."""

    encoders: dict[Name, Encoder]
    arms: dict[Name, Arm]


class Config(Strict):
    """A study."""

    study: Name
    encoders: Names
    arms: Names
    targets: Names
    grid: list[Block] = Field([], description="parts of the grid that are run; if empty, all of it")
    languages: Names = Field(description="languages that targets are tested in")
    source_language: OneOrMoreNames = Field(
        description="language that targets are trained in. If there are several, contrasts are about the first; the "
        "matrix of source and target languages has all"
    )
    seeds: Annotated[list[Index], Field(min_length=1), *Unique]
    seeds_per_job: Count
    rehearsal: Index = Field(
        0, description="run the workflow on this many rows of each table, with random weights; the numbers mean nothing"
    )
    function_sources: Annotated[list[Kind], Field(min_length=1), *Unique] = Field(
        ["npm", "pypi", "local"],
        description="kinds of sources that functions are extracted from; languages that the hub has come from it only",
    )
    keep_models: Kept = Field(
        "all",
        description="whose models are kept: those of all arms, none, or those of the listed arms. Of other arms, the "
        "intermediate models are deleted when their last reader is done, and target models are not written. "
        "Predictions and records are always kept",
    )
    store_precision: Literal["fp32", "bf16", "fp16"] = Field(
        "fp32",
        description="precision of the weights of stored models. bf16 and fp16 halve their size, and training on "
        "targets then starts from rounded weights",
    )
    device: Literal["cpu", "gpu"] = Field(
        "cpu", description="device of training and prediction jobs; with gpu, a job that finds no GPU fails immediately"
    )
    transferability: Index = Field(
        0,
        description="rank the intermediate tasks for each target without training on it, by LogME and the similarity "
        "of texts on this many training rows of each task, and compare this with the measured effects; 0 does not",
    )
    data: Data
    leakage: Leakage = Field(Leakage(), description="near-duplicates of tested texts among training examples")
    intermediate: IntermediateBudget
    target: TargetBudget
    statistics: Statistics
    definitions: Definitions


SCHEMAS: dict[str, type[BaseModel]] = {"config": Config, "task": TaskFile, "claim": Claim}
