"""Reading of files that people write: UTF-8 in any locale, with or without a byte order mark, and strict YAML."""

import codecs
import re
import sys
from pathlib import Path
from typing import Any

import yaml

from codestilts.errors import CodeStiltsError, one_line

MAX_VALUES = 100_000  # of one file with its aliases expanded: no config has more, but aliases can make billions
CONFIG_SUFFIXES = (".yaml", ".yml", ".json")
TAG_PREFIX = "tag:yaml.org,2002:"


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # libyaml's is ten times faster
    """Plain data only. As in YAML 1.2, ``5e-4`` is a number and a date is a text."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != f"{TAG_PREFIX}timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
SCIENTIFIC = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+$")
_Loader.add_implicit_resolver(f"{TAG_PREFIX}float", SCIENTIFIC, list("-+.0123456789"))


def read_text(path: str | Path) -> str:
    """Read a text file.

    Raises:
        CodeStiltsError: The file cannot be read or is not UTF-8; the message names file and line.
    """
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise CodeStiltsError(f"{path}: cannot be read: {error.strerror or error}") from None
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in raw:
        raise CodeStiltsError(f"{path}: cannot be read: it is UTF-16 or binary: save it as UTF-8")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise CodeStiltsError(f"{path}, line {line}: cannot be read: it is not UTF-8: save the file as UTF-8") from None


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Read the mapping in a YAML file; see :func:`parse_yaml`."""
    return parse_yaml(read_text(path), path)


def parse_yaml(text: str, path: str | Path) -> dict[str, Any]:
    """Parse a YAML text that holds a mapping.

    Args:
        text: The YAML.
        path: The file that errors name.

    Raises:
        CodeStiltsError: The text is not a mapping, repeats a key, or has a number that YAML 1.1 reads in base 8 or 60;
            the message names file and line.
    """
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise CodeStiltsError(f"{path}: must hold keys and values: write `key: value` lines")
        _check(node, path)
        return dict(loader.construct_document(node))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = " ".join(f"{error.context or ''} {error.problem or ''}".split())
        tab = mark and re.match(r"\s*\t", text.split("\n")[min(mark.line, text.count("\n"))])
        raise CodeStiltsError(
            f"{path}, line {mark.line + 1 if mark else 1}: cannot be read as YAML: {problem}"
            + (": indent with spaces, not with tabs" if tab else "")
        ) from None
    except (yaml.YAMLError, ValueError) as error:
        raise CodeStiltsError(f"{path}: cannot be read as YAML: {one_line(error)}") from None
    except RecursionError:
        raise CodeStiltsError(f"{path}: cannot be read as YAML: it is nested too deeply") from None


def _check(top: yaml.Node, path: str | Path) -> None:
    """Reject what YAML accepts silently: repeated keys, recursion, and too many values after aliases are expanded."""
    todo: list[tuple[yaml.Node, frozenset[int]]] = [(top, frozenset())]
    seen = 0
    while todo:
        node, above = todo.pop()
        seen += 1
        if id(node) in above or seen > MAX_VALUES:
            problem = "a value that contains itself" if id(node) in above else f"more than {MAX_VALUES} values"
            raise CodeStiltsError(f"{_position(path, node)}: {problem}")
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
                    raise CodeStiltsError(f"{path}, line {line}: key '{name}' repeats line {lines[name]}: remove one")
                lines[name] = line
                todo += [(key, inside), (value, inside)]


def _check_number(node: yaml.ScalarNode, path: str | Path) -> None:
    """Reject ``010`` and ``1:30``, which YAML 1.1 reads in base 8 and 60."""
    is_number = node.tag in (f"{TAG_PREFIX}int", f"{TAG_PREFIX}float")
    if is_number and (":" in node.value or re.match(r"[-+]?0[\d_]+$", node.value)):
        raise CodeStiltsError(
            f"{_position(path, node)}: YAML reads {node.value} in base {60 if ':' in node.value else 8}: "
            "write it in base 10, or put it in quotes if it is a text"
        )


def _position(path: str | Path, node: yaml.Node) -> str:
    return f"{path}, line {node.start_mark.line + 1}"


def check_configs(arguments: list[str]) -> None:
    """Exit with one line where a ``--configfile`` among these arguments can't be read.

    Snakemake reads it before any rule, and says neither which line is wrong nor of which file.
    """
    asked, read = False, 0
    for argument in arguments:
        option, _, value = argument.partition("=")
        if argument.startswith("-"):
            asked, read = option.startswith("--configf"), 0  # --configfile and --configfiles, however short
        if asked and (path := value if argument.startswith("-") else argument):
            try:
                read_yaml(path)
            except CodeStiltsError as error:
                is_target = read and Path(path).suffix not in CONFIG_SUFFIXES
                hint = ": it is read as a config: write targets before --configfile, or after `--`"
                print(f"error: {path}{hint}" if is_target else f"error: {error}", file=sys.stderr)
                sys.exit(1)
            read += 1
