"""The schema of task files."""

from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
)

from codestilts.config.schema_fields import (
    BUILDER,
    AtLeast0,
    Beams,
    Count,
    Domain,
    Form,
    Group,
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
    """Options of builders. Each builder reads the keys that it knows."""

    code_tokens: Count | None = Field(None, description="maximum tokens of code")
    doc_words: Count | None = Field(None, description="maximum words of documentation")
    hide_words: bool = Field(False, description="hide words of the code that occur in its description")
    kinds: list[str] | None = Field(None, description="kinds of bugs that are injected")
    queries: Literal["language", "partner"] | None = Field(
        None, description="retrieval: the side of a pair that is the query"
    )
    texts: Count | None = Field(None, description="maximum number of the tasks' texts")
    leave_out: list[str] = Field([], description="labels of examples whose texts are left out")
    replaced: Share | None = Field(None, description="share of the words of a corrupted text that are replaced")
    words: Count | None = Field(None, description="number of words of a text")
    coarse: dict[str, str] | None = Field(None, description="label -> the tags of the corpus that it stands for")
    negatives: Literal["matched", "random"] | None = Field(None, description="how wrong pairs are chosen")
    within: Literal["language", "package"] | None = Field(None, description="where wrong partners are chosen from")
    tolerance: AtLeast0 | None = Field(None, description="maximum difference in word overlap")
    pool: Count | None = Field(None, description="candidates for each function that is needed")
    least_words: Index | None = Field(None, description="minimum number of content words in a question")
    hide_names: Literal["mask", "drop", "keep"] | None = Field(
        None, description="what happens to names of parameters in a question"
    )
    balance_places: bool | None = Field(None, description="ask equally often for first, second, third ... parameters")
    dev_package: SourceName | None = Field(None, description="package of the dev rows")
    libraries: dict[Name, SomeNames] = Field(
        {}, description="library -> its packages, if each language has a package of its own"
    )
    distractors: AtLeast0 | None = Field(None, description="number of texts without a partner for each text with one")
    like: Name | None = Field(None, description="task that has the same test rows")
    tokens: Count | None = Field(None, description="number of tokens of a window")
    edits: Count | None = Field(None, description="number of edits of a wrong text")
    characters: Count | None = Field(None, description="maximum characters of a token")
    share: Share | None = Field(None, description="share of the rows that is used, sampled by id")
    cut_at: str | None = Field(None, description="a query is cut before this text")
    problem: str | None = Field(
        None, description="regular expression for the part of a problem's id that all languages share"
    )
    per_problem: Count | None = Field(None, description="maximum number of train programs of a problem")
    least_characters: Count | None = Field(None, description="minimum characters of a paragraph")
    output_language: Name | None = Field(
        None, description="language of the texts that are generated, if not that of the row"
    )
    keep_unanswerable: bool = Field(False, description="keep questions without an answer")


class Options(Strict):
    """Options of task types. Each type reads the keys that it knows."""

    pairs: Literal["cross", "dual", "product"] = Field(
        "cross",
        description="classification: encode the texts of a pair together (cross) or separately; a published head then "
        "reads both states (dual), or also their difference and product (product)",
    )
    multi: bool = Field(False, description="classification: an example may have several labels, separated by |")
    answer: str | None = Field(None, description="span_qa: a regular expression that every answer matches")
    stride: Count | None = Field(
        None,
        description="span_qa: tokens between the starts of two windows (doc_stride of run_squad); by default, two "
        "windows overlap by a quarter of max_length",
    )
    no_answer: bool = Field(False, description="span_qa: a question may have no answer")
    layer: Layer | None = Field(None, description="retrieval: block whose states are averaged, if not the encoder's")
    sweep: bool = Field(True, description="frozen retrieval: also evaluate each layer of the encoder")
    protocol: Literal["rank", "mining", "map"] = Field(
        "rank", description="retrieval: how partners are searched and scored"
    )
    output_tokens: Count = Field(48, description="generation: maximum tokens of an output")
    beams: Beams = Field(1, description="generation: hypotheses that the search keeps; 1 is greedy search")
    decoder_layers: Count = Field(2, description="generation: blocks of the decoder, copied from the encoder")
    label_smoothing: Share = Field(0.0, lt=1, description="generation: share of the probability given to all tokens")


class Read(Strict):
    """Rows of a dataset repository: the files of a source that have them, and the split that they are used for."""

    source: SourceName
    as_: Literal["train", "dev", "test"] = Field(alias="as", description="the split that the rows are used for")
    config: str | None = Field(None, description="config on the hub; {code} is replaced by the code of a language")
    split: str | None = Field(None, description="split on the hub, if named differently")
    files: str | None = Field(None, description="pattern of files, where the repository has no configs")
    languages: Annotated[list[Name], *Unique] | None = Field(None, description="languages that the rows are read for")
    by: str | None = Field(None, description="column with the code of each row's language")
    where: dict[str, Any] = Field({}, description="column -> the value that rows must have")
    fields: dict[str, Any] = Field({}, description="fields whose columns differ here")
    rows: Count | dict[Name, Count] | None = Field(
        None, description="published number of rows of each language, compared with the rows that are read"
    )
    found: Count | dict[Name, Count] | None = Field(
        None, description="number of rows of the source, where it differs from the published one"
    )


class Recipe(Strict):
    """The published training recipe of a task."""

    learning_rate: Positive
    epochs: Positive
    batch_size: Count = Field(description="examples of one optimiser step")
    warmup: Share = 0.1
    weight_decay: AtLeast0 = 0.01
    source: str = Field(description="paper and section, or repository, of the recipe")


# Keys of task files that builders do not read: texts for readers, and what decides something after the examples.
PROSE = {"description", "licence", "citation", "defects", "published", "published_rows"}
AFTER_EXAMPLES = {"form", "near", "recipe", "head", "metric", "max_length", "instead", "group"}


class TaskFile(Strict):
    """One task: a file of ``tasks/<suite>/``."""

    type: TaskType
    form: Form | None = Field(
        None,
        description="what the task asks, regardless of its texts: the word that is masked (cloze), which text fits "
        "(choice), a part of a text (span), a tag for each token (tagging), the partner among many texts "
        "(retrieval), whether a text has an error (error), how two texts relate (pair), a text that is written "
        "(generation)",
    )
    domain: Domain | None = Field(
        None, description="what its texts are: English, code, or documentation (docs: English in code)"
    )
    near: SomeNames = Field(
        [],
        description="targets whose form and material this intermediate task shares; their cells are left out of "
        "contrasts of domains",
    )
    description: str
    builder: Annotated[str, Field(pattern=BUILDER)]
    languages: Names
    sources: Annotated[list[SourceName], *Unique] = Field([], description="archives that the builder reads")
    examples_of: SomeNames = Field([], description="tasks whose examples the builder reads instead of archives")
    read: list[Read] = Field([], description="rows of dataset repositories, for builders that read tables")
    fields: dict[str, Any] = Field({}, description="the column or columns of each field of the task type")
    codes: dict[Name, str] = Field({}, description="name of each language in configs, files or values of the source")
    source_language: Name | None = Field(None, description="language that it is trained in, if not the study's")
    recipe: Recipe | None = None
    head: Head | None = Field(None, description="layers on top of the encoder, unless a published recipe is used")
    whole: Annotated[list[Literal["train", "dev", "test"]], *Unique] = Field(
        [], description="splits whose rows the protocol needs completely: common sizes of a study do not apply"
    )
    instead: Name | None = Field(None, description="task that replaces it in rehearsals without its source")
    labels: Labels = Field([])
    metric: Metric
    unit: Name | None = Field(
        None,
        description="what is resampled together in the statistics, such as a problem or a question; by default, a "
        "cluster of near-duplicates. Rows of one unit are resampled together across languages, and across targets "
        "whose units have the same name",
    )
    licence: str
    citation: str = ""
    defects: str = ""
    published: str = Field("", description="source of the published numbers of rows (read.rows, published_rows)")
    published_rows: dict[Literal["train", "test"], Count] = Field(
        {},
        description="published number of rows of a split in each language, where read.rows does not tell it; only for "
        "estimates before the task is built",
    )
    incomparable: str = Field("", description="why its scores cannot be compared with published ones")
    build: Build = Build()
    options: Options = Options()
    trained: bool = True
    together: bool = Field(
        False, description="it pairs its languages with each other, so that a study needs all of them"
    )
    group: Group | None = None
    max_length: Count = Field(128, description="maximum tokens of a sequence")

    def about_examples(self) -> dict[str, Any]:
        """What the file says about the task's examples: all but prose, and what only later stages read."""
        keys = TaskFile.model_fields.keys() - PROSE - AFTER_EXAMPLES
        content = self.model_dump(mode="json", by_alias=True, exclude_defaults=True, include=keys)
        return content | {"is_target": self.group is not None}


class TaskSpec(TaskFile):
    """A task of the project: what its file says, and what the file's path says.

    ``base`` is set for a target that a study trains in another source language too: the target of the file.
    """

    name: str
    suite: str
    file: str
    base: str = ""

    @cached_property
    def all_sources(self) -> list[str]:
        """The archives that the builder reads: ``sources``, and those of ``read``."""
        return list(dict.fromkeys([*self.sources, *(entry.source for entry in self.read)]))

    def as_written(self) -> dict[str, Any]:
        """The keys and values of the file, with none added."""
        return self.model_dump(by_alias=True, exclude_unset=True, exclude={"name", "suite", "file", "base"})
