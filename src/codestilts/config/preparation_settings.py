"""Settings of the jobs that fetch, extract and build. Each object holds what decides the outputs of its job and no more.

:mod:`codestilts.config.preparation_jobs` makes them from a study. They stand apart from it because scripts read them: a
change of how a study is read must not change the code digest of every job.
"""

from dataclasses import dataclass
from typing import Literal

Split = Literal["train", "dev", "test"]
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


@dataclass(frozen=True)
class BuildSettings:
    """Which examples of a task are drawn: languages and sizes (None: all there are).

    Sizes are numbers of examples. Train and dev are over all languages, but dev by language where the role is target;
    test is by language, ``test_source`` that of the source language, if not the same.
    """

    task: str
    role: Role
    languages: tuple[str, ...]
    source_language: str
    seed: int
    train: int | None = None
    dev: int | None = None
    test: int | None = None
    test_source: int | None = None
    rehearsal: bool = False


@dataclass(frozen=True)
class BaselineSettings:
    """How the trivial baselines of a target predict."""

    type: str
    protocol: str = "rank"
