"""Universal syntactic tags and role spans: every tree leaf of every language gets one of sixteen tags.

The rules are the same for all languages; only the table in ``languages.yaml`` differs. A name's tag is decided by,
in this order: the place it stands in (``slots``, carried down composite names by ``heads``), the region around it
(a type, an annotation), its own node type (``leaves``), and at last its text.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import NamedTuple

from tree_sitter import Node

from codestilts.examples.parsing.languages import Language

TAGS = ("KEYWORD", "MODIFIER", "TYPE", "FUNCTION", "PARAMETER", "VARIABLE", "CALLEE", "FIELD", "LABEL", "OPERATOR",
        "NUMBER", "STRING", "CONSTANT", "BRACKET", "DELIMITER", "ANNOTATION")  # fmt: skip
ROLES = ("FUNCTION_NAME", "PARAMETER", "CALLEE", "TYPE")

_NAMES = {"VARIABLE", "FIELD", "CALLEE", "TYPE", "LABEL"}
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
    """One token: its text, its bytes in the file, its tag, and the type or annotation region it stands in (0: none)."""

    text: str
    start: int
    end: int
    tag: str
    region: int
    known: bool  # False: the node type is in no table, the tag is a guess from the text


@dataclass
class Walk:
    """What a walk over a function found besides its leaves."""

    opaque: bool = False  # holds text the grammar leaves unparsed
    hollow: bool = False  # a block that is empty without its documentation
    comments: list[tuple[int, int]] = field(default_factory=list)  # the bytes of comments and docstrings, in order


class _Frame(NamedTuple):
    """An open node of the walk."""

    kind: str
    wanted: str  # tag that the last part of this composite name gets
    region: int
    region_tag: str
    assigns: bool  # gives an anonymous function its name
    children: int  # named ones, where a slot asks for it


def tagged_leaves(root: Node, data: bytes, spec: Language, walk: Walk) -> Iterator[Leaf]:
    """The tokens under ``root`` in order, without comments and docstrings; notes go into ``walk``."""
    cursor = root.walk()
    frames = [_Frame("", "", 0, "", False, 0)]
    places = [0]  # named children seen so far, per frame
    regions = 0
    while True:
        node, frame = cursor.node, frames[-1]
        assert node is not None
        kind, named = node.type, node.is_named
        region, region_tag = frame.region, frame.region_tag
        wanted = _place(
            frame.kind, frame.wanted, frame.assigns, frame.children, cursor.field_name, named, places[-1], spec
        )
        comment = kind in spec.comments
        places[-1] += named and not comment
        if not region and (tag := spec.regions.get(kind) or (wanted if wanted in ("TYPE", "ANNOTATION") else "")):
            regions += 1
            region, region_tag = regions, tag
        if comment or (kind in spec.bare_strings and _is_docstring(node, spec)):
            walk.hollow |= not comment and _only_documentation(node.parent, spec)
            walk.comments.append((node.start_byte, node.end_byte))
        elif kind in spec.atoms or not node.child_count:
            walk.opaque |= kind in spec.opaque
            start, end = node.start_byte, node.end_byte
            text = data[start:end].decode()
            if text and not text.isspace():
                tag, known = _tag(kind, text, named, frame.kind, wanted, region_tag, spec)
                yield Leaf(text, start, end, tag, region if region_tag == "TYPE" else 0, known)
        else:
            value = node.child_by_field_name(spec.assigned[kind]) if kind in spec.assigned else None
            assigns = value is not None and value.type in spec.anonymous
            count = sum(child.type not in spec.comments for child in node.named_children) if kind in spec.counted else 0
            frames.append(_Frame(kind, wanted, region, region_tag, assigns, count))
            places.append(0)
            cursor.goto_first_child()
            continue
        while not cursor.goto_next_sibling():
            cursor.goto_parent()
            frames.pop()
            places.pop()
            if not frames:
                return


def _is_docstring(node: Node, spec: Language) -> bool:
    """A statement that is nothing but a string."""
    children = [child.type for child in node.named_children] if node.type in spec.bare_strings else []
    return children in (["string"], ["concatenated_string"])


def _only_documentation(block: Node | None, spec: Language) -> bool:
    children = block.named_children if block is not None else []
    return all(child.type in spec.comments or _is_docstring(child, spec) for child in children)


@cache
def _place(
    parent: str,
    inherited: str,
    assigns: bool,
    count: int,
    field: str | None,
    named: bool,
    place: int,
    spec: Language,
) -> str:
    """The tag that a node's place in its parent asks for, or ""."""
    if assigns and field in ("left", "name", "key", "property"):
        return "FUNCTION"
    head = spec.heads.get(parent)
    if head is not None and inherited and (head == field or (named and head == f"#{place}")):
        return inherited
    keys = [f"{parent}.{field}", f"*.{field}"] if field is not None else []
    keys += [f"{parent}.#{place}/{count}", f"{parent}.#{place}", f"{parent}.*"] if named else []
    return next((spec.slots[key] for key in keys if key in spec.slots), "")


@lru_cache(maxsize=1 << 16)
def _tag(kind: str, text: str, named: bool, parent: str, wanted: str, region: str, spec: Language) -> tuple[str, bool]:
    """The tag of a token, and whether a rule names it."""
    known = spec.atoms.get(kind) or spec.leaves.get(kind)
    if not named and wanted == "FUNCTION" and text.isidentifier():  # a reserved word as a name: Swift's init
        return wanted, True
    if not named or (known is None and kind == text):
        return known or _by_text(text, parent, region), True
    if text in _CONSTANTS and known in (None, "VARIABLE"):
        return "CONSTANT", True
    word = bool(text) and (text[0].isalpha() or text[0] in "_$@")
    if known in _NAMES or (known is None and word):
        if wanted in ("PARAMETER", "FUNCTION") and not region:
            return wanted, True
        if region or wanted:
            return region or wanted, True
    if known:
        return known, True
    return "VARIABLE" if word else _by_text(text, parent, region), False


def _by_text(text: str, parent: str, region: str) -> str:
    """The tag of a fixed token of the grammar: punctuation or a reserved word."""
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


def _links(text: str, tag: str) -> bool:
    """Whether a token joins two names; PHP's dot joins texts."""
    return text in _LINKS and tag == "DELIMITER"


def role_tags(tokens: Sequence[Leaf]) -> list[str]:
    """BIO roles of tokens: spans of function names, parameters, callees (``a.b.f``) and whole type expressions."""
    texts, tags = [leaf.text for leaf in tokens], [leaf.tag for leaf in tokens]
    result = ["O"] * len(tags)
    for place, tag in enumerate(tags):
        if tag in ("FUNCTION", "PARAMETER"):
            result[place] = "B-FUNCTION_NAME" if tag == "FUNCTION" else "B-PARAMETER"
        elif tag == "CALLEE":
            first = place
            while first >= 2 and _links(texts[first - 1], tags[first - 1]) and tags[first - 2] in _NAMES:
                first -= 2
            result[first : place + 1] = ["B-CALLEE"] + ["I-CALLEE"] * (place - first)
    place = 0
    while place < len(tags):
        end = place + 1
        if tokens[place].region:
            while end < len(tags) and tokens[end].region == tokens[place].region:
                end += 1
        first, last = place, end
        while first < last and tags[first] in ("DELIMITER", "KEYWORD"):
            first += 1
        if any(tag == "TYPE" for tag in tags[first:last]) and all(role == "O" for role in result[first:last]):
            result[first:last] = ["B-TYPE"] + ["I-TYPE"] * (last - first - 1)
        place = end
    return result
