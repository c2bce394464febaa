"""The text of whole programs: tokens without comments, imports removed, telling names hidden."""

import re

from codestilts.examples.builders.code import HIDDEN_NAME
from codestilts.examples.parsing.definitions import parse
from codestilts.examples.parsing.functions import render_code
from codestilts.examples.parsing.languages import language
from codestilts.examples.parsing.token_tags import Leaf, Walk, tagged_leaves
from codestilts.examples.text import letters_only, replace_word

MIN_TITLE_LETTERS = 4  # of a problem's title; shorter ones (sum, two) are parts of unrelated names
# Lines that only declare what a program uses, in any language: they recur in program after program.
_IMPORTS = re.compile(
    r"^[ \t]*(?:#\s*include\b.*|import\s*\([^)]*\)|import\b.*|from\s.*\bimport\b.*|package\s.*|use\s.*;"
    r"|using\s[\w.:=<>, ]+;)\n?",
    re.MULTILINE,
)
_IDENTIFIER = re.compile(r"[^\W\d][\w$]*")


def tokenize_program(code: str, name: str) -> tuple[list[Leaf], bytes]:
    """Tokenize a program without comments and docstrings.

    Code that does not parse by itself is put into the contexts of its language (a method into a class). Code that
    parses in none gives the tokens that the grammar recognises.

    Returns:
        The tokens, and the bytes that their offsets refer to.
    """
    spec = language(name)
    if name == "php" and "<?" not in code:
        code = f"<?php\n{code}"  # without the opening tag the grammar reads a program as plain text
    attempts: list[tuple[list[Leaf], bytes]] = []
    for context in ("{}", *spec.alone):
        first = len(context.partition("{}")[0].encode())
        last = first + len(code.encode())
        data, root = parse(context.replace("{}", code).encode(), spec)
        walk = Walk()
        tokens = [leaf for leaf in tagged_leaves(root, data, spec, walk) if first <= leaf.start and leaf.end <= last]
        if not root.has_error and not walk.opaque:
            return tokens, data
        attempts.append((tokens, data))
    return attempts[0]


def remove_imports(text: str) -> str:
    """Remove the lines that import, include or use something."""
    return _IMPORTS.sub("", text).strip("\n")


def anonymize_program(code: str, name: str, known: str = "", title: str = "") -> str:
    """Remove comments and imports, and hide the names of defined functions and of the problem.

    Equal names would give the partner away.

    Args:
        code: The program.
        name: Its language.
        known: A name that is hidden in any case.
        title: The problem's title; names that spell it are hidden (``TwoFer`` for ``two-fer``).
    """
    tokens, data = tokenize_program(code, name)
    if not tokens:
        return ""
    text = remove_imports(render_code(tokens, data)[1])
    for word in sorted({leaf.text for leaf in tokens if leaf.tag == "FUNCTION"} | {known} - {""}):
        text = replace_word(text, word, HIDDEN_NAME)
    letters = letters_only(title)
    if len(letters) >= MIN_TITLE_LETTERS and not letters.isdigit():
        text = _IDENTIFIER.sub(lambda match: HIDDEN_NAME if letters in letters_only(match[0]) else match[0], text)
    return text
