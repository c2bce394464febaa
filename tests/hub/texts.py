"""Made-up words, sentences and functions, the same ones for the same seed."""

import random
from dataclasses import dataclass
from typing import Any

LATIN = ["ba", "de", "fi", "go", "ku", "la", "mo", "ne", "pu", "ri", "so", "ta", "ve", "zu"]
SCRIPTS = {
    "ar": "ابتدرسلمنو", "el": "αβγδελμνοσ", "hi": "कखगघचजटडतन", "ja": "あいうえおかきくけこ", "ko": "가나다라마바사아",
    "ru": "абвгдеиклм", "th": "กขคงจชดตนบ", "zh": "山水火木金土日月人口",
}  # fmt: skip
UNANSWERED: dict[str, list[Any]] = {"text": [], "answer_start": []}
UNSPACED = ("ja", "th", "zh")
LABEL_WORDS = ["max", "count", "value", "index", "name", "data"]  # words that cloze tasks ask for


def random_for(*names: object) -> random.Random:
    """A generator that the names alone decide."""
    return random.Random(" ".join(map(str, names)))


def word(chance: random.Random, code: str = "en") -> str:
    """A word in the script of a language."""
    return "".join(chance.choice(SCRIPTS.get(code, LATIN)) for _ in range(chance.randint(2, 4)))


def sentence(chance: random.Random, code: str = "en", words: int = 0) -> str:
    """Some words and a full stop."""
    joined = ("" if code in UNSPACED else " ").join(word(chance, code) for _ in range(words or chance.randint(5, 11)))
    return joined.capitalize() + "."


def question(code: str, name: str, number: int, answered: bool = True) -> dict[str, Any]:
    """The question of a set with this number, about a sentence of a passage that four questions share."""
    passage = random_for("passage", code, name, number // 4)
    sentences = [sentence(passage, code) for _ in range(4)]
    context = " ".join(sentences)
    start = context.index(sentences[number % 4]) + 2
    answers = {"text": [context[start : start + 8]], "answer_start": [start]}
    row = {"title": word(passage), "context": context, "answers": answers if answered else UNANSWERED}
    return row | {"id": f"{name}-{number}", "question": sentence(random_for("question", code, name, number), code)}


@dataclass(frozen=True)
class Syntax:
    """What a function looks like: its head, a parameter, a variable, and what ends a statement and the function."""

    head: str
    parameter: str = "{}"
    variable: str = "{}"
    stop: str = ";"
    close: str = "}\n"
    comment: str = "// "


SYNTAX = {
    "python": Syntax("def NAME(PARAMS):\n", stop="", close="", comment="# "),
    "javascript": Syntax("function NAME(PARAMS) {\n"),
    "java": Syntax("class Solution {\n    public int NAME(PARAMS) {\n", "int {}", close="    }\n}\n"),
    "csharp": Syntax("class Solution {\n    public int NAME(PARAMS) {\n", "int {}", close="    }\n}\n"),
    "go": Syntax("func NAME(PARAMS) int {\n", "{} int", stop=""),
    "cpp": Syntax("int NAME(PARAMS) {\n", "int {}"),
    "c": Syntax("int NAME(PARAMS) {\n", "int {}"),
    "rust": Syntax("fn NAME(PARAMS) -> i32 {\n", "{}: i32"),
    "php": Syntax("<?php\nfunction NAME(PARAMS) {\n", "${}", "${}"),
    "ruby": Syntax("def NAME(PARAMS)\n", stop="", close="end\n", comment="# "),
}


@dataclass(frozen=True)
class Function:
    """A function in one language, with a name, a sentence that describes it, and its tokens."""

    name: str
    doc: str
    head: str
    body: str
    wrong_body: str
    tokens: list[str]

    @property
    def code(self) -> str:
        return self.head + self.body


def function(language: str, *seed: object) -> Function:
    """A function; the same seed gives the same steps in every language."""
    chance, syntax = random_for(*seed), SYNTAX[language]
    names = [f"{word(chance)}_{word(chance)}", *(word(chance) + str(n) for n in range(3))]
    first, second, total = (syntax.variable.format(name) for name in names[1:])
    numbers = [chance.randint(2, 999) for _ in range(4)]
    steps = [f"{total} = {first} {chance.choice('+-*')} {numbers[0]}"]
    for number in chance.sample(range(1, 4), chance.randint(2, 3)):
        steps.append(
            f"{total} = {chance.choice(LABEL_WORDS)}({total} {chance.choice('+-*')} {numbers[number]}, {second})"
        )
    if language == "python":
        steps.append(f"if {total} < {first} and not {second} == {numbers[1]}:\n        {total} = {numbers[2]}")
    steps.append(f"return {total} + {second}")
    lines = [f"    {step}{syntax.stop}\n" for step in steps]
    params = ", ".join(syntax.parameter.format(name) for name in names[1:3])
    doc = f"{sentence(chance)[:-1]} of {word(chance)}."
    head = syntax.head.replace("NAME", names[0]).replace("PARAMS", params)
    said = f'    """{doc}"""\n' if language == "python" else f"    {syntax.comment}{doc}\n"
    wrong = [lines[0].replace("+", "/").replace("-", "+").replace("*", "-"), *lines[1:]]
    tokens = " ".join([head, *lines]).replace("(", " ( ").replace(")", " ) ").replace(",", " , ").split()
    return Function(names[0], doc, head + said, "".join(lines) + syntax.close, "".join(wrong) + syntax.close, tokens)
