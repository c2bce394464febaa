"""Targets that a study trains in several source languages.

The first source language is that of the study's targets. For each other one, every target that is fine-tuned and has
that language has a twin, such as ``match-from-javascript``: the same task file, trained in that language. Twins are
targets of their own in paths and jobs, and part of no contrast: they are for the matrix of source and target languages.
"""

from collections.abc import Mapping

from codestilts.config.schema import Config
from codestilts.config.schema_task import TaskSpec


def in_other_sources(config: Config, tasks: Mapping[str, TaskSpec]) -> dict[str, TaskSpec]:
    """Return the twins of a study's targets by name. Targets whose file names their source language have none."""
    named = [tasks[name] for name in config.targets if name in tasks]
    twins = [
        spec.model_copy(update={"name": f"{spec.name}-from-{language}", "source_language": language, "base": spec.name})
        for language in config.source_language[1:]
        for spec in named
        if spec.trained and not spec.source_language and language in spec.languages
    ]
    return {twin.name: twin for twin in twins}
