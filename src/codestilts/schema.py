"""What a config and a task file may say. The JSON schemas in ``schemas/`` are written from these models."""

from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


def _whole(value: Any) -> Any:
    """Digits as a number: inside a list, ``--config`` of Snakemake leaves them as text."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else value


def _once(values: list[Any]) -> list[Any]:
    """Each value may stand once."""
    for value, count in Counter(values).items():
        if count > 1:
            raise ValueError(f"{value!r} stands there {count} times; each may stand once")
    return values


Unique = AfterValidator(_once), Field(json_schema_extra={"uniqueItems": True})
Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
SourceName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
Names = Annotated[list[Name], Field(min_length=1), *Unique]
SomeNames = Annotated[list[Name], *Unique]  # or none
Labels = Annotated[list[str], *Unique]
Count = Annotated[int, Field(gt=0), BeforeValidator(_whole)]
Index = Annotated[int, Field(ge=0), BeforeValidator(_whole)]
Positive = Annotated[float, Field(gt=0, strict=False)]
AtLeast0 = Annotated[float, Field(ge=0, strict=False)]
Share = Annotated[float, Field(ge=0, le=1, strict=False)]
TaskType = Literal["classification", "multiple_choice", "tagging", "span_qa", "retrieval", "mlm"]
Metric = Literal[
    "accuracy", "binary_f1", "micro_f1", "macro_f1", "token_accuracy", "entity_f1", "pos_f1", "exact_match", "f1",
    "squad_em", "squad_mean", "squad2_f1", "squad2_em", "mlqa_f1", "mlqa_em", "mlqa_mean", "mrr", "map_at_r",
    "accuracy_at_1", "mining_f1",
]  # fmt: skip
Head = Literal["published", "quick"]
Family = Literal["baseline", "english", "code", "mixed", "variant", "control"]
Kind = Literal["npm", "pypi", "hub", "local"]


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


class TargetBudget(Budget):
    """Training of phase 3."""

    tasks: dict[Name, dict[str, Any]] = Field(description="keys that a target sets differently")
    learning_rates: Annotated[list[Positive], *Unique] = Field(
        [], description="tried on the first seed of each arm and target; the best on the source language's dev is taken"
    )
    selection: Annotated[list[Literal["last", "dev", "oracle"]], Field(min_length=1), *Unique] = Field(
        ["last"], description="checkpoints that are tested; effects are those of the first one"
    )


class Statistics(Strict):
    """The pre-registered contrast and its interval."""

    contrast: Annotated[list[Family], Field(min_length=2, max_length=2), *Unique]
    resamples: Count
    confidence: Annotated[float, Field(gt=0, lt=1)]
    margin: AtLeast0 = Field(description="differences up to so many points count as none")
    seed: Index


class Encoder(Strict):
    """Where a pretrained encoder is: a source and the folder in its archive that holds its files."""

    source: SourceName
    folder: str = Field("", description="folder in the archive, if not its top")
    languages: SomeNames = Field([], description="languages whose texts it was pretrained on")
    layer: int = Field(-1, description="the block whose states untrained retrieval averages; -1 is the last")
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
    layer: int | None = Field(None, description="retrieval: the block whose states are averaged, if not the encoder's")
    protocol: Literal["rank", "mining", "map"] = Field("rank", description="retrieval: how partners are searched")


class Read(Strict):
    """Rows of a dataset repository: which files of a source they are in, and which split they serve."""

    model_config = ConfigDict(populate_by_name=True)
    source: SourceName
    as_: Literal["train", "dev", "test"] = Field(alias="as", description="the split that the rows serve")
    config: str | None = Field(None, description="config on the hub; {code} stands for a language's code")
    split: str | None = Field(None, description="split on the hub, if it has another name")
    files: str | None = Field(None, description="pattern of files, where the repository has no configs")
    languages: Annotated[list[Name], *Unique] | None = Field(None, description="the languages that this is read for")
    by: str | None = Field(None, description="the column with the code of each row's language")
    where: dict[str, Any] = Field({}, description="values of columns that rows must have")
    fields: dict[str, Any] = Field({}, description="fields that have other columns here")


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
    builder: Annotated[str, Field(pattern=r"^[a-z_.]+:[a-z_]+$")]
    languages: Names
    sources: Annotated[list[SourceName], *Unique] = Field([], description="archives that the builder reads")
    examples_of: SomeNames = Field([], description="tasks whose examples the builder reads, instead of archives")
    read: list[Read] = Field([], description="rows of dataset repositories, for builders that read tables")
    fields: dict[str, Any] = Field({}, description="the column, or the columns, of each field of the task type")
    codes: dict[Name, str] = Field({}, description="what a language is called in the names of configs, files or values")
    source_language: Name | None = Field(None, description="the language it is trained in, if not the study's")
    recipe: Recipe | None = None
    head: Head | None = Field(None, description="the layers on top of the encoder, where no published recipe is taken")
    overlaps: SomeNames = Field(
        [], description="targets that are fine-tuned on the same data: flagged in scores and effects"
    )
    instead: Name | None = Field(None, description="the task that stands in for it where its source can't be had")
    labels: Labels = []
    metric: Metric
    licence: str
    citation: str = ""
    defects: str = ""
    build: Build = Build()
    options: Options = Options()
    trained: bool = True
    group: Literal["classification", "structured", "qa", "retrieval"] | None = None
    max_length: Count | None = None


SCHEMAS: dict[str, type[BaseModel]] = {"config": Config, "task": TaskFile}
