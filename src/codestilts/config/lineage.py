"""The lineage of data sets (``tasks/lineage.yaml``): two tasks overlap if their sets have a common ancestor."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from codestilts.config.schema_task import TaskSpec
from codestilts.errors import CodeStiltsError, suggest
from codestilts.files import read_yaml

Lineage = Mapping[str, list[str]]  # set -> the sets from which it is made; none for an original set


def read_lineage(path: Path) -> dict[str, list[str]]:
    """Read the lineage of data sets; it is empty if the file is missing.

    Raises:
        CodeStiltsError: A key is no text, a value is no list of names, or a set is made of itself.
    """
    if not path.exists():
        return {}
    lineage = read_yaml(path)
    for name, parents in lineage.items():
        if not isinstance(name, str):
            raise CodeStiltsError(f"{path}: {name}: the name of a data set must be a text: put it in quotes")
        if not isinstance(parents, list) or not all(isinstance(parent, str) for parent in parents):
            raise CodeStiltsError(f"{path}: {name}: must be a list of data sets, not {parents!r}")
        if name in ancestors(parents, lineage):
            raise CodeStiltsError(f"{path}: {name}: it is made of itself: remove one step of the circle")
    return lineage


def unknown_sets(lineage: Lineage, tasks: Iterable[TaskSpec], sources: Iterable[str]) -> Iterator[str]:
    """Yield a message for each key that nothing refers to, and for each parent that is neither a key nor a source.

    Keys are referred to by sources, configs that a task reads, and parents.
    """
    configs = {name for task in tasks for name in sets_of(task, lineage)}
    known = {*sources, *configs, *lineage}
    allowed = {*sources, *configs, *(parent for parents in lineage.values() for parent in parents)}
    for name, parents in lineage.items():
        if name not in allowed:
            yield f"{name}: no source, config that a task reads, or parent has that name; {suggest(name, allowed)}"
        for parent in parents:
            if parent not in known:
                hint = f"if it is an original set, add the line '{parent}: []'; {suggest(parent, known - {name})}"
                yield f"{name}: its parent {parent} is no source and no key; {hint}"


def ancestors(names: Iterable[str], lineage: Lineage) -> set[str]:
    """Return some sets and all sets from which they are made, directly or indirectly."""
    found, waiting = set[str](), list(names)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += lineage.get(name, [])
    return found


def sets_of(task: TaskSpec, lineage: Lineage) -> set[str]:
    """Return the sets that a task file reads: its sources or, if the lineage distinguishes configs, their configs.

    A language in the name of a config (``MLQA.{code}.{code}``) is left out.
    """
    several = {name.partition("/")[0] for name in lineage if "/" in name}
    found = set(task.sources)
    for entry in task.read:
        config = (entry.config or "").partition("{")[0].rstrip(".")
        found.add(f"{entry.source}/{config}" if entry.source in several and config else entry.source)
    return found
