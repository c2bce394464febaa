"""Files that people write: UTF-8 with or without a byte order mark, whatever the locale, and YAML without surprises."""

import codecs
import re
import sys
from pathlib import Path
from typing import Any

import yaml

from codestilts.errors import CodeStiltsError

MOST = 100_000  # values of one file, aliases written out: more is no config but an attack or a mistake
PREFIX = "tag:yaml.org,2002:"


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # libyaml's is ten times faster
    """Plain data. ``5e-4`` is a number, as in YAML 1.2, and a date is a text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != f"{PREFIX}timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
SCIENTIFIC = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$")
_Loader.add_implicit_resolver(f"{PREFIX}float", SCIENTIFIC, list("-+.0123456789"))


def read_text(path: str | Path) -> str:
    """The text of a file; raises CodeStiltsError (file, line) where it is not there or is no UTF-8."""
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise CodeStiltsError(f"{path}: cannot be read: {error.strerror or error}") from None
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in raw:
        raise CodeStiltsError(f"{path}: cannot be read: it is UTF-16 or no text: save it as UTF-8")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise CodeStiltsError(f"{path}, line {line}: cannot be read: it is not UTF-8: save the file as UTF-8") from None


def read_yaml(path: str | Path) -> dict[str, Any]:
    """The mapping in a YAML file, as :func:`parse_yaml` reads it."""
    return parse_yaml(read_text(path), path)


def parse_yaml(text: str, path: str | Path) -> dict[str, Any]:
    """The mapping that a YAML text holds; ``path`` is what errors call it.

    Raises CodeStiltsError (file, line) for anything else, for a key that stands twice, and for numbers that YAML 1.1
    reads in base 8 or 60.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise CodeStiltsError(f"{path}: must hold keys and values")
        _check(node, path)
        return dict(loader.construct_document(node))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        what = " ".join(f"{error.context or ''} {error.problem or ''}".split())
        tab = mark and re.match(r"\s*\t", text.split("\n")[min(mark.line, text.count("\n"))])
        raise CodeStiltsError(
            f"{path}, line {mark.line + 1 if mark else 1}: cannot be read as YAML: {what}"
            + (": indent with spaces, not with tabs" if tab else "")
        ) from None
    except (yaml.YAMLError, ValueError) as error:
        raise CodeStiltsError(f"{path}: cannot be read as YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise CodeStiltsError(f"{path}: cannot be read as YAML: it is nested too deeply") from None


def _check(top: yaml.Node, path: str | Path) -> None:
    """Raise for what YAML passes over in silence. Aliases are followed: each place of a value counts."""
    todo: list[tuple[yaml.Node, frozenset[int]]] = [(top, frozenset())]
    seen = 0
    while todo:
        node, above = todo.pop()
        seen += 1
        if id(node) in above or seen > MOST:
            what = "a value that holds itself" if id(node) in above else f"more than {MOST} values"
            raise CodeStiltsError(f"{_at(path, node)}: {what}")
        inside = above | {id(node)}
        if isinstance(node, yaml.ScalarNode):
            _check_number(node, path)
        elif isinstance(node, yaml.SequenceNode):
            todo += [(item, inside) for item in node.value]
        else:
            lines: dict[Any, int] = {}
            for key, value in node.value:
                line = key.start_mark.line + 1
                name = key.value if isinstance(key, yaml.ScalarNode) else id(key)
                if name in lines:
                    raise CodeStiltsError(f"{path}, line {line}: key '{name}' stands in line {lines[name]} already")
                lines[name] = line
                todo += [(key, inside), (value, inside)]


def _check_number(node: yaml.ScalarNode, path: str | Path) -> None:
    number = node.tag in (f"{PREFIX}int", f"{PREFIX}float")
    if number and (":" in node.value or re.match(r"[-+]?0[\d_]+$", node.value)):
        raise CodeStiltsError(
            f"{_at(path, node)}: YAML reads {node.value} in base {60 if ':' in node.value else 8}: "
            "write the number plainly, or a text in quotes"
        )


def _at(path: str | Path, node: yaml.Node) -> str:
    return f"{path}, line {node.start_mark.line + 1}"


def check_configs(arguments: list[str]) -> None:
    """Exit with one line where a ``--configfile`` among these arguments can't be read.

    Snakemake reads it before any rule, and says neither which line is wrong nor of which file.
    """
    asked = False
    for argument in arguments:
        option, _, value = argument.partition("=")
        if argument.startswith("-"):
            asked = option.startswith("--configf")  # --configfile and --configfiles, however short
        if asked and (path := value if argument.startswith("-") else argument):
            try:
                read_yaml(path)
            except CodeStiltsError as error:
                print(f"error: {error}", file=sys.stderr)
                sys.exit(1)
