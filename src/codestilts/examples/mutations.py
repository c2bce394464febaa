"""Operators and bugs in a token sequence, alike in every language: the cloze and the defect task.

A function is given by its code and its tokens; an edit replaces one stretch of the code and leaves every other
character as it is.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from codestilts.errors import CodeStiltsError

# The spellings of one operator in all languages, by its label.
OPERATORS = {
    "==": "==", "===": "==", "!=": "!=", "!==": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">=",
    "+": "+", "-": "-", "*": "*", "/": "/", "%": "%", "and": "and", "&&": "and", "or": "or", "||": "or",
}  # fmt: skip
# What a wrong operator is taken for: one of the same kind, so that the code still parses.
WRONG = {
    "==": ["!="], "===": ["!=="], "!=": ["=="], "!==": ["==="], "<": [">", ">="], "<=": [">=", ">"],
    ">": ["<", "<="], ">=": ["<=", "<"], "+": ["-", "*"], "-": ["+", "*"], "*": ["+", "/"], "/": ["*", "-"],
    "%": ["/", "*"], "and": ["or"], "or": ["and"], "&&": ["||"], "||": ["&&"],
}  # fmt: skip
OFF_BY_ONE = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
OPERANDS = {"VARIABLE", "PARAMETER", "FIELD", "NUMBER", "STRING", "CONSTANT"}  # tags of what a value may end with
OBJECTS = {"self", "cls", "this", "super"}  # read everywhere, never taken for another variable
LONGEST_SWAP = 60  # characters of two arguments that are swapped
_INTEGER = re.compile(r"0|[1-9]\d{0,5}")


@dataclass(frozen=True)
class Edit:
    """Replace ``code[start:end]`` by ``text``."""

    start: int
    end: int
    text: str

    @property
    def growth(self) -> int:
        """How many characters longer it makes the code."""
        return len(self.text) - (self.end - self.start)

    def apply(self, code: str) -> str:
        """The edited code."""
        return code[: self.start] + self.text + code[self.end :]


@dataclass(frozen=True)
class Function:
    """Code and its tokens: ``starts`` are character offsets in ``code``, ``tags`` the universal syntactic tags."""

    code: str
    tokens: Sequence[str]
    starts: Sequence[int]
    tags: Sequence[str]

    def end(self, index: int) -> int:
        """Where a token ends (characters)."""
        return int(self.starts[index]) + len(self.tokens[index])

    def span(self, first: int, length: int) -> tuple[int, int]:
        """The characters (start, end) of ``length`` tokens from the token ``first`` on, or of all there are."""
        return int(self.starts[first]), self.end(min(first + length, len(self.tokens)) - 1)

    def replace(self, index: int, text: str) -> Edit:
        """The edit that puts ``text`` in the place of one token."""
        return Edit(int(self.starts[index]), self.end(index), text)


def operator_label(token: str) -> str:
    """The label of an operator; one outside the declared set is an error."""
    if token not in OPERATORS:
        raise CodeStiltsError(f"operator {token!r} is not declared: use one of {', '.join(OPERATORS)}")
    return OPERATORS[token]


def binary_operators(function: Function) -> list[int]:
    """Positions of the declared operators that stand after an operand (so no sign, pointer or splat)."""
    tokens, tags = function.tokens, function.tags
    return [
        index
        for index in range(1, len(tokens) - 1)
        if tokens[index] in OPERATORS
        and tags[index] == "OPERATOR"
        and (tags[index - 1] in OPERANDS or tokens[index - 1] in (")", "]"))
        and tokens[index + 1] not in (")", ",", "=")
    ]


def wrong_operator(function: Function) -> list[Edit]:
    """``a < b`` -> ``a > b``."""
    found = binary_operators(function)
    return [function.replace(index, wrong) for index in found for wrong in WRONG[function.tokens[index]]]


def off_by_one(function: Function) -> list[Edit]:
    """``i < n`` -> ``i <= n``, ``n - 1`` -> ``n - 2``, ``0`` -> ``1``."""
    tokens = function.tokens
    bounds = [index for index in binary_operators(function) if tokens[index] in OFF_BY_ONE]
    edits = [function.replace(index, OFF_BY_ONE[tokens[index]]) for index in bounds]
    for index, token in enumerate(tokens):
        if _INTEGER.fullmatch(token):
            edits += [function.replace(index, str(int(token) + step)) for step in (-1, 1) if int(token) + step >= 0]
    return edits


def dropped_negation(function: Function) -> list[Edit]:
    """``not x`` -> ``x``, ``!x`` -> ``x``, ``x is not y`` -> ``x is y``."""
    return [
        Edit(int(function.starts[index]), int(function.starts[index + 1]), "")
        for index in range(len(function.tokens) - 1)
        if function.tokens[index] in ("not", "!") and function.tags[index] == "OPERATOR"
    ]


def arguments(tokens: Sequence[str], opening: int) -> list[tuple[int, int]]:
    """First and last token of each argument between a parenthesis and its partner; empty if one is missing."""
    depth, first, spans = 0, opening + 1, []
    for index in range(opening, len(tokens)):
        depth += (tokens[index] in ("(", "[", "{")) - (tokens[index] in (")", "]", "}"))
        if depth == 0 or (depth == 1 and tokens[index] == ","):
            spans.append((first, index - 1))
            first = index + 1
        if depth == 0:
            return [] if any(last < start for start, last in spans) else spans
    return []


def swapped_arguments(function: Function) -> list[Edit]:
    """``f(a, b)`` -> ``f(b, a)``: two neighbouring arguments of a call, without keyword or spread arguments."""
    edits = []
    for opening in range(1, len(function.tokens)):
        if function.tokens[opening] != "(" or function.tags[opening - 1] not in ("CALLEE", "TYPE"):
            continue
        spans = arguments(function.tokens, opening)
        for (a, b), (c, d) in pairwise(spans):
            start, end = int(function.starts[a]), function.end(d)
            one = function.code[start : function.end(b)]
            between = function.code[function.end(b) : function.starts[c]]
            two = function.code[function.starts[c] : end]
            plain = "LABEL" not in function.tags[a : d + 1] and not {one[0], two[0]} & set("*.&")
            if plain and one != two and len(one) + len(two) <= LONGEST_SWAP:
                edits.append(Edit(start, end, two + between + one))
    return edits


def misused_variable(function: Function) -> list[Edit]:
    """``a + b`` -> ``a + a``: where a known variable is read, another parameter or variable read before."""
    tokens, tags = function.tokens, function.tags
    known = {token for token, tag in zip(tokens, tags, strict=True) if tag == "PARAMETER"} - OBJECTS
    edits = []
    for index in range(1, len(tokens) - 1):
        read = tags[index] == "VARIABLE" and tokens[index] not in OBJECTS and tokens[index + 1] not in ("=", ":=", "(")
        if read and tokens[index] in known:
            edits += [function.replace(index, other) for other in sorted(known - {tokens[index]})]
        if tags[index] == "VARIABLE" and tokens[index] not in OBJECTS and tokens[index + 1] == "=":
            known.add(tokens[index])
    return edits


KINDS: dict[str, Callable[[Function], list[Edit]]] = {
    "wrong operator": wrong_operator,
    "swapped arguments": swapped_arguments,
    "misused variable": misused_variable,
    "off by one": off_by_one,
    "dropped negation": dropped_negation,
}


def edits_of(function: Function, kind: str, start: int, end: int) -> list[Edit]:
    """The possible bugs of one kind within the characters from ``start`` to ``end`` of the code."""
    if kind not in KINDS:
        raise CodeStiltsError(f"bug kind {kind!r} is unknown: use one of {', '.join(KINDS)}")
    return [edit for edit in KINDS[kind](function) if start <= edit.start and edit.end <= end]
