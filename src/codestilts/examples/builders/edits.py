"""Edits that make a text wrong: in the order of two tokens, a form that must agree, or a word of a closed class.

The kinds are the same for prose and code. In prose, forms agree in number or with the next sound (is/are, a/an), and
the closed class consists of prepositions. In code, brackets agree with each other, and the closed class consists of
keywords and operators.
"""

from collections.abc import Callable
from itertools import pairwise

from codestilts.errors import CodeStiltsError
from codestilts.examples.builders.domains import Text
from codestilts.examples.builders.mutations import WRONG

Edits = Callable[[Text], list[Text]]  # returns all versions of a text with one edit

AGREEING = "is are, was were, has have, does do, a an, this these, that those, its their"
FORMS = {form: other for pair in AGREEING.split(", ") for form, other in (pair.split(), reversed(pair.split()))}
PREPOSITIONS = ["of", "to", "in", "for", "with", "from", "by", "on", "at", "into", "between", "without"]
BRACKETS = {"(": "[", "[": "(", ")": "]", "]": ")", "{": "(", "}": ")"}
KEYWORDS = {
    "if": ["for", "return"], "for": ["if", "return"], "while": ["return"], "return": ["for", "if"], "in": ["=", "is"],
    "else": ["in"], "not": ["or"], "is": ["in"], "=": ["+", "in"], "const": ["return"], "let": ["return"],
    "var": ["return"], "new": ["in"],
}  # fmt: skip
WRONG_TOKENS = WRONG | KEYWORDS


def wrong_order(text: Text) -> list[Text]:
    """``of the file`` -> ``the of file``: exchange two neighbours, one of which begins with a letter or digit."""
    return [
        text.swapped(index)
        for index, (token, after) in enumerate(pairwise(text.tokens))
        if token.lower() != after.lower() and (token[0].isalnum() or after[0].isalnum())
    ]


def wrong_form(text: Text) -> list[Text]:
    """``is`` -> ``are``, ``a`` -> ``an``."""
    return [
        text.replaced(index, _like(FORMS[token.lower()], token))
        for index, token in enumerate(text.tokens)
        if token.lower() in FORMS
    ]


def wrong_preposition(text: Text) -> list[Text]:
    """``of`` -> ``at``."""
    return [
        text.replaced(index, _like(other, token))
        for index, token in enumerate(text.tokens)
        if token.lower() in PREPOSITIONS
        for other in PREPOSITIONS
        if other != token.lower()
    ]


def wrong_bracket(text: Text) -> list[Text]:
    """``)`` -> ``]``."""
    return [text.replaced(index, BRACKETS[token]) for index, token in enumerate(text.tokens) if token in BRACKETS]


def wrong_token(text: Text) -> list[Text]:
    """``==`` -> ``!=``, ``if`` -> ``for``."""
    return [
        text.replaced(index, other) for index, token in enumerate(text.tokens) for other in WRONG_TOKENS.get(token, [])
    ]


PROSE: dict[str, Edits] = {"order": wrong_order, "form": wrong_form, "word": wrong_preposition}
CODE: dict[str, Edits] = {"order": wrong_order, "form": wrong_bracket, "word": wrong_token}


def edits_of(domain: str) -> dict[str, Edits]:
    """Return the kinds of edits of a domain.

    Raises:
        CodeStiltsError: The domain is unknown.
    """
    domains = {"english": PROSE, "docs": PROSE, "code": CODE}
    if domain not in domains:
        raise CodeStiltsError(f"domain {domain!r} is unknown: use one of {', '.join(domains)}")
    return domains[domain]


def _like(word: str, model: str) -> str:
    """Write a word with an initial capital if ``model`` has one."""
    return word.capitalize() if model[0].isupper() else word
