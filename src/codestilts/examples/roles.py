"""Universal syntactic tags and role spans: every tree leaf of every language gets one of sixteen tags.

The rules are the same for all languages; only the table in ``languages.yaml`` differs. A name's tag is decided by,
in this order: the place it stands in (``slots``, carried down composite names by ``heads``), the region around it
(a type, an annotation), its own node type (``leaves``), and at last its text.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tree_sitter import Node

from codestilts.examples.languages import Language

TAGS = ("KEYWORD", "MODIFIER", "TYPE", "FUNCTION", "PARAMETER", "VARIABLE", "CALLEE", "FIELD", "LABEL", "OPERATOR",
        "NUMBER", "STRING", "CONSTANT", "BRACKET", "DELIMITER", "ANNOTATION")  # fmt: skip
ROLES = ("FUNCTION_NAME", "PARAMETER", "CALLEE", "TYPE")

_NAMES = {"VARIABLE", "FIELD", "CALLEE", "TYPE", "LABEL"}
_BRACKETS = set("( ) [ ] { } ${ #{ {| |} @{ %{ #[ #![".split())
_DELIMITERS = set(", ; : . :: -> => ?. &. ?-> !!. ?:: \\ ... ;;".split()) - {"..."}
_LINKS = {".", "->", "::", "?.", "&.", "?->"}
_MODIFIERS = set(
    "public private protected internal fileprivate open static final abstract virtual override sealed partial readonly async "
    "const constexpr consteval volatile mutable register extern inline explicit friend unsafe fixed pub mut export declare "
    "accessor data suspend tailrec operator infix lateinit inner companion vararg noinline crossinline reified "
    "expect actual external weak unowned lazy mutating nonmutating convenience required dynamic optional inout "
    "indirect default synchronized transient native strictfp restrict noexcept ref out params implicit transparent "
    "rethrows throws thread_local __inline __inline__ __restrict __restrict__ noreturn _Noreturn".split()
) - {"default"}  # fmt: skip
_OPERATOR_WORDS = set(
    "and or not in is instanceof typeof sizeof alignof delete as as? as! !in !is in? is? xor void bitand bitor compl "
    "not_eq and_eq or_eq div mod stackalloc nameof keyof".split()
)
_TYPE_WORDS = set("unsigned signed long short int char float double void bool boolean byte auto".split())
_WORD_CONSTANTS = {
    "true",
    "false",
    "null",
    "nil",
    "None",
    "True",
    "False",
    "NULL",
    "nullptr",
    "undefined",
    "nil_literal",
}
_LOOPS = re.compile(r"for|comprehension|lambda")
_ANGLED = re.compile(r"arg|param|template|generic|type")


class Leaf(NamedTuple):
    """One token: its bytes in the file, its tag, and the type or annotation region it stands in (0: none)."""

    start: int
    end: int
    tag: str
    region: int
    known: bool  # False: the node type is in no table, the tag is a guess from the text


@dataclass
class Walk:
    """What a walk over a function found besides its leaves."""

    comments: int = 0
    opaque: bool = False  # holds text the grammar leaves unparsed
    hollow: bool = False  # a block that is empty without its documentation


class _Frame(NamedTuple):
    kind: str
    wanted: str  # tag that the last part of this composite name gets
    region: int
    region_tag: str
    names_function: bool
    count: int  # named children


def leaves(root: Node, spec: Language, walk: Walk) -> Iterator[Leaf]:
    """The tokens under ``root`` in order, without comments and documentation strings; notes go into ``walk``."""
    cursor = root.walk()
    frames: list[_Frame] = []
    places: list[int] = []  # named children seen so far, per frame
    regions = 0
    while True:
        node = cursor.node
        assert node is not None
        kind = node.type
        wanted, region, region_tag = "", 0, ""
        if frames:
            frame = frames[-1]
            wanted, region, region_tag = (
                _place(node, cursor.field_name, frame, places[-1], spec),
                frame.region,
                frame.region_tag,
            )
            places[-1] += node.is_named and kind not in spec.comments
        if not region and (
            tag := spec.regions.get(kind) or (wanted if wanted in ("TYPE", "ANNOTATION") else "")
        ):
            regions += 1
            region, region_tag = regions, tag
        descend = False
        if kind in spec.comments:
            walk.comments += 1
        elif _is_documentation(node, spec):
            walk.comments += 1
            parent = node.parent
            walk.hollow |= parent is None or all(
                _is_documentation(n, spec) or n.type in spec.comments for n in parent.named_children
            )
        elif kind in spec.atoms or not node.child_count:
            if kind in spec.opaque:
                walk.opaque = True
            if node.end_byte > node.start_byte:
                parent_kind = frames[-1].kind if frames else ""
                tag, known = _tag(node, kind, parent_kind, wanted, region_tag, spec)
                yield Leaf(node.start_byte, node.end_byte, tag, region if region_tag == "TYPE" else 0, known)
        else:
            descend = True
            value = node.child_by_field_name(spec.assigned[kind]) if kind in spec.assigned else None
            names = value is not None and value.type in spec.anonymous
            frames.append(_Frame(kind, wanted, region, region_tag, names, _named_count(node, spec)))
            places.append(0)
            cursor.goto_first_child()
        while not descend and not cursor.goto_next_sibling():
            if not frames:
                return
            cursor.goto_parent()
            frames.pop()
            places.pop()
            if not frames:
                return


def _named_count(node: Node, spec: Language) -> int:
    return (
        node.named_child_count
        if node.named_child_count < 2
        else sum(c.type not in spec.comments for c in node.named_children)
    )


def _is_documentation(node: Node, spec: Language) -> bool:
    """A statement that is nothing but a string."""
    if node.type not in spec.bare_strings or node.named_child_count != 1:
        return False
    return node.named_children[0].type in ("string", "concatenated_string")


def _place(node: Node, field: str | None, frame: _Frame, place: int, spec: Language) -> str:
    """The tag that ``node``'s place in its parent asks for, or ""."""
    kind = frame.kind
    if frame.names_function and field in ("left", "name", "key", "property"):
        return "FUNCTION"
    head = spec.heads.get(kind)
    if head is not None and frame.wanted and (head == field or (node.is_named and head == f"#{place}")):
        return frame.wanted
    slots = spec.slots
    if field is not None and f"{kind}.{field}" in slots:
        return slots[f"{kind}.{field}"]
    if not node.is_named:
        return ""
    for key in (f"{kind}.#{place}/{frame.count}", f"{kind}.#{place}", f"{kind}.*"):
        if key in slots:
            return slots[key]
    return ""


def _tag(node: Node, kind: str, parent: str, wanted: str, region: str, spec: Language) -> tuple[str, bool]:
    """The tag of a token and whether a rule names it."""
    text = (node.text or b"").decode(errors="replace")
    known = spec.atoms.get(kind) or spec.leaves.get(kind)
    if not node.is_named or (known is None and kind == text):
        return known or _by_text(text, parent, region), True
    if text in _WORD_CONSTANTS and known in (None, "VARIABLE"):
        return "CONSTANT", True
    if known is None or known in _NAMES:
        if wanted in ("PARAMETER", "FUNCTION") and not region:
            return wanted, True
        if region and known != "CONSTANT" and (known or _is_word(text)):
            return region, True
        if wanted and (known or _is_word(text)):
            return wanted, True
    if known:
        return known, True
    return _by_text(text, parent, region) if not _is_word(text) else "VARIABLE", False


def _is_word(text: str) -> bool:
    return bool(text) and (text[0].isalpha() or text[0] in "_$@")


def _by_text(text: str, parent: str, region: str) -> str:
    """The tag of a fixed token of the grammar: punctuation or a reserved word."""
    if text in _BRACKETS or (text in ("<", ">") and _ANGLED.search(parent)):
        return "BRACKET"
    if text in _DELIMITERS:
        return "DELIMITER"
    if region == "ANNOTATION" and text in ("@", "#", "[", "]", "@:"):
        return "ANNOTATION"
    if text in _WORD_CONSTANTS:
        return "CONSTANT"
    if text in _OPERATOR_WORDS:
        return (
            "KEYWORD"
            if text == "in" and _LOOPS.search(parent)
            else "TYPE"
            if text == "void" and region
            else "OPERATOR"
        )
    if text in _MODIFIERS:
        return "MODIFIER"
    if text in _TYPE_WORDS:
        return "TYPE"
    return "KEYWORD" if _is_word(text.lstrip("#")) else "OPERATOR"


def roles(texts: Sequence[str], tokens: Sequence[Leaf]) -> list[str]:
    """BIO roles of tokens: spans of function names, parameters, callees (``a.b.f``) and whole type expressions."""
    tags = [leaf.tag for leaf in tokens]
    result = ["O"] * len(tags)
    for place, tag in enumerate(tags):
        if tag in ("FUNCTION", "PARAMETER"):
            result[place] = "B-FUNCTION_NAME" if tag == "FUNCTION" else "B-PARAMETER"
        elif tag == "CALLEE":
            first = place
            while first >= 2 and texts[first - 1] in _LINKS and tags[first - 2] in _NAMES:
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
