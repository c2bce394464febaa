"""Every file and name that docs/architecture.md mentions exists."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
FILES = sorted(set(re.findall(r"`([\w./-]+\.(?:py|smk|yaml|ipynb|j2))(?:::[\w.]+)?`", PAGE)))
NAMES = sorted(set(re.findall(r"`([\w./-]+\.py)::([\w.]+)`", PAGE)))


def located(name: str) -> Path:
    """A file of the page: below the library, or of the project."""
    inside = ROOT / "src/codestilts" / name
    return inside if inside.exists() else ROOT / name


def defined(body: list[ast.stmt]) -> set[str]:
    """The names that a module or a class defines; members of its classes as ``Class.member``."""
    names = set[str]()
    for node in body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names |= {node.name, *(f"{node.name}.{member}" for member in defined(node.body))}
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


@pytest.mark.parametrize("name", FILES)
def test_a_file_exists(name: str) -> None:
    assert located(name).is_file()


@pytest.mark.parametrize(("file", "name"), NAMES)
def test_a_name_is_defined_in_its_file(file: str, name: str) -> None:
    assert name in defined(ast.parse(located(file).read_text(encoding="utf-8")).body)


def test_the_page_names_enough_to_be_of_use() -> None:
    assert len(NAMES) > 40 and PAGE.count("`rules/") >= 3
    packages = {path.parent.name for path in (ROOT / "src/codestilts").glob("*/__init__.py")}
    assert packages <= {file.split("/")[0] for file, _ in NAMES}
