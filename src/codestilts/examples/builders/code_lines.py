"""The lines of a function that are a whole statement, or the whole header of a block, in any language.

Lines are recognised by their tokens and tags alone, which are the same for all languages; whether a line is part of a
longer statement follows from the brackets around it and from the tokens at its ends.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from codestilts.examples.builders.mutations import Function

LEAST = 3  # tokens of a line, not counting brackets and delimiters, which some languages do without
MOST = 20  # tokens of a line; in each language of the pocket study, 92 to 99 % of the whole lines have no more
OPENING = {"(": ")", "[": "]", "{": "}", "${": "}", "#{": "}", "{|": "|}", "#[": "]", "#![": "]"}
CLOSING = set(OPENING.values())
ENDS = {";", "{", "}", ":"}  # after these, whatever follows on the next line is a new statement
POSTFIX = {"++", "--", "!", "!!", "?"}  # operators that a statement may end with
UNFINISHED = {",", ".", "\\", "=>"}  # other tokens that it cannot end with
OF_SIGNATURE = {"where", "throws"}  # they begin lines between the parameters and the body


@dataclass(frozen=True)
class Line:
    """The tokens from ``first`` to before ``last``, and their span in characters."""

    first: int
    last: int
    start: int
    end: int


def lines_of(function: Function) -> list[Line]:
    """Return the lines on which tokens begin."""
    firsts = [0]
    for index in range(1, len(function.tokens)):
        if "\n" in function.code[function.end(index - 1) : function.starts[index]]:
            firsts.append(index)
    lasts = [*firsts[1:], len(function.tokens)]
    return [
        Line(first, last, int(function.starts[first]), function.end(last - 1))
        for first, last in zip(firsts, lasts, strict=True)
    ]


def whole_lines(function: Function) -> list[Line]:
    """Return the lines after a function's signature that are whole and have ``LEAST`` to ``MOST`` tokens."""
    lines = lines_of(function)
    signature = _end_of_signature(function)
    found = []
    for number, (line, inside) in enumerate(zip(lines, _innermost(function, lines), strict=True)):
        before = lines[number - 1] if number else None
        after = lines[number + 1] if number + 1 < len(lines) else None
        if (
            before is not None
            and line.first > signature
            and inside in (None, "{")
            and _is_statement(function, line)
            and _is_closed(function, line)
            and not _goes_on(function, before, line)
            and not (after is not None and _goes_on(function, line, after))
        ):
            found.append(line)
    return found


def text_before(function: Function, line: Line) -> str:
    """Return the nearest line above with ``LEAST`` tokens that are no brackets or delimiters, or else the first."""
    above = [other for other in lines_of(function) if other.first < line.first]
    near = next((other for other in reversed(above) if _is_telling(function, other)), above[0])
    return function.code[near.start : near.end]


def _end_of_signature(function: Function) -> int:
    """The last token of the parameters, or the function's name if there are none."""
    name = next((index for index, tag in enumerate(function.tags) if tag == "FUNCTION"), 0)
    depth = 0
    for index in range(name + 1, len(function.tokens)):
        token = function.tokens[index]
        depth += (token == "(") - (token == ")")
        if depth == 0 and (token == ")" or token in ENDS):
            return index
    return name


def _innermost(function: Function, lines: list[Line]) -> Iterator[str | None]:
    """The innermost bracket that is open where each line begins."""
    stack: list[str] = []
    for line in lines:
        yield stack[-1] if stack else None
        for index in range(line.first, line.last):
            _update(stack, function.tokens[index])


def _update(stack: list[str], token: str) -> bool:
    """Add an opening bracket to the open ones, or remove the one that is closed; False if none is open."""
    if token in OPENING:
        stack.append(token)
    elif token in CLOSING:
        if not stack:
            return False
        stack.pop()
    return True


def _is_statement(function: Function, line: Line) -> bool:
    """Whether a line has a good length, and is neither for the preprocessor of C nor part of a signature."""
    first, short = function.tokens[line.first], line.last - line.first <= MOST
    good_length = short and _is_telling(function, line) and "\n" not in function.code[line.start : line.end]
    return good_length and first not in OF_SIGNATURE and not first.startswith("#")


def _is_telling(function: Function, line: Line) -> bool:
    tags = function.tags[line.first : line.last]
    return sum(tag not in ("BRACKET", "DELIMITER") for tag in tags) >= LEAST


def _is_closed(function: Function, line: Line) -> bool:
    """Whether a line closes no bracket of an earlier line, and opens at most one block."""
    stack: list[str] = []
    closed = all(_update(stack, token) for token in function.tokens[line.first : line.last])
    return closed and stack in ([], ["{"])


def _goes_on(function: Function, line: Line, after: Line) -> bool:
    """Whether the statement of a line goes on in the line after it."""
    last, first = function.tokens[line.last - 1], function.tokens[after.first]
    if last in ENDS:
        return last == ":" and "?" in function.tokens[line.first : line.last]  # a ? b : c
    unfinished = function.tags[line.last - 1] == "OPERATOR" and last not in POSTFIX
    continued = function.tags[after.first] in ("OPERATOR", "DELIMITER")
    return unfinished or last in UNFINISHED or continued or first in CLOSING - {"}"}
