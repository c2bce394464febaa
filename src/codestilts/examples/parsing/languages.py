"""Read the programming languages: a declarative entry for each in ``languages.yaml``.

An entry lists the suffixes of the language's files, its tree-sitter grammar, the nodes that are functions, where their
documentation is, and how leaves of the tree map to the universal tags of
:mod:`codestilts.examples.parsing.token_tags`. Nothing else in the library knows a grammar's node names.
"""

import importlib
from dataclasses import dataclass, field, fields
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from codestilts.errors import CodeStiltsError
from codestilts.files import read_yaml
from codestilts.invented import real_language

if TYPE_CHECKING:
    from tree_sitter import Parser

TABLE = Path(__file__).with_name("languages.yaml")


@dataclass(frozen=True, eq=False)
class Language:
    """A programming language.

    Keys of ``slots`` are ``parent.field``, ``parent.#0`` (the first named child), ``parent.#0/2`` (the first of two) or
    ``parent.*`` (any child). Values of ``heads`` are the part after the dot.
    """

    name: str
    suffixes: tuple[str, ...]
    grammar: str  # module and function, as in "tree_sitter_python.language"
    docs: str | tuple[str, ...]  # "docstring", or the marks that a documentation comment may begin with
    functions: tuple[str, ...]  # nodes that are functions by themselves
    # Contexts for a function that does not parse alone; it replaces {}, and the first context that parses is used.
    alone: tuple[str, ...] = ("{}",)
    assigned: dict[str, str] = field(default_factory=dict)  # node: field that may hold an anonymous function
    bodies: tuple[str, ...] = ()  # last children that are a function's body where the grammar has no field for it
    anonymous: tuple[str, ...] = ()  # the anonymous functions that ``assigned`` refers to
    wrappers: tuple[str, ...] = ()  # nodes around a function that belong to it
    attached: tuple[str, ...] = ()  # siblings before a function that belong to it
    test_scopes: tuple[str, ...] = ()  # nodes that contain tests if an attached sibling marks them so
    blocks: tuple[str, ...] = ()  # nodes without an opening token: comments on their first child precede them
    comments: tuple[str, ...] = ()
    bare_strings: tuple[str, ...] = ()  # statements that are documentation if they are only a string
    opaque: tuple[str, ...] = ()  # leaves of unparsed text: a function with one is dropped
    atoms: dict[str, str] = field(default_factory=dict)  # nodes that are one token: tag
    leaves: dict[str, str] = field(default_factory=dict)  # leaf node or text of an anonymous leaf: tag
    regions: dict[str, str] = field(default_factory=dict)  # nodes whose names all have one tag
    slots: dict[str, str] = field(default_factory=dict)  # position in the parent: tag of the name there
    heads: dict[str, str] = field(default_factory=dict)  # composite name: position of its last part
    receivers: tuple[str, ...] = ()  # parameter names that are the object itself
    blanked: str = ""  # pattern of text the grammar cannot read: group "keep" stays, "drop" becomes spaces

    @cached_property
    def counted(self) -> frozenset[str]:
        """Nodes whose named children have to be counted for a slot like ``parent.#0/2``."""
        return frozenset(slot.split(".")[0] for slot in self.slots if "/" in slot)


def read_table() -> dict[str, dict[str, Any]]:
    """Read the entries of the file by language, and ``common``."""
    return read_yaml(TABLE)


@cache
def languages() -> dict[str, Language]:
    """Return all languages by name; the entry ``common`` is merged into every other one.

    Raises:
        CodeStiltsError: An entry has an unknown key.
    """
    table = read_table()
    common = table.pop("common")
    return {name: _language(name, table, common) for name in table}


def _language(name: str, table: dict[str, dict[str, Any]], common: dict[str, Any]) -> Language:
    entry = dict(table[name])
    base = dict(table[entry.pop("like")]) if "like" in entry else {}
    merged: dict[str, Any] = {}
    for layer in (common, base, entry):
        for key, value in layer.items():
            old = merged.get(key)
            merged[key] = (
                {**old, **value} if isinstance(old, dict) else tuple(value) if isinstance(value, list) else value
            )
    unknown = merged.keys() - {item.name for item in fields(Language)}
    if unknown:
        raise CodeStiltsError(f"unknown key {sorted(unknown)[0]!r}: {TABLE.name}, {name}: see class Language")
    return Language(name=name, **merged)


def language(name: str) -> Language:
    """Return a language by its name.

    Raises:
        CodeStiltsError: There is no such language.
    """
    try:
        return languages()[name]
    except KeyError:
        known = " ".join(languages())
        raise CodeStiltsError(f"unknown programming language {name!r}: choose one of {known}") from None


def is_programming_language(name: str) -> bool:
    """Whether a name is that of a programming language, real or invented."""
    return real_language(name) in languages()


@cache
def parser(name: str) -> "Parser":
    """Return the tree-sitter parser of a language; the grammar's package is imported at the first call.

    Raises:
        CodeStiltsError: The grammar's package is not installed.
    """
    from tree_sitter import Language as Grammar
    from tree_sitter import Parser

    module, _, function = language(name).grammar.rpartition(".")
    try:
        return Parser(Grammar(getattr(importlib.import_module(module), function)()))
    except ImportError:
        raise CodeStiltsError(f"no grammar for {name}: package {module} is missing: run `make setup`") from None
