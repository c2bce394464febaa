"""What a task file may say."""

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
)

from codestilts.config.schema_fields import (
    BUILDER,
    AtLeast0,
    Count,
    Head,
    Index,
    Labels,
    Layer,
    Metric,
    Name,
    Names,
    Positive,
    Share,
    SomeNames,
    SourceName,
    Strict,
    TaskType,
    Unique,
)


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
    """One task: a file of ``tasks/<suite>/``."""

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
    labels: Labels = Field([])
    metric: Metric
    unit: Name | None = Field(
        None,
        description="what is sampled together in the statistics, such as a problem or a question (a cluster, if it is "
        "not said); rows with the same unit in several languages, and in several targets whose units have one name, "
        "are drawn together",
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
    max_length: Count = Field(128, description="tokens of a sequence at most")


class TaskSpec(TaskFile):
    """A task of the project: what its file says, and what the file's path says."""

    name: str
    suite: str
    file: str

    @cached_property
    def all_sources(self) -> list[str]:
        """The archives that the builder reads: ``sources``, and those of ``read``."""
        return list(dict.fromkeys([*self.sources, *(entry.source for entry in self.read)]))

    def as_written(self) -> dict[str, Any]:
        """The keys and values of the file, with none added."""
        return self.model_dump(by_alias=True, exclude_unset=True, exclude={"name", "suite", "file"})
