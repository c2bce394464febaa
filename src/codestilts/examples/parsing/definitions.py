"""Find functions in a syntax tree, with the start of their text and the documentation that belongs to them."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from tree_sitter import Node

from codestilts.examples.parsing import docstrings
from codestilts.examples.parsing.languages import Language, language, parser

# Lines of a documented and of an undocumented function. CodeSearchNet drops functions of fewer than three lines (Husain
# et al. 2019, arXiv 1909.09436, section 2). The other limits are this project's: see function_filter.
LINES = (3, 60)
UNDOCUMENTED_LINES = (4, 40)
_TEST = re.compile(r"\btest\b")


class Definition(NamedTuple):
    """A function in a syntax tree.

    Attributes:
        nodes: Its nodes, annotations first.
        signature: The bytes between its start and its body.
        doc: Its documentation, empty if it has none that describes something.
        lines: The least and most lines of code that it may have, not counting documentation.
    """

    nodes: list[Node]
    signature: tuple[int, int]
    doc: docstrings.Doc
    lines: tuple[int, int]


def parse(data: bytes, spec: Language) -> tuple[bytes, Node]:
    """Parse a source file.

    Returns:
        The source as the grammar can read it (offsets unchanged), and the root of its tree.
    """
    if spec.blanked:
        data = re.sub(spec.blanked.encode(), lambda match: match["keep"] + b" " * len(match["drop"]), data, flags=re.M)
    return data, parser(spec.name).parse(data).root_node


def parses(code: str, name: str) -> bool:
    """Whether code parses by itself or in one of the contexts of its language."""
    spec = language(name)
    # Without the opening tag, PHP's grammar reads code as plain text, in which there are no errors.
    first = "<?php\n{}" if name == "php" and "<?" not in code else "{}"
    return any(not parse(context.replace("{}", code).encode(), spec)[1].has_error for context in (first, *spec.alone))


def find_definitions(root: Node, spec: Language, counts: Counter[str], alone: bool = False) -> Iterator[Definition]:
    """Yield the functions under ``root`` in order.

    Methods are functions. Functions inside another function are found only if that one is far too long to be used.

    Args:
        root: The root of a tree.
        spec: The language.
        counts: Counts the functions that are skipped, by reason.
        alone: Whether the function stands alone. It may have lost its line breaks, so no number of lines is too few.
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
        lines = _line_count(outer) - (_line_count(docstring) if docstring is not None else 0)
        if body is None:
            counts["no body"] += 1
        elif lines > 2 * LINES[1]:  # comments, which don't count, may be half of it
            counts["too long"] += 1
            stack += reversed(node.named_children)
        elif lines < LINES[0] and not alone:
            counts["too short"] += 1
        elif outer.has_error:
            counts["parse error"] += 1
        elif _is_test(definition := _definition(node, outer, body, docstring, spec)):
            counts["test"] += 1
        else:
            yield definition._replace(lines=(1, definition.lines[1])) if alone else definition


def _is_test(definition: Definition) -> bool:
    """Whether an annotation marks a test."""
    return any(_TEST.search(_text(annotation)) for annotation in definition.nodes[:-1])


def _line_count(node: Node) -> int:
    return node.end_point.row - node.start_point.row + 1


def _body(node: Node | None, spec: Language) -> Node | None:
    if node is None:
        return None
    last = node.named_children[-1] if node.named_children else None
    body = node.child_by_field_name("body")
    return body if body is not None else last if last is not None and last.type in spec.bodies else None


def _outer(node: Node, spec: Language) -> Node:
    """The outermost node that contains only the function at ``node``: with its decorators, ``export``, ..."""
    parent = node.parent
    while parent is not None and parent.type in spec.wrappers:
        if sum(child.type == node.type for child in parent.named_children) > 1:
            break
        node, parent = parent, parent.parent
    return node


def _definition(node: Node, outer: Node, body: Node, docstring: Node | None, spec: Language) -> Definition:
    """The function at ``node`` with its annotations; the comments right before it are its documentation."""
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
        raw = "\n".join(_text(comment).rstrip("\r\n") for comment in comments)  # Rust's grammar includes line ends
    doc = _without_useless_text(docstrings.parse(raw, spec.name)) if raw else docstrings.Doc()
    return Definition(nodes, (node.start_byte, body.start_byte), doc, LINES if doc else UNDOCUMENTED_LINES)


def attach_documentation(definition: Definition, raw: str, spec: Language) -> Definition:
    """Give a function that stands alone its documentation from elsewhere: a comment, or the text of one."""
    has_marks = isinstance(spec.docs, tuple) and raw.lstrip().startswith(spec.docs)
    doc = _without_useless_text(docstrings.parse(raw, spec.name, has_marks=has_marks))
    return definition._replace(doc=doc, lines=(1, LINES[1])) if doc else definition


def _without_useless_text(doc: docstrings.Doc) -> docstrings.Doc:
    """The documentation, without its description if that is not usable."""
    return doc if docstrings.is_usable(doc.text) else docstrings.Doc(params=doc.params)


def _is_function(node: Node, spec: Language) -> bool:
    if node.type in spec.functions:
        return True
    value = node.child_by_field_name(spec.assigned[node.type]) if node.type in spec.assigned else None
    return value is not None and value.type in spec.anonymous


def _before(node: Node, spec: Language) -> Node | None:
    """The node before another: its sibling, or that of a block which begins with it."""
    before, parent = node.prev_sibling, node.parent
    return parent.prev_sibling if before is None and parent is not None and parent.type in spec.blocks else before


def _documents(comment: Node, after: Node, comments: list[Node], spec: Language) -> bool:
    """Whether ``comment`` belongs to the documentation of ``after``: one block, or consecutive line comments."""
    text = _text(comment)
    block, marked = text.startswith("/*"), text.startswith(spec.docs)
    gap = after.start_point.row - comment.end_point.row + text.endswith("\n")
    before = comment.prev_sibling
    alone = before is None or before.end_point.row < comment.start_point.row or before.type in spec.comments
    return marked and alone and gap <= 1 + block and not (comments and (block or _text(comments[0]).startswith("/*")))


def _docstring(body: Node) -> Node | None:
    """The string that begins a function's body."""
    first = next((child for child in body.named_children if child.type != "comment"), None)
    if first is None or first.type != "expression_statement" or first.named_children[0].type != "string":
        return None
    return first.named_children[0]


def _text(node: Node) -> str:
    return (node.text or b"").decode()
