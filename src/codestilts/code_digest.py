"""The code digest of a rule: one digest over the source files that its script runs, found by following imports."""

import ast
import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from codestilts.provenance import code_digest

PACKAGE = "codestilts"
DATA_FILE = re.compile(r"[\w.-]+\.(yaml|json|csv|tsv|txt|html|css|js)")


def stage_digest(root: str | Path, *parts: str) -> str:
    """One digest over scripts, notebooks and modules with everything that they import from this package.

    Args:
        root: The project's folder.
        parts: Paths under ``root`` (``scripts/x.py``, ``notebooks/x.py.ipynb``) or modules (``package.module``).
    """
    return code_digest(stage_files(Path(root), parts))


def stage_files(root: Path, parts: Iterable[str]) -> list[Path]:
    """The files of the parts and, transitively, of every module of this package that they import.

    Imports within functions count too.
    """
    queue = [file for part in parts for file in ([root / part] if "/" in part else _module_files(root, part))]
    found: dict[Path, None] = {}
    while queue:
        file = queue.pop()
        if file not in found:
            found[file] = None
            if file.suffix in (".py", ".ipynb"):
                names, data = _references(file)
                queue += [path for name in names for path in _module_files(root, name)] + data
    return sorted(found)


@cache
def _module_files(root: Path, name: str) -> list[Path]:
    """The files that ``import name`` runs: the ``__init__.py`` of the packages above it, and its own."""
    files = []
    steps = name.split(".")
    for depth in range(1, len(steps) + 1):
        path = root.joinpath("src", *steps[:depth])
        files += [file for file in (path / "__init__.py", path.with_suffix(".py")) if file.exists()]
    return files


@cache
def _references(file: Path) -> tuple[list[str], list[Path]]:
    """What a file imports from this package, and the data files beside it that it names in a string.

    An imported name may be a module or something inside one.
    """
    names, texts = [], []
    for node in ast.walk(ast.parse(_source(file), str(file))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and DATA_FILE.fullmatch(node.value):
            texts.append(file.with_name(node.value))
    return [name for name in names if name.split(".")[0] == PACKAGE], [path for path in texts if path.exists()]


def _source(file: Path) -> str:
    """Python source; of a notebook the code of its cells, without magics."""
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".ipynb":
        return text
    cells = ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    return "\n".join(line for cell in cells for line in cell.splitlines() if not line.startswith(("%", "!")))
