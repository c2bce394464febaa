"""Names as readers of tables, figures and the report see them; nothing is decided by them."""

import re
from collections.abc import Mapping
from typing import Any

from codestilts.columns import NONE

LANGUAGES = {"cpp": "C++", "csharp": "C#", "javascript": "JavaScript", "typescript": "TypeScript", "php": "PHP"}
FAMILY_ORDER = ["baseline", "code", "english", "docs", "mixed", "variant", "control"]  # of arms in tables and figures
FAMILIES = {"english": "English", "docs": "documentation", "mixed": "English and code"}
GROUPS = {"qa": "question answering", "structured": "structured prediction"}
SIDES = {  # by kind; the name is that of a domain, or "both"
    "mixture": "{} mixture",
    "own form": "own form ({})",
    "other forms": "other forms ({})",
    "form effect": "form effect ({})",
}
METHODS = {
    "crossed_t": "t over seeds and test units",
    "multi_bootstrap": "multi-bootstrap",
    "targets_random": "t over groups of targets",
    "mixed_model": "mixed model",
}
BASELINES = {
    "baseline:majority": "most frequent answer",
    "baseline:positive": "every label that counts",
    "baseline:random": "random guess",
    "baseline:overlap": "word overlap",
    "baseline:word-form": "most frequent tag of a word",
    "baseline:empty": "no answer",
    "baseline:first": "first candidate",
    "baseline:last": "last candidate",
    "baseline:bm25": "BM25",
    "baseline:frequent": "most frequent output",
    "baseline:copy": "copy of a span",
    "baseline:nearest": "output of the nearest training example",
    "baseline:reference": "the references themselves",
    "baseline:source-reference": "references of the source language",
}
RANKINGS = {"log_me": "LogME", "similarity": "similar texts", "size": "largest set", "random": "random order"}
PICTURES = {code: 0x2400 + code for code in range(32) if chr(code) not in "\t\n"} | {0x7F: 0x2421}
# Characters that have no width or no picture, and those that change the direction of text.
INVISIBLE = re.compile(
    r"[\x80-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """Return a text with its control characters, except tab and line feed, as their pictures (from U+2400 on).

    Other characters that nobody sees, such as those that turn the direction of text, are named: ``⟨U+202E⟩``.
    """
    return INVISIBLE.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", text.translate(PICTURES))


def language_name(language: str) -> str:
    """Return a programming language as its users write it."""
    return LANGUAGES.get(language, language.capitalize())


def language_set_name(language_set: str) -> str:
    """Return a set of languages, or a language, in words."""
    return language_set.replace("_", "-")


def family_name(family: str) -> str:
    """Return a family of arms in words."""
    return FAMILIES.get(family, family)


def side_name(name: str, kind: str) -> str:
    """Return one side of a contrast in words; ``kind`` says what ``name`` names, such as an arm, a family, a domain."""
    if kind == "arm":
        return "no intermediate training" if name == NONE else name
    return SIDES.get(kind, "{}").format(family_name(name))


def contrast_name(plus: str, plus_kind: str, minus: str, minus_kind: str) -> str:
    """Return a contrast in words, such as ``code minus English``."""
    return f"{side_name(plus, plus_kind)} minus {side_name(minus, minus_kind)}"


def contrast_label(row: Mapping[str, Any]) -> str:
    """Return a row of ``contrasts.csv`` in words that tell it from all others with its scope, languages and method."""
    kinds, details = [row["plus_kind"], row["minus_kind"]], []
    if "domain" in kinds:
        details.append(f"form {row['form']}" if row["form"] else "at equal form")
    if "family" in kinds:
        details.append("whole families" if kinds.count("family") > 1 else "whole family")
    if row["role"] == "reference":
        details.append("in the cells of the primary contrast")
    if row["near"]:
        shared = "targets that share form and material"
        details.append(f"{shared} kept" if row["near"] == "kept" else f"without {shared}")
    if row["role"] == "no overlap":
        details.append("without arms that share a target's training data")
    name = contrast_name(row["plus"], row["plus_kind"], row["minus"], row["minus_kind"])
    return f"{name} ({', '.join(details)})" if details else name


def method_name(method: str) -> str:
    """Return a method of intervals in words."""
    return METHODS.get(method, method)


def scope_name(scope: str) -> str:
    """Return a target, a group of targets or a mean of groups in words."""
    return GROUPS.get(scope, scope)


def item_name(name: str, kind: str) -> str:
    """Return an item of a claim, or what a contrast leaves out, in words; ``kind`` says what it is, such as a group."""
    return {"language": language_name, "group": scope_name}.get(kind, str)(name)


def ranking_name(ranking: str) -> str:
    """Return what intermediate tasks are ranked by in words."""
    return RANKINGS.get(ranking, ranking.replace("_", " "))


def rival_name(rival: str, kind: str) -> str:
    """Return a rival of a target check in words; ``kind`` is ``trivial`` (a baseline) or ``random`` (an arm)."""
    return f"random weights ({rival})" if kind == "random" else BASELINES.get(rival, rival)


def counted(count: int, name: str) -> str:
    """Return a number of things: ``1 encoder``, ``2 encoders``."""
    return f"{count:,} {name}{'' if count == 1 else 's'}"
