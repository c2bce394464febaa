"""The terms of the report that readers may not know, each in one sentence, and links to them from their first use."""

import re
from dataclasses import dataclass, field

from markupsafe import Markup, escape


@dataclass(frozen=True)
class Term:
    """A term: its name, the pattern of its uses, and its definition in one sentence."""

    name: str
    pattern: str
    definition: str

    @property
    def anchor(self) -> str:
        return "term-" + re.sub(r"\W+", "-", self.name)


TERMS = (
    Term(
        "at equal form",
        r"at equal form",
        "For each form (what a task asks, such as cloze, choice or span), the intermediate task of one domain is "
        "compared with that of the other, and the differences are averaged over the forms.",
    ),
    Term(
        "detectable with a power of .8",
        r"[Dd]etectable with a power of \.8",
        "The true difference that 80 of 100 studies of this size would find to be other than zero.",
    ),
    Term(
        "form effect",
        r"form effect",
        "The difference between intermediate tasks of a target's own form and those of other forms, within one domain.",
    ),
    Term(
        "invented",
        r"[Ii]nvented",
        "A language that no encoder has read: test functions of another language under other names for its keywords, "
        "most predefined names, operators and brackets; no mean over languages contains it.",
    ),
    Term(
        "multi-bootstrap",
        r"multi-bootstrap",
        "Intervals from draws of seeds and of test units with replacement, the same ones for both sides, widened by "
        "Student's t for the small number of seeds.",
    ),
    Term(
        "near languages",
        r"near languages",
        "Unseen languages whose use of tokens is similar to that of the source language; the others are far.",
    ),
    Term(
        "own form, other forms",
        r"own form",
        "On targets that have one of the forms: intermediate tasks of the target's own form, and those of the other "
        "forms, in one domain or in both.",
    ),
    Term(
        "targets that share form and material",
        r"targets that share form and material",
        "Targets that ask what a compared intermediate task asks, about the same kind of texts, as their task files "
        "say; the primary contrast leaves them out.",
    ),
    Term(
        "test unit",
        r"test units?",
        "Test rows that were sampled together: those of one problem, sentence pair or question, or of one function "
        "and its near-duplicates.",
    ),
    Term(
        "zero-shot",
        r"zero-shot",
        "A language is zero-shot for a target if the target is not trained in it.",
    ),
)


@dataclass
class Glossary:
    """The terms of one page; ``used`` are those that it uses, once it is written."""

    used: list[Term] = field(default_factory=list)

    def linked(self, text: str) -> Markup:
        """Return a text, escaped, in which the first use of each term on the page is a link to its definition."""
        new = [term for term in TERMS if term not in self.used]
        firsts = {term.anchor: found for term in new if (found := re.search(rf"\b(?:{term.pattern})\b", text))}
        self.used += [term for term in new if term.anchor in firsts]
        parts, end = [], 0
        for anchor, found in sorted(firsts.items(), key=lambda item: item[1].start()):
            parts.append(escape(text[end : found.start()]))
            parts.append(Markup('<a class="term" href="#{}">{}</a>').format(anchor, found[0]))
            end = found.end()
        return Markup("").join([*parts, escape(text[end:])])

    @property
    def entries(self) -> list[Term]:
        """The terms that were used so far, in the order of their names."""
        return [term for term in TERMS if term in self.used]
