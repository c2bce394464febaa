"""Which source files a script runs, found by following its imports: the base of the code digest of each rule."""

import ast
import json
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from codestilts.provenance import code_digest

PACKAGE = "codestilts"
DATA = re.compile(r"[\w.-]+\.(yaml|json|csv|tsv|txt|html|css|js)")


def stage_digest(root: str | Path, *parts: str) -> str:
    """One digest over scripts or notebooks (paths under ``root``) and modules, with all they import from here."""
    return code_digest(stage_files(Path(root), parts))


def stage_files(root: Path, parts: Iterable[str]) -> list[Path]:
    """The files that the parts consist of: each ``scripts/x.py``, ``notebooks/x.py.ipynb`` or ``package.module``
    and, transitively, every module of this package that they import, wherever in the file the import stands."""
    queue = [file for part in parts for file in ([root / part] if "/" in part else _module_files(root, part))]
    found: dict[Path, None] = {}
    while queue:
        file = queue.pop()
        if file not in found:
            found[file] = None
            if file.suffix in (".py", ".ipynb"):
                names, data = _mentioned(file)
                queue += [path for name in names for path in _module_files(root, name)] + data
    return sorted(found)


@cache
def _module_files(root: Path, name: str) -> list[Path]:
    """The files that ``import name`` reads: those of the packages above it and its own."""
    files = []
    steps = name.split(".")
    for depth in range(1, len(steps) + 1):
        path = root.joinpath("src", *steps[:depth])
        files += [file for file in (path / "__init__.py", path.with_suffix(".py")) if file.exists()]
    return files


@cache
def _mentioned(file: Path) -> tuple[list[str], list[Path]]:
    """Full names of what a file imports from this package (a name may be a module or something inside one), and the
    files beside it that it names in a string, such as a table it reads."""
    names, texts = [], []
    for node in ast.walk(ast.parse(_source(file), str(file))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names += [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and DATA.fullmatch(node.value):
            texts.append(file.with_name(node.value))
    return [name for name in names if name.split(".")[0] == PACKAGE], [path for path in texts if path.exists()]


def _source(file: Path) -> str:
    """Python source; of a notebook its code cells, without their magics."""
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".ipynb":
        return text
    cells = ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    return "\n".join(line for cell in cells for line in cell.splitlines() if not line.startswith(("%", "!")))
