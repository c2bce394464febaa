"""Universal syntactic tags and roles of tokens: every leaf of a syntax tree gets one of sixteen tags.

The rules are the same for all languages; only the table in ``languages.yaml`` differs. A name's tag depends on, in this
order: its position in the parent node (``slots``, passed down composite names by ``heads``), the region around it (a
type, an annotation), its own node type (``leaves``), and its text.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import NamedTuple

from tree_sitter import Node

from codestilts.examples.parsing.languages import Language

_NAMES = {"VARIABLE", "FIELD", "CALLEE", "TYPE", "LABEL"}
_REGION_TAGS = ("TYPE", "ANNOTATION")
_LINKS = {".", "->", "::", "?.", "&.", "?->"}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BRACKETS = _words("( ) [ ] { } ${ #{ {| |} #[ #![")
_DELIMITERS = _words(", ; : . :: -> => ?. &. ?-> ?::") | {"\\"}
_MODIFIERS = _words(
    """public private protected internal fileprivate open static final abstract virtual override sealed partial
    readonly async const constexpr consteval constinit volatile mutable register extern inline explicit friend unsafe
    fixed pub mut export declare accessor data suspend tailrec infix lateinit inner companion vararg noinline
    crossinline reified expect actual external weak unowned lazy mutating nonmutating convenience required dynamic
    optional inout indirect synchronized transient native strictfp restrict noexcept ref out params implicit
    transparent thread_local __inline __inline__ __restrict __restrict__ noreturn _Noreturn"""
)
_OPERATORS = _words(
    """and or not in is instanceof typeof sizeof alignof delete as as? as! !in !is xor void bitand bitor compl not_eq
    and_eq or_eq stackalloc nameof keyof"""
)
_TYPES = _words("unsigned signed long short int char float double bool boolean byte auto")
_RECEIVERS = _words("this self super base _")
_CONSTANTS = _words("true false null nil None True False NULL nullptr undefined")
_LOOPS = re.compile(r"for|comprehension|lambda")
_ANGLED = re.compile(r"arg|param|template|generic|type")


class Leaf(NamedTuple):
    """A token: its text, its bytes in the file, its tag, the type expression it belongs to (0: none).

    ``known`` is False if the node type is in no table, so the tag is a guess from the text.
    """

    text: str
    start: int
    end: int
    tag: str
    region: int
    known: bool


@dataclass
class Walk:
    """What a walk over a function notes besides its leaves.

    Attributes:
        opaque: Whether the function has text that the grammar does not parse.
        hollow: Whether it has a block that is empty without its documentation.
        comments: The bytes of comments and docstrings, in order.
    """

    opaque: bool = False
    hollow: bool = False
    comments: list[tuple[int, int]] = field(default_factory=list)


class _Parent(NamedTuple):
    """What a node's position in its parent depends on.

    Attributes:
        kind: The parent's node type.
        wanted: The tag for the last part of this composite name, or "".
        assigns: Whether the parent gives an anonymous function its name.
        children: The number of its named children, where a slot depends on it.
    """

    kind: str
    wanted: str
    assigns: bool
    children: int


class _Region(NamedTuple):
    """A type expression or annotation: its number in the walk, from 1 (0 for none), and its tag."""

    number: int
    tag: str


class _Context(NamedTuple):
    """What a leaf's tag depends on besides the leaf: the parent's type, the position's tag, the region's tag."""

    parent: str
    wanted: str
    region: str


@dataclass
class _Frame:
    """An open node of the walk, and the number of its named children seen so far."""

    parent: _Parent
    region: _Region
    index: int = 0


def tagged_leaves(root: Node, data: bytes, spec: Language, walk: Walk) -> Iterator[Leaf]:
    """Yield the tokens under ``root`` in order, without comments and docstrings; ``walk`` collects notes."""
    cursor = root.walk()
    frames = [_Frame(_Parent("", "", False, 0), _Region(0, ""))]
    regions = 0
    while True:
        node, frame = cursor.node, frames[-1]
        assert node is not None
        kind, named = node.type, node.is_named
        wanted = _slot_tag(frame.parent, cursor.field_name, named, frame.index, spec)
        is_comment = kind in spec.comments
        frame.index += named and not is_comment
        region = frame.region
        if not region.number and (tag := spec.regions.get(kind) or (wanted if wanted in _REGION_TAGS else "")):
            regions += 1
            region = _Region(regions, tag)
        if is_comment or (kind in spec.bare_strings and _is_docstring(node, spec)):
            walk.hollow |= not is_comment and _only_documentation(node.parent, spec)
            walk.comments.append((node.start_byte, node.end_byte))
        elif kind in spec.atoms or not node.child_count:
            walk.opaque |= kind in spec.opaque
            text = data[node.start_byte : node.end_byte].decode()
            if text and not text.isspace():
                tag, known = _tag(kind, text, named, _Context(frame.parent.kind, wanted, region.tag), spec)
                number = region.number if region.tag == "TYPE" else 0
                yield Leaf(text, node.start_byte, node.end_byte, tag, number, known)
        else:
            frames.append(_Frame(_describe(node, wanted, spec), region))
            cursor.goto_first_child()
            continue
        while not cursor.goto_next_sibling():
            cursor.goto_parent()
            frames.pop()
            if not frames:
                return


def _describe(node: Node, wanted: str, spec: Language) -> _Parent:
    """What the positions in a node depend on."""
    kind = node.type
    value = node.child_by_field_name(spec.assigned[kind]) if kind in spec.assigned else None
    assigns = value is not None and value.type in spec.anonymous
    count = sum(child.type not in spec.comments for child in node.named_children) if kind in spec.counted else 0
    return _Parent(kind, wanted, assigns, count)


def _is_docstring(node: Node, spec: Language) -> bool:
    """A statement that is nothing but a string."""
    children = [child.type for child in node.named_children] if node.type in spec.bare_strings else []
    return children in (["string"], ["concatenated_string"])


def _only_documentation(block: Node | None, spec: Language) -> bool:
    children = block.named_children if block is not None else []
    return all(child.type in spec.comments or _is_docstring(child, spec) for child in children)


@cache
def _slot_tag(parent: _Parent, field: str | None, named: bool, index: int, spec: Language) -> str:
    """The tag that a node's position in its parent requires, or ""."""
    if parent.assigns and field in ("left", "name", "key", "property"):
        return "FUNCTION"
    head = spec.heads.get(parent.kind)
    if head is not None and parent.wanted and (head == field or (named and head == f"#{index}")):
        return parent.wanted
    keys = [f"{parent.kind}.{field}", f"*.{field}"] if field is not None else []
    if named:
        keys += [f"{parent.kind}.#{index}/{parent.children}", f"{parent.kind}.#{index}", f"{parent.kind}.*"]
    return next((spec.slots[key] for key in keys if key in spec.slots), "")


@lru_cache(maxsize=1 << 16)
def _tag(kind: str, text: str, named: bool, context: _Context, spec: Language) -> tuple[str, bool]:
    """The tag of a token, and whether a rule names it."""
    parent, wanted, region = context
    known = spec.atoms.get(kind) or spec.leaves.get(kind)
    if not named and wanted == "FUNCTION" and text.isidentifier():  # a reserved word as a name: Swift's init
        return wanted, True
    if not named or (known is None and kind == text):
        return known or _tag_of_fixed_token(text, parent, region), True
    if text in _CONSTANTS and known in (None, "VARIABLE"):
        return "CONSTANT", True
    is_word = bool(text) and (text[0].isalpha() or text[0] in "_$@")
    if known in _NAMES or (known is None and is_word):
        if wanted in ("PARAMETER", "FUNCTION") and not region:
            return wanted, True
        if region or wanted:
            return region or wanted, True
    if known:
        return known, True
    return "VARIABLE" if is_word else _tag_of_fixed_token(text, parent, region), False


def _tag_of_fixed_token(text: str, parent: str, region: str) -> str:
    """The tag of a token that the grammar fixes: punctuation or a reserved word."""
    if region == "ANNOTATION" and text in ("@", "#", "[", "]", "[[", "]]"):
        return "ANNOTATION"
    if text in _BRACKETS or (text in ("<", ">") and _ANGLED.search(parent)):
        return "BRACKET"
    if text in _DELIMITERS:
        return "DELIMITER"
    if text in _CONSTANTS:
        return "CONSTANT"
    if text in _RECEIVERS:
        return "VARIABLE"
    if text == "in" and _LOOPS.search(parent):
        return "KEYWORD"
    if text in _OPERATORS:
        return "TYPE" if text == "void" and region else "OPERATOR"
    if text in _MODIFIERS:
        return "MODIFIER"
    if text in _TYPES:
        return "TYPE"
    return "KEYWORD" if text.lstrip("#@")[:1].isalpha() else "OPERATOR"


def _joins_names(text: str, tag: str) -> bool:
    """Whether a token joins two names; PHP's dot joins strings."""
    return text in _LINKS and tag == "DELIMITER"


def role_tags(tokens: Sequence[Leaf]) -> list[str]:
    """Return BIO tags of roles: spans of function names, parameters, callees (``a.b.f``) and whole type expressions."""
    roles = ["O"] * len(tokens)
    _tag_names(tokens, roles)
    start = 0
    while start < len(tokens):
        end = start + 1
        while tokens[start].region and end < len(tokens) and tokens[end].region == tokens[start].region:
            end += 1
        _tag_type(tokens, roles, start, end)
        start = end
    return roles


def _tag_names(tokens: Sequence[Leaf], roles: list[str]) -> None:
    """Tag function names, parameters and callees."""
    for index, token in enumerate(tokens):
        if token.tag == "FUNCTION":
            roles[index] = "B-FUNCTION_NAME"
        elif token.tag == "PARAMETER":
            roles[index] = "B-PARAMETER"
        elif token.tag == "CALLEE":
            first = index
            while (
                first >= 2
                and _joins_names(tokens[first - 1].text, tokens[first - 1].tag)
                and tokens[first - 2].tag in _NAMES
            ):
                first -= 2
            roles[first : index + 1] = ["B-CALLEE"] + ["I-CALLEE"] * (index - first)


def _tag_type(tokens: Sequence[Leaf], roles: list[str], first: int, end: int) -> None:
    """Tag a type expression, without the delimiters and keywords before it, unless it has another role."""
    while first < end and tokens[first].tag in ("DELIMITER", "KEYWORD"):
        first += 1
    has_type = any(token.tag == "TYPE" for token in tokens[first:end])
    if has_type and all(role == "O" for role in roles[first:end]):
        roles[first:end] = ["B-TYPE"] + ["I-TYPE"] * (end - first - 1)
