"""The settings and inputs of a builder: the task file's declarations, and the study's languages, sizes and seed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from codestilts.config.preparation_settings import BuildSettings
from codestilts.config.schema_task import Build, TaskFile
from codestilts.errors import CodeStiltsError

Entry = dict[str, Any]  # an entry of the key ``read`` of a task file, as it is written there


@dataclass(frozen=True)
class Inputs:
    """The files that a builder reads.

    Attributes:
        files: By name: an archive by its source, functions by their language, or examples by their task.
        clusters: The near-duplicate clusters of all functions, for tasks made of functions.
    """

    files: Mapping[str, Path]
    clusters: Path | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", _Files(self.files))


class _Files(dict[str, Path]):
    """Files by name, of which one that is asked for and missing is an error of one line."""

    def __missing__(self, name: str) -> Path:
        there = ", ".join(sorted(self)) or "none"
        raise CodeStiltsError(f"inputs: no file named {name}, which the task reads: there are {there}: give it too")


class RowCount(NamedTuple):
    """How many rows an entry of ``read`` has in one language, before any is dropped or sampled."""

    entry: Entry
    language: str
    rows: int


@dataclass
class RowLog:
    """What builders record about the rows they read: how many there are, and how many are dropped by reason."""

    counts: list[RowCount] = field(default_factory=list)
    dropped: dict[str, int] = field(default_factory=dict)

    def without_counts(self) -> "RowLog":
        """A log that shares the dropped rows only, for a builder that counts the rows itself."""
        return RowLog(dropped=self.dropped)


@dataclass(frozen=True, kw_only=True)
class BuilderSettings(BuildSettings):
    """The settings of a builder: decisions of the study, and declarations of the :class:`TaskFile`."""

    languages: Sequence[str] = ()
    domain: str | None = None
    labels: Sequence[str] = ()
    read: Sequence[Entry] = ()
    fields: Mapping[str, Any] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)
    options: Build = field(default_factory=Build)
    log: RowLog = field(default_factory=RowLog)

    def required(self, option: str) -> Any:
        """The value of a key under ``build`` that the builder can't do without.

        Raises:
            CodeStiltsError: The task file does not have the key.
        """
        value = getattr(self.options, option)
        if value is None:
            raise CodeStiltsError(
                f"task {self.task}: build: {option} is missing: its builder needs it in the task file"
            )
        return value

    def code_of(self, language: str) -> str:
        """What the source calls a language (key ``codes`` of the task file)."""
        return str(self.codes.get(language, language))

    def without_sizes(self) -> "BuilderSettings":
        """The same settings, asking for all rows of every split."""
        return replace(self, train=None, dev=None, test=None, test_source=None)


def builder_settings(spec: TaskFile, settings: BuildSettings) -> BuilderSettings:
    """Combine a task file and what the study decides into the settings of the task's builder."""
    languages = spec.languages if settings.languages is None else settings.languages
    return BuilderSettings(
        **vars(settings) | {"languages": languages},
        domain=spec.domain,
        labels=spec.labels,
        read=[entry.model_dump(by_alias=True, exclude_unset=True) for entry in spec.read],
        fields=spec.fields,
        codes=spec.codes,
        options=spec.build,
    )


def languages_of(entry: Entry, languages: Sequence[str], source_language: str) -> list[str]:
    """Return the languages that an entry is read for; those of a column (``by``) are read together."""
    if "by" in entry:
        return [languages[0]]
    everywhere = any("{code}" in str(entry.get(key, "")) for key in ("config", "files"))
    first = [source_language if source_language in languages else languages[0]]
    named = entry.get("languages") or (languages if everywhere else first)
    return [str(language) for language in named if language in languages]
