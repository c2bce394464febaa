"""Functions in a syntax tree: where they are, where their text starts, and the documentation that belongs to them."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from tree_sitter import Node

from codestilts.examples.parsing import docstrings
from codestilts.examples.parsing.languages import Language, parser

LINES = (3, 60)  # of a documented function
UNDOCUMENTED_LINES = (4, 40)
_TEST = re.compile(r"\btest\b")


class Definition(NamedTuple):
    """One function: its nodes (annotations first), the bytes between its start and its body, its documentation.

    ``doc`` is empty if there is none that tells something.
    """

    nodes: list[Node]
    signature: tuple[int, int]
    doc: docstrings.Doc
    lines: tuple[int, int]  # allowed lines of code, documentation not counted


def parse(data: bytes, spec: Language) -> tuple[bytes, Node]:
    """A source file as the grammar can read it, byte for byte in its place, and the root of its tree."""
    if spec.blanked:
        data = re.sub(spec.blanked.encode(), lambda match: match["keep"] + b" " * len(match["drop"]), data, flags=re.M)
    return data, parser(spec.name).parse(data).root_node


def find_definitions(root: Node, spec: Language, counts: Counter[str], alone: bool = False) -> Iterator[Definition]:
    """The functions under ``root`` in order; what is left out is counted by reason.

    Methods are functions; those inside another function only if that one is far too long to be of use. A function that
    stands ``alone`` may have lost its line breaks: it may be of any length up to the longest.
    """
    stack = [root]
    while stack:
        node = stack.pop()
        before = node.prev_sibling if node.type in spec.test_scopes else None
        if before is not None and before.type in spec.attached and _TEST.search(_text(before)):
            continue
        if not _is_function(node, spec):
            stack += reversed(node.named_children)
            continue
        inner = node if node.type in spec.functions else node.child_by_field_name(spec.assigned[node.type])
        body = _body(inner, spec)
        docstring = _docstring(body) if body is not None and spec.docs == "docstring" else None
        outer = _outer(node, spec)
        rows = _rows(outer) - (_rows(docstring) if docstring is not None else 0)
        if body is None:
            counts["no body"] += 1
        elif rows > 2 * LINES[1]:
            counts["too long"] += 1
            stack += reversed(node.named_children)
        elif rows < LINES[0] and not alone:
            counts["too short"] += 1
        elif outer.has_error:
            counts["parse error"] += 1
        elif (found := _definition(node, outer, body, docstring, spec)) and _is_test(found):
            counts["test"] += 1
        else:
            yield found._replace(lines=(1, found.lines[1])) if alone else found


def _is_test(found: Definition) -> bool:
    """Whether an annotation says so."""
    return any(_TEST.search(_text(part)) for part in found.nodes[:-1])


def _rows(node: Node) -> int:
    return node.end_point.row - node.start_point.row + 1


def _body(node: Node | None, spec: Language) -> Node | None:
    if node is None:
        return None
    last = node.named_children[-1] if node.named_children else None
    body = node.child_by_field_name("body")
    return body if body is not None else last if last is not None and last.type in spec.bodies else None


def _outer(node: Node, spec: Language) -> Node:
    """The outermost node that belongs to nothing but the function at ``node``: with its decorators, ``export``, ..."""
    parent = node.parent
    while parent is not None and parent.type in spec.wrappers:
        if sum(child.type == node.type for child in parent.named_children) > 1:
            break
        node, parent = parent, parent.parent
    return node


def _definition(node: Node, outer: Node, body: Node, docstring: Node | None, spec: Language) -> Definition:
    """The function at ``node`` with all that belongs to it; the comments right before it document it."""
    nodes, comments = [outer], list[Node]()
    after, before = outer, _before(outer, spec)
    while before is not None:
        if before.type in spec.attached and not comments:
            nodes.insert(0, before)
        elif before.type in spec.comments and _documents(before, after, comments, spec):
            comments.insert(0, before)
        else:
            break
        after, before = before, before.prev_sibling
    if docstring is not None:
        raw = "".join(_text(part) for part in docstring.named_children if part.type == "string_content")
    else:
        raw = "\n".join(_text(comment) for comment in comments)
    doc = _usable(docstrings.parse(raw, spec.name)) if raw else docstrings.Doc()
    return Definition(nodes, (node.start_byte, body.start_byte), doc, LINES if doc else UNDOCUMENTED_LINES)


def attach_documentation(found: Definition, raw: str, spec: Language) -> Definition:
    """A function that stands alone, with documentation from elsewhere: a comment, or just its text."""
    marked = isinstance(spec.docs, tuple) and raw.lstrip().startswith(spec.docs)
    doc = _usable(docstrings.parse(raw, spec.name, bare=not marked))
    return found._replace(doc=doc, lines=(1, LINES[1])) if doc else found


def _usable(doc: docstrings.Doc) -> docstrings.Doc:
    """The documentation, without its description if that tells nothing."""
    return doc if docstrings.is_usable(doc.text) else docstrings.Doc(params=doc.params)


def _is_function(node: Node, spec: Language) -> bool:
    if node.type in spec.functions:
        return True
    value = node.child_by_field_name(spec.assigned[node.type]) if node.type in spec.assigned else None
    return value is not None and value.type in spec.anonymous


def _before(node: Node, spec: Language) -> Node | None:
    """What stands before a node: its sibling, or that of a block which begins with it."""
    before, parent = node.prev_sibling, node.parent
    return parent.prev_sibling if before is None and parent is not None and parent.type in spec.blocks else before


def _documents(comment: Node, after: Node, comments: list[Node], spec: Language) -> bool:
    """Whether ``comment`` belongs to the documentation of what follows: one block, or a run of line comments."""
    text = _text(comment)
    block, marked = text.startswith("/*"), text.startswith(spec.docs)
    gap = after.start_point.row - comment.end_point.row + text.endswith("\n")
    before = comment.prev_sibling
    alone = before is None or before.end_point.row < comment.start_point.row or before.type in spec.comments
    return marked and alone and gap <= 1 + block and not (comments and (block or _text(comments[0]).startswith("/*")))


def _docstring(body: Node) -> Node | None:
    """The string that opens a function's body."""
    first = next((child for child in body.named_children if child.type != "comment"), None)
    if first is None or first.type != "expression_statement" or first.named_children[0].type != "string":
        return None
    return first.named_children[0]


def _text(node: Node) -> str:
    return (node.text or b"").decode()
