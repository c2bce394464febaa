"""Sizes of tasks: how many examples a task has and how long they are, as built, as published or as requested."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Literal

from codestilts.config import preparation_jobs
from codestilts.config.schema_task import TaskSpec
from codestilts.config.study import Study
from codestilts.examples.builder_settings import languages_of
from codestilts.examples.published_counts import count_in_language
from codestilts.job_files import read_parquet
from codestilts.result_files import examples_of

FILL = 0.5  # mean length of a sequence as a share of max_length, where no run has measured it
CHOICES = 4  # sequences of a multiple-choice example

# Approximate tokens of a sentence of theirs, which max_length does not tell. Most rows of bucc have one side only.
PUBLISHED_LENGTHS: dict[str, float] = {"tatoeba": 15, "bucc": 20, "bucc-gold": 40}


@dataclass(frozen=True)
class TaskSize:
    """Numbers of examples (``test`` over all languages), and their length in tokens, outputs apart."""

    train: int  # of one seed
    dev: int
    test: int
    sequence_tokens: float
    sequences: int  # of an example
    origin: Literal["built", "published", "requested"]
    output_tokens: float = 0.0  # of generation

    @property
    def example_tokens(self) -> float:
        """Mean tokens of an example, its output included."""
        return self.sequence_tokens * self.sequences + self.output_tokens


def sequences_per_example(task_type: str, pairs: str) -> int:
    """Sequences that the encoder reads for one example of a task with this type and option ``pairs``."""
    if task_type == "multiple_choice":
        return CHOICES
    return 2 if task_type == "retrieval" or pairs != "cross" else 1


def sequence_tokens(study: Study, task: str, measured: Mapping[str, float], fill: float) -> float:
    """Mean tokens of a sequence: measured in runs, as published, or a share (``fill``) of the task's ``max_length``."""
    known = measured.get(task) or PUBLISHED_LENGTHS.get(task)
    return known or fill * study.tasks[task].max_length


def task_size(
    study: Study, task: str, root: Path | None, measured: Mapping[str, float], fill: float = FILL
) -> TaskSize:
    """The size of a task: as built under ``root``, else as requested, at most as published.

    Args:
        study: The study.
        task: The name of the task.
        root: The checkout whose results are looked up; None ignores them.
        measured: Mean tokens of a sequence by task, where finished runs have measured it.
        fill: Share of ``max_length`` that a sequence of unknown length has.
    """
    tokens = sequence_tokens(study, task, measured, fill)
    spec = study.tasks[task]
    sequences = sequences_per_example(spec.type, spec.options.pairs)
    written = fill * spec.options.output_tokens if spec.type == "generation" else 0.0
    if root and (table := root / "results" / study.name / examples_of(task)).exists():
        built = built_size(table, tokens, sequences)
        train_rows = preparation_jobs.drawn_rows(study, task, built.train)
        return replace(built, train=train_rows, output_tokens=written)
    requested = preparation_jobs.build_settings(study, task)
    source, languages, target = study.source_language(task), study.task_languages(task), study.role(task) == "target"
    train = sum(published_rows(spec, "train", [source] if target else languages, source).values()) or None
    rows = preparation_jobs.drawn_rows(study, task, _at_most(requested.train, train)) if spec.trained else 0
    test = published_rows(spec, "test", languages, source)
    unknown = round(mean(test.values())) if test else None  # of a language of which the task file tells no number
    in_source_language = requested.test_source or requested.test
    tested = sum(
        _at_most(in_source_language if language == source else requested.test, test.get(language, unknown))
        for language in (languages if target else [])
    )
    origin: Literal["published", "requested"] = "published" if train or test else "requested"
    return TaskSize(rows, requested.dev or 0, tested, tokens, sequences, origin, written)


def published_rows(spec: TaskSpec, split: str, languages: Sequence[str], source_language: str) -> dict[str, int]:
    """The published rows of a split in each language that the task file tells of. A task may drop or double some."""
    if split in spec.published_rows:
        return dict.fromkeys(languages, spec.published_rows[split])
    rows = Counter[str]()
    for entry in spec.read:
        if entry.as_ == split:
            read = entry.model_dump(by_alias=True, exclude_unset=True)
            every = entry.by or isinstance(entry.rows, dict)  # one table has all languages
            for language in languages if every else languages_of(read, languages, source_language):
                rows[language] += count_in_language(entry.rows, language) or 0
    return dict(+rows)


def _at_most(requested: int | None, published: int | None) -> int:
    """The requested rows (all, where no number is requested), as far as a set has them."""
    if published is None:
        return requested or 0
    return min(requested or published, published)


def built_size(table: Path, tokens: float, sequences: int) -> TaskSize:
    """Count the rows of a table of examples."""

    splits = read_parquet(table, columns=["split"])["split"].value_counts()
    train, dev, test = (int(splits.get(name, 0)) for name in ("train", "dev", "test"))
    return TaskSize(train, dev, test, tokens, sequences, "built")
