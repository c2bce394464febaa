"""Tokens that name a language: multilingual encoder-decoders mark their inputs with one and begin outputs with one.

Their tokenizers have a source language (``src_lang``), whose code they put into the frame of a text. The codes are in
``language_codes.yaml``.
"""

from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from codestilts.errors import CodeStiltsError
from codestilts.files import read_text
from codestilts.tasktypes.base import Task

Encode = Callable[[pd.DataFrame, Any, Task], list[Any]]


def has_codes(tokenizer: Any) -> bool:
    """Whether a tokenizer marks texts with the code of their language."""
    return hasattr(tokenizer, "src_lang")


def code_of(language: str, tokenizer: Any) -> str | None:
    """Return the code of a language that the tokenizer has, if any."""
    unknown = tokenizer.unk_token_id
    known = (code for code in _codes().get(language, []) if tokenizer.convert_tokens_to_ids(code) != unknown)
    return next(known, None)


@cache
def _codes() -> dict[str, list[str]]:
    table: dict[str, list[str]] = yaml.safe_load(read_text(Path(__file__).with_name("language_codes.yaml")))
    return table


def first_tokens(languages: Iterable[str], tokenizer: Any, task: str) -> list[list[int]]:
    """Return what outputs in each of these languages begin with: the token of its code, or nothing.

    Raises:
        CodeStiltsError: the tokenizer has codes, but none of a language.
    """
    languages = list(languages)
    if not has_codes(tokenizer):
        return [[] for _ in languages]
    codes = {language: code_of(language, tokenizer) for language in dict.fromkeys(languages)}
    if missing := [language for language, code in codes.items() if code is None]:
        raise CodeStiltsError(
            f"task {task}: the encoder's tokenizer has no code for outputs in {', '.join(missing)}: leave out the "
            "languages, or train the task with other encoders"
        )
    return [[tokenizer.convert_tokens_to_ids(codes[language])] for language in languages]


def encode_by_language(encode: Encode, examples: pd.DataFrame, tokenizer: Any, task: Task) -> list[Any]:
    """Encode examples, each with the code of its language; a language without one gets the tokenizer's usual code."""
    if not has_codes(tokenizer) or not len(examples):
        return encode(examples, tokenizer, task)
    usual, found = tokenizer.src_lang, list[tuple[int, Any]]()
    try:
        for language, positions in examples.groupby("language", sort=False).indices.items():
            tokenizer.src_lang = code_of(str(language), tokenizer) or usual
            for number, record in enumerate(encode(examples.iloc[positions], tokenizer, task)):
                row = int(positions[record.get("example", number)])
                found.append((row, record | {"example": row} if "example" in record else record))
    finally:
        tokenizer.src_lang = usual
    return [found[place][1] for place in np.argsort([row for row, _ in found], kind="stable")]
