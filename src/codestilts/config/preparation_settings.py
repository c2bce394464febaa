"""Settings of the jobs that fetch, extract and build: what decides the outputs of each job and no more.

:mod:`codestilts.config.preparation_jobs` makes them from a study. They are in a module of their own because scripts
read them: a change to how a study is read must not change the code digest of every job.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict

Role = Literal["intermediate", "target"]


@dataclass(frozen=True)
class SourceSettings:
    """Which bytes an archive holds: the columns of ``sources.csv`` that fetching reads."""

    kind: str
    id: str
    version: str
    file: str
    sha256: str
    keep: tuple[str, ...]


@dataclass(frozen=True)
class ExtractionSettings:
    """The split that each archive with functions of a language serves."""

    splits: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class BuildSettings:
    """What a study decides about the examples of a task.

    Attributes:
        task: The task's name; empty for that of its file.
        languages: The languages of the task in the study; None means all that the task file declares.
        train, dev, test: How many examples to draw: of test (and of dev of a target) in each language, otherwise in all
            languages together. None means all rows.
        test_source: The size of the source language's test set, if it differs.
        study: The study's name. Row counts that differ from the published ones are an error in a study only.
        rehearsal: Rows that a rehearsal reads of each table, 0 in a study. Test sets of a rehearsal may be empty.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")  # scripts/build.py parses it from JSON

    task: str = ""
    role: Role = "intermediate"
    languages: Sequence[str] | None = None
    source_language: str = ""
    seed: int = 0
    train: int | None = None
    dev: int | None = None
    test: int | None = None
    test_source: int | None = None
    study: str = ""
    rehearsal: int = 0

    def sizes(self) -> dict[str, int]:
        """The sizes that are set, by the name of the split."""
        sizes = {name: getattr(self, name) for name in ("train", "dev", "test", "test_source")}
        return {name: size for name, size in sizes.items() if size is not None}


@dataclass(frozen=True)
class ClusteringSettings:
    """Which texts of a study are near-duplicates: the least ``similarity``; the ``targets`` have tested examples."""

    targets: tuple[str, ...]
    similarity: float


@dataclass(frozen=True)
class BaselineSettings:
    """How the trivial baselines of a target predict; ``source_language`` is given for generation.

    ``metric`` adds the answer that an F1 of labels rewards.
    """

    type: str
    protocol: Literal["rank", "mining", "map"] = "rank"
    source_language: str = ""
    metric: str = ""
