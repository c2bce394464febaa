"""Task files as they are read, before validation."""

from pathlib import Path
from typing import Any

from codestilts.errors import CodeStiltsError
from codestilts.files import read_yaml
from codestilts.provenance import is_leftover

LINEAGE = "lineage.yaml"  # which is no task
PATH_KEYS = ("name", "suite", "file")  # of a task: its file's path says them


def load_tasks(folder: str | Path) -> dict[str, dict[str, Any]]:
    """Read every ``tasks/<suite>/<name>.yaml`` under ``folder``.

    Leftovers of editors and archives are skipped (:func:`codestilts.provenance.is_leftover`).

    Returns:
        The values of each file by the task's name, with ``name``, ``suite`` and ``file`` added.

    Raises:
        CodeStiltsError: Two tasks have one name, a file has a key that its path already gives, or a file lies where no
            task is read.
    """
    tasks: dict[str, dict[str, Any]] = {}
    for path in sorted([*Path(folder).glob("*/*.yml"), *Path(folder).glob("*.y*ml"), *Path(folder).glob("*/*/*.y*ml")]):
        if path.name != LINEAGE and not is_leftover(path.relative_to(folder)):
            raise CodeStiltsError(f"{path}: is not read: name it {folder}/SUITE/{path.stem}.yaml")
    for path in sorted(Path(folder).glob("*/*.yaml")):
        if is_leftover(path.relative_to(folder)):
            continue
        if path.stem in tasks:
            raise CodeStiltsError(f"{path}: another task has that name, {tasks[path.stem]['file']}")
        task = read_yaml(path)
        if given := sorted(task.keys() & set(PATH_KEYS)):
            raise CodeStiltsError(f"{path}: {given[0]}: unknown key: remove it, the file's path says that")
        tasks[path.stem] = {**task, "name": path.stem, "suite": path.parent.name, "file": str(path)}
    return tasks
