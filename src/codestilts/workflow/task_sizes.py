"""Sizes of tasks: how many examples a task has and how long they are, as built, as published or as requested."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from codestilts.config import preparation_jobs
from codestilts.config.study import Study
from codestilts.job_files import read_parquet

FILL = 0.5  # mean length of a sequence as a share of max_length, where no run has measured it
CHOICES = 4  # sequences of a multiple-choice example

# Rows of data sets as published: train, and the mean of a test language. Cards on the hub, XTREME (arXiv 2003.11080,
# table 1), CodeXGLUE (arXiv 2102.04664), Phang et al. 2020 (arXiv 2005.13013). A task may drop or double some.
# fmt: off
PUBLISHED_ROWS: dict[str, tuple[int, int]] = {
    "anli-plus": (1_104_934, 0), "mnli": (392_702, 0), "qqp": (363_846, 0), "cola": (8_551, 0), "squad2": (130_319, 0),
    "squad": (87_599, 0), "hellaswag": (39_905, 0), "ccg": (38_015, 0), "cosmosqa": (25_262, 0),
    "commonsenseqa": (9_741, 0), "devign": (21_854, 0), "bigclonebench": (901_028, 0), "poj104": (32_000, 0),
    "advtest": (251_820, 0), "cosqa": (20_000, 0), "code-to-text": (908_224, 0), "concode": (100_000, 0),
    "java-csharp": (10_295, 0), "bugs": (251_820, 328), "nl-code": (251_820, 8_730), "output": (800, 700),
    "xnli": (392_702, 5_010), "paws-x": (49_401, 2_000), "udpos": (21_253, 3_140), "panx": (20_000, 6_530),
    "xquad": (87_599, 1_190), "mlqa": (87_599, 6_040), "tydiqa": (3_696, 564), "bucc": (0, 650_000),
    "bucc-gold": (0, 8_750), "tatoeba": (0, 1_000), "solutions": (0, 850), "solutions-humaneval": (0, 164),
    "solutions-mining": (0, 850), "rosetta": (0, 600), "code-to-text-generated": (908_224, 0),
    "refinement-generated": (99_044, 0), "java-csharp-generated": (10_295, 0), "squad-generated": (87_599, 0),
    "xlsum-english": (306_522, 0), "xquad-generated": (87_599, 1_190), "mlqa-generated": (87_599, 6_040),
    "tydiqa-generated": (3_696, 564), "xlsum": (306_522, 3_930),
}
# Approximate tokens of a sentence of theirs, which max_length does not tell. Most rows of bucc have one side only.
PUBLISHED_LENGTHS: dict[str, float] = {"tatoeba": 15, "bucc": 20, "bucc-gold": 40}
# fmt: on


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
    if root and (table := root / "results" / study.name / "examples" / f"{task}.parquet").exists():
        built = built_size(table, tokens, sequences)
        train_rows = preparation_jobs.drawn_rows(study, task, built.train)
        return replace(built, train=train_rows, output_tokens=written)
    requested = preparation_jobs.build_settings(study, task)
    train, test = PUBLISHED_ROWS.get(task, (None, None))
    rows = preparation_jobs.drawn_rows(study, task, _at_most(requested.train, train))
    per_language = _at_most(requested.test, test)
    in_source_language = _at_most(requested.test_source or requested.test, test)
    languages = study.task_languages(task) if study.role(task) == "target" else []
    source_language = study.source_language(task)
    tested = sum(in_source_language if language == source_language else per_language for language in languages)
    origin: Literal["published", "requested"] = "published" if task in PUBLISHED_ROWS else "requested"
    return TaskSize(rows, requested.dev or 0, tested, tokens, sequences, origin, written)


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
