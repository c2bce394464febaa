"""What a config and a task file may say. The JSON schemas in ``schemas/`` are written from these models."""

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
    create_model,
)

from codestilts.sources import NAME

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


class Sizes(Strict):
    """Numbers of examples; train and dev over all languages, test per language."""

    train: Count | None = None
    dev: Count | None = None
    test: Count | None = None
    test_source: Count | None = Field(None, description="of the source language, if not the same")


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
    tasks: SomeNames = []
    init: Literal["pretrained", "random"] = "pretrained"
    shuffle_labels: bool = False
    method: Literal["full", "lora"] = Field("full", description="all weights are trained in phase 3, or adapters")
    learning_rate_factor: Positive = Field(1.0, description="times the learning rate of phase 2")
    base: Name | None = Field(None, description="the arm that a variant is compared with")
    control_of: Annotated[list[Family], *Unique] | None = Field(
        None, description="the families that a control is a control of; it is compared with these and no other"
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


class Build(Strict):
    """What builders can be told; each reads the keys it knows."""

    code_tokens: Count | None = Field(None, description="tokens of code that are shown")
    doc_words: Count | None = Field(None, description="words of documentation that are shown")
    hide_words: bool = Field(False, description="hide the words of the code that its description has")
    kinds: list[str] | None = Field(None, description="kinds of bugs that are put in")
    queries: Literal["language", "partner"] | None = Field(None, description="retrieval: which side of a pair asks")
    texts: Count | None = Field(None, description="how many of the tasks' texts are read at most")
    leave_out: list[str] = Field([], description="labels of the examples whose texts are not used")
    replaced: Share | None = Field(None, description="share of the words of a corrupted text that are exchanged")
    words: Count | None = Field(None, description="words of a text")
    coarse: dict[str, str] | None = Field(None, description="each label with the corpus's own tags")
    negatives: Literal["matched", "random"] | None = Field(None, description="which wrong pairs are made")
    within: Literal["language", "package"] | None = Field(None, description="where wrong partners come from")
    tolerance: AtLeast0 | None = Field(None, description="largest difference of word overlap")
    pool: Count | None = Field(None, description="candidates for each function that is asked for")
    least_words: Index | None = Field(None, description="telling words that a question has")
    hide_names: Literal["mask", "drop", "keep"] | None = Field(None, description="parameters' names in a question")
    balance_places: bool | None = Field(None, description="first, second, third ... parameters take turns")
    dev_package: SourceName | None = Field(None, description="the package that the dev rows come from")
    distractors: AtLeast0 | None = Field(None, description="texts without a partner for each one with")
    like: Name | None = Field(None, description="the task whose test rows these are")
    tokens: Count | None = Field(None, description="tokens of a window")
    characters: Count | None = Field(None, description="characters of a token that are kept")
    share: Share | None = Field(None, description="share of a set's rows that is used, drawn by id")
    cut_at: str | None = Field(None, description="a query ends where this stands")
    problem: str | None = Field(None, description="the part of a problem's id that all languages share: a pattern")
    per_problem: Count | None = Field(None, description="programs of one problem that are trained on at most")
    least_characters: Count | None = Field(None, description="characters that a paragraph has at least")
    keep_unanswerable: bool = Field(False, description="keep the questions that have no answer")


class Options(Strict):
    """What task types can be told; each reads the keys it knows."""

    pairs: Literal["cross", "dual", "product"] = Field(
        "cross",
        description="classification: pairs are read together, or apart; a published head then has both states, or with "
        "product also their difference and product",
    )
    multi: bool = Field(False, description="classification: an example may have several labels, joined by |")
    answer: str | None = Field(None, description="span_qa: the regular expression that every answer matches")
    stride: Count | None = Field(
        None,
        description="span_qa: tokens that a window advances by (run_squad's doc_stride); where none are given, two "
        "windows share a quarter of max_length",
    )
    no_answer: bool = Field(False, description="span_qa: a question may have no answer")
    layer: Layer | None = Field(
        None, description="retrieval: the block whose states are averaged, if not the encoder's"
    )
    sweep: bool = Field(True, description="retrieval, untrained: whether each of the encoder's layers is tried")
    protocol: Literal["rank", "mining", "map"] = Field("rank", description="retrieval: how partners are searched")


class Read(Strict):
    """Rows of a dataset repository: which files of a source they are in, and which split they serve."""

    source: SourceName
    as_: Literal["train", "dev", "test"] = Field(alias="as", description="the split that the rows serve")
    config: str | None = Field(None, description="config on the hub; {code} stands for a language's code")
    split: str | None = Field(None, description="split on the hub, if it has another name")
    files: str | None = Field(None, description="pattern of files, where the repository has no configs")
    languages: Annotated[list[Name], *Unique] | None = Field(None, description="the languages that this is read for")
    by: str | None = Field(None, description="the column with the code of each row's language")
    where: dict[str, Any] = Field({}, description="values of columns that rows must have")
    fields: dict[str, Any] = Field({}, description="fields that have other columns here")
    rows: Count | dict[Name, Count] | None = Field(
        None, description="how many rows it has as published, in each language or by language; compared with those read"
    )
    found: Count | dict[Name, Count] | None = Field(
        None, description="how many rows the source has where it differs from what was published"
    )


class Recipe(Strict):
    """A task's training as it was published."""

    learning_rate: Positive
    epochs: Positive
    batch_size: Count = Field(description="examples of one optimiser step")
    warmup: Share = 0.1
    weight_decay: AtLeast0 = 0.01
    source: str = Field(description="paper, section or repository that says so")


class TaskFile(Strict):
    """One task: a file of ``tasks/<family>/``."""

    type: TaskType
    description: str
    builder: Annotated[str, Field(pattern=BUILDER)]
    languages: Names
    sources: Annotated[list[SourceName], *Unique] = Field([], description="archives that the builder reads")
    examples_of: SomeNames = Field([], description="tasks whose examples the builder reads, instead of archives")
    read: list[Read] = Field([], description="rows of dataset repositories, for builders that read tables")
    fields: dict[str, Any] = Field({}, description="the column, or the columns, of each field of the task type")
    codes: dict[Name, str] = Field({}, description="what a language is called in the names of configs, files or values")
    source_language: Name | None = Field(None, description="the language it is trained in, if not the study's")
    recipe: Recipe | None = None
    head: Head | None = Field(None, description="the layers on top of the encoder, where no published recipe is taken")
    whole: Annotated[list[Literal["train", "dev", "test"]], *Unique] = Field(
        [], description="splits of which the protocol needs every row: a study's common sizes don't cut them"
    )
    made_of: SomeNames = Field([], description="data sets of origin: a cell whose arm and target share one is flagged")
    instead: Name | None = Field(None, description="the task that stands in for it where its source can't be had")
    labels: Labels = []
    metric: Metric
    unit: Name | None = Field(
        None,
        description="what is sampled together in the statistics, such as a problem or a question; rows with the same "
        "unit in several languages, and in several targets whose units have one name, are drawn together",
    )
    licence: str
    citation: str = ""
    defects: str = ""
    published: str = Field("", description="who says how many rows each split has (read.rows)")
    incomparable: str = Field("", description="why its numbers can't be compared with published ones")
    build: Build = Build()
    options: Options = Options()
    trained: bool = True
    together: bool = Field(False, description="it pairs its languages with each other, so it needs them all")
    group: Literal["classification", "structured", "qa", "retrieval"] | None = None
    max_length: Count | None = None


SCHEMAS: dict[str, type[BaseModel]] = {"config": Config, "task": TaskFile}
