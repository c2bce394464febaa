"""The packages of the library depend on each other in one direction, and only ``workflow`` knows of Snakemake."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from importlib import import_module
from pathlib import Path
from typing import TypeGuard

import pytest
import yaml

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
LIBRARY = SOURCE / "codestilts"
# From the bottom up: a module imports from its own package and from those before it. "" is the top folder.
ORDER = ["", "sources", "config", "examples", "evaluation", "tasktypes", "training", "reporting", "release"]
ORDER += ["archiving", "workflow"]
MODULES = {".".join(path.relative_to(SOURCE).with_suffix("").parts): path for path in LIBRARY.rglob("*.py")}
TRAINING = {"train_intermediate", "train_target"}
SCRIPTS = sorted((ROOT / "scripts").glob("*.py"))


def imports(path: Path, within_functions: bool = True) -> Iterator[tuple[str, int]]:
    """The modules that a file imports, and in which line."""
    waiting: list[ast.AST] = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0 and node.module, f"{path}:{node.lineno}: a relative import"
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)
        elif within_functions or not isinstance(node, ast.FunctionDef):
            waiting += ast.iter_child_nodes(node)


def is_text(node: ast.AST) -> TypeGuard[ast.Constant]:
    """Whether a node of a syntax tree is a text in the code."""
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def module_of(name: str) -> str | None:
    """The module of the library that an imported name is, or is in; None if it is of another library."""
    while name and name not in MODULES:
        name = name.rpartition(".")[0]
    return name or None


def package_of(module: str) -> str:
    """The package below ``codestilts`` that a module is in."""
    parts = module.split(".")
    return parts[1] if len(parts) > 2 else ""


GRAPH = {
    module: {target for name, _ in imports(path) if (target := module_of(name)) and target != module}
    for module, path in MODULES.items()
    if path.name != "__init__.py"
}


def test_every_package_has_its_place_in_the_order() -> None:
    packages = {path.parent.name for path in LIBRARY.glob("*/__init__.py")}
    assert packages == set(ORDER) - {""}


def test_no_import_goes_against_the_order() -> None:
    against = [
        f"{module} imports {target}"
        for module, targets in GRAPH.items()
        for target in targets
        if ORDER.index(package_of(target)) > ORDER.index(package_of(module))
    ]
    assert against == []


def test_no_modules_import_each_other_in_a_circle() -> None:
    try:
        TopologicalSorter(GRAPH).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_the_graph_holds_imports_within_functions_and_of_names(tmp_path: Path) -> None:
    """What the tests above rest on, on a file that imports in every way."""
    lines = ["import codestilts.errors", "def f():", "    from codestilts.config import study"]
    (tmp_path / "module.py").write_text("\n".join([*lines, "    from codestilts.files import write_json"]))
    found = [module_of(name) for name, _ in imports(tmp_path / "module.py")]
    assert found == ["codestilts.errors", "codestilts.config.study", "codestilts.files"]
    assert module_of("torch.nn") is None


@pytest.mark.parametrize("module", [name for name in GRAPH if package_of(name) != "workflow"])
def test_only_the_workflow_package_knows_of_snakemake(module: str) -> None:
    """Comments and docstrings may say why something is so; no import, name or text of the code may depend on it."""
    tree = ast.parse(MODULES[module].read_text(encoding="utf-8"))
    docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    words = [name for name, _ in imports(MODULES[module])]
    words += [node.id for node in ast.walk(tree) if isinstance(node, ast.Name)]
    words += [node.value for node in ast.walk(tree) if is_text(node) and id(node) not in docs]
    assert [word for word in words if "snakemake" in word.lower()] == []


def test_scripts_run_without_snakemake() -> None:
    found = {path.name: [name for name, _ in imports(path) if name.startswith("snakemake")] for path in SCRIPTS}
    assert found and not any(found.values())


def loaded_at_start(path: Path) -> set[str]:
    """Everything that a script imports before it does anything, through the library's modules."""
    found, waiting = set[str](), [path]
    while waiting:
        for name, _ in imports(waiting.pop(), within_functions=False):
            module = module_of(name)
            if (known := module or name.split(".")[0]) not in found:
                found.add(known)
                waiting += [MODULES[module]] if module else []
    return found


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_scripts_load_no_large_library_at_their_start(path: Path) -> None:
    """It takes seconds, which a study of some hundred short jobs would wait for (`make bench` measures them).

    Those that train need torch. Figures are drawn by notebooks.
    """
    loaded = loaded_at_start(path)
    assert "codestilts.errors" in loaded
    assert path.stem in TRAINING or not loaded & {"torch", "transformers"}
    assert not loaded & {"matplotlib", "seaborn", "sklearn", "statsmodels"}


def test_init_files_are_empty() -> None:
    """They are part of every code digest: a line in one would make all jobs run again."""
    assert [str(path) for path in LIBRARY.rglob("__init__.py") if path.read_bytes()] == []


def test_every_builder_of_a_task_file_is_a_function_of_the_library() -> None:
    builders = set()
    for path in sorted((ROOT / "tasks").rglob("*.yaml")):
        if builder := yaml.safe_load(path.read_text(encoding="utf-8")).get("builder"):
            module, _, function = builder.partition(":")
            assert module in MODULES and callable(getattr(import_module(module), function, None)), f"{path}: {builder}"
            builders.add(builder)
    assert builders
