"""Operators and bugs in a token sequence, the same in every language, for the cloze, defect and bugs tasks.

A function is given by its code and its tokens; an edit replaces one span of the code and leaves every other character
unchanged. The first kinds of bugs are those of learned bug detectors: swapped arguments, wrong operators and operands
of DeepBugs (Pradel and Sen 2018, arXiv 1805.11683), misused variables of Allamanis et al. 2018 (arXiv 1711.00740). The
others are those of HumanEvalFix (Muennighoff et al. 2023, arXiv 2308.07124).
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
# The operators that replace an operator: of the same kind, so that the code still parses.
WRONG = {
    "==": ["!="], "===": ["!=="], "!=": ["=="], "!==": ["==="], "<": [">", ">="], "<=": [">=", ">"],
    ">": ["<", "<="], ">=": ["<=", "<"], "+": ["-", "*"], "-": ["+", "*"], "*": ["+", "/"], "/": ["*", "-"],
    "%": ["/", "*"], "and": ["or"], "or": ["and"], "&&": ["||"], "||": ["&&"],
}  # fmt: skip
OFF_BY_ONE = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}
OPERANDS = {"VARIABLE", "PARAMETER", "FIELD", "NUMBER", "STRING", "CONSTANT"}  # tags of tokens that may end a value
OBJECTS = {"self", "cls", "this", "super"}  # read everywhere, never replaced or used as a replacement
MAX_ATTEMPTS = 5  # draws of a bug with which the function still parses
MAX_SWAP = 60  # characters of two arguments that are swapped; 97 % of adjacent arguments are within it (pocket study)
AUGMENTED = {"+=", "-=", "*=", "/=", "//=", "%=", "|=", "&="}
OPPOSITE = {"True": "False", "False": "True", "true": "false", "false": "true"}
CLOSING = {")", "]", "}", ",", ":", ";"}  # tokens that may follow a whole expression
OPENING = {"(", "[", ",", "=", "return", *OPERATORS}  # tokens that may precede one
UNWRAPPED = {"abs", "sorted", "reversed", "set", "list", "tuple", "int", "float", "str", "round", "len"}
# Functions that are mistaken for one another: those of a group have similar arguments and results.
CONFUSABLE = (
    "min max sum", "any all", "floor ceil round", "startswith endswith", "startsWith endsWith", "lower upper title",
    "toLowerCase toUpperCase", "strip lstrip rstrip", "append extend", "push unshift", "pop shift", "keys values items",
    "find rfind index", "indexOf lastIndexOf", "isalpha isdigit isalnum", "isupper islower", "union intersection",
    "sorted reversed", "int float", "add discard", "filter map", "some every", "head tail", "first last",
)  # fmt: skip
_INTEGER = re.compile(r"0|[1-9]\d{0,5}")


@dataclass(frozen=True)
class Edit:
    """Replace ``code[start:end]`` by ``text``."""

    start: int
    end: int
    text: str

    @property
    def growth(self) -> int:
        """By how many characters the edit lengthens the code."""
        return len(self.text) - (self.end - self.start)

    def apply(self, code: str) -> str:
        """Return the edited code."""
        return code[: self.start] + self.text + code[self.end :]


@dataclass(frozen=True)
class Function:
    """Code and its tokens: ``starts`` are character offsets in ``code``, ``tags`` the universal syntactic tags."""

    code: str
    tokens: Sequence[str]
    starts: Sequence[int]
    tags: Sequence[str]

    def end(self, index: int) -> int:
        """Return the end of a token in characters."""
        return int(self.starts[index]) + len(self.tokens[index])

    def span(self, first: int, length: int) -> tuple[int, int]:
        """Return the span in characters of ``length`` tokens from ``first`` on, or of as many as there are."""
        return int(self.starts[first]), self.end(min(first + length, len(self.tokens)) - 1)

    def replace(self, index: int, text: str) -> Edit:
        """Return the edit that replaces one token by ``text``."""
        return Edit(int(self.starts[index]), self.end(index), text)


def operator_label(token: str) -> str:
    """Return the label of an operator.

    Raises:
        CodeStiltsError: The operator is not one of ``OPERATORS``.
    """
    if token not in OPERATORS:
        raise CodeStiltsError(f"operator {token!r} is not declared: use one of {', '.join(OPERATORS)}")
    return OPERATORS[token]


def _ends_value(function: Function, index: int) -> bool:
    """Whether a value may end with this token."""
    return function.tags[index] in OPERANDS or function.tokens[index] in (")", "]")


def binary_operators(function: Function) -> list[int]:
    """Return the indices of operators that follow an operand (no sign, pointer or splat)."""
    tokens, tags = function.tokens, function.tags
    return [
        index
        for index in range(1, len(tokens) - 1)
        if tokens[index] in OPERATORS
        and tags[index] == "OPERATOR"
        and _ends_value(function, index - 1)
        and tokens[index + 1] not in (")", ",", "=")
    ]


def wrong_operator(function: Function) -> list[Edit]:
    """``a < b`` -> ``a > b``."""
    return [
        function.replace(index, wrong)
        for index in binary_operators(function)
        for wrong in WRONG[function.tokens[index]]
    ]


def off_by_one(function: Function) -> list[Edit]:
    """``i < n`` -> ``i <= n``, ``n - 1`` -> ``n - 2``, ``0`` -> ``1``."""
    tokens = function.tokens
    bounds = [index for index in binary_operators(function) if tokens[index] in OFF_BY_ONE]
    return [function.replace(index, OFF_BY_ONE[tokens[index]]) for index in bounds] + other_numbers(function)


def other_numbers(function: Function) -> list[Edit]:
    """``1`` -> ``0``, ``1`` -> ``2``."""
    return [
        function.replace(index, str(int(token) + step))
        for index, token in enumerate(function.tokens)
        if _INTEGER.fullmatch(token)
        for step in (-1, 1)
        if int(token) + step >= 0
    ]


def dropped_negation(function: Function) -> list[Edit]:
    """``not x`` -> ``x``, ``!x`` -> ``x``, ``x is not y`` -> ``x is y``; ``x!`` of Swift and TypeScript is none."""
    tokens, tags = function.tokens, function.tags
    return [
        Edit(int(function.starts[index]), int(function.starts[index + 1]), "")
        for index in range(1, len(tokens) - 1)
        if tags[index] == "OPERATOR"
        and (tokens[index] == "not" or (tokens[index] == "!" and not _ends_value(function, index - 1)))
    ]


def argument_spans(tokens: Sequence[str], opening: int) -> list[tuple[int, int]]:
    """Return the first and last token of each argument after an opening parenthesis; nothing if one is missing."""
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
    """``f(a, b)`` -> ``f(b, a)``: two adjacent arguments of a call that are neither keyword nor spread arguments."""
    edits = []
    for opening in range(1, len(function.tokens)):
        if function.tokens[opening] != "(" or function.tags[opening - 1] not in ("CALLEE", "TYPE"):
            continue
        for (first, first_end), (second, second_end) in pairwise(argument_spans(function.tokens, opening)):
            start, end = int(function.starts[first]), function.end(second_end)
            one = function.code[start : function.end(first_end)]
            between = function.code[function.end(first_end) : function.starts[second]]
            two = function.code[function.starts[second] : end]
            positional = "LABEL" not in function.tags[first : second_end + 1] and not {one[0], two[0]} & set("*.&")
            if positional and one != two and len(one) + len(two) <= MAX_SWAP:
                edits.append(Edit(start, end, two + between + one))
    return edits


def misused_variable(function: Function) -> list[Edit]:
    """``a + b`` -> ``a + a``: a variable that is read becomes another parameter or variable assigned before."""
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


def misused_value(function: Function) -> list[Edit]:
    """``1`` -> ``0``, ``True`` -> ``False``, a string -> another string of the function."""
    texts = sorted({token for token, tag in zip(function.tokens, function.tags, strict=True) if tag == "STRING"})
    edits = other_numbers(function)
    for index, token in enumerate(function.tokens):
        if token in OPPOSITE and function.tags[index] == "CONSTANT":
            edits.append(function.replace(index, OPPOSITE[token]))
        if function.tags[index] == "STRING":
            edits += [function.replace(index, text) for text in texts if text != token]
    return edits


def misused_function(function: Function) -> list[Edit]:
    """``min(a)`` -> ``max(a)``: see ``CONFUSABLE``."""
    groups = [group.split() for group in CONFUSABLE]
    return [
        function.replace(index, other)
        for index, token in enumerate(function.tokens)
        if function.tags[index] == "CALLEE"
        for group in groups
        if token in group
        for other in group
        if other != token
    ]


def _updates(function: Function) -> list[tuple[int, int]]:
    """The spans of lines, each with the line feed before it, that update a variable: ``total += x``."""
    spans = []
    for index, token in enumerate(function.tokens):
        if token in AUGMENTED:
            start = function.code.rfind("\n", 0, int(function.starts[index]))
            end = function.code.find("\n", function.end(index))
            spans.append((start, end if end >= 0 else len(function.code)))
    return [(start, end) for start, end in spans if start >= 0]


def _closes(function: Function, index: int) -> bool:
    """Whether an expression may end with this token: a closing token or a new line follows."""
    if index + 1 == len(function.tokens):
        return True
    gap = function.code[function.end(index) : function.starts[index + 1]]
    return function.tokens[index + 1] in CLOSING or "\n" in gap


def missing_logic(function: Function) -> list[Edit]:
    """``not x`` -> ``x``, ``a + b`` -> ``a``, ``abs(x)`` -> ``x``, or remove a line that updates a variable."""
    tokens = function.tokens
    edits = dropped_negation(function) + [Edit(start, end, "") for start, end in _updates(function)]
    for index in binary_operators(function):
        if function.tags[index + 1] in OPERANDS and _closes(function, index + 1):
            edits.append(Edit(function.end(index - 1), function.end(index + 1), ""))
    for index in range(1, len(tokens) - 1):
        if tokens[index] in UNWRAPPED and tokens[index - 1] != "." and tokens[index + 1] == "(":
            spans = argument_spans(tokens, index + 1)
            if len(spans) == 1:
                (first, last), start = spans[0], int(function.starts[index])
                inner = function.code[function.starts[first] : function.end(last)]
                edits.append(Edit(start, function.end(last + 1), inner))
    return edits


def excess_logic(function: Function) -> list[Edit]:
    """``x`` -> ``x + 1``, ``if x`` -> ``if not x``, or repeat a line that updates a variable."""
    tokens, code = function.tokens, function.code
    edits = [Edit(end, end, code[start:end]) for start, end in _updates(function)]
    for index in range(1, len(tokens)):
        end = function.end(index)
        whole = tokens[index - 1] in OPENING and _closes(function, index)
        if whole and function.tags[index] == "VARIABLE" and tokens[index] not in OBJECTS:
            edits += [Edit(end, end, more) for more in (" + 1", " - 1")]
        if tokens[index - 1] in ("if", "elif", "while") and tokens[index] != "not":
            start = int(function.starts[index])
            edits.append(Edit(start, start, "not "))
    return edits


KINDS: dict[str, Callable[[Function], list[Edit]]] = {
    "wrong operator": wrong_operator,
    "swapped arguments": swapped_arguments,
    "misused variable": misused_variable,
    "off by one": off_by_one,
    "dropped negation": dropped_negation,
    # HumanEvalFix (Muennighoff et al. 2023, arXiv 2308.07124)
    "value misuse": misused_value,
    "missing logic": missing_logic,
    "excess logic": excess_logic,
    "operator misuse": wrong_operator,
    "variable misuse": misused_variable,
    "function misuse": misused_function,
}


def edits_of(function: Function, kind: str, start: int, end: int) -> list[Edit]:
    """Return the possible bugs of one kind within the characters from ``start`` to ``end`` of the code.

    Raises:
        CodeStiltsError: The kind is unknown.
    """
    if kind not in KINDS:
        raise CodeStiltsError(f"bug kind {kind!r} is unknown: use one of {', '.join(KINDS)}")
    return [edit for edit in KINDS[kind](function) if start <= edit.start and edit.end <= end]
