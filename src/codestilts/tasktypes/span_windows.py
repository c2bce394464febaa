"""Windows of a question and a part of its context, as extractive question answering reads them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.tasktypes.base import TEXTS_PER_CALL, Task, TokenIds, replace_mask

MAX_QUESTION_TOKENS = 64  # max_query_length of google-research/bert, run_squad.py
PLAIN = {"add_special_tokens": False, "return_attention_mask": False, "return_token_type_ids": False}

Span = tuple[int, int]  # first and last token, or first character and the one after the last


@dataclass(frozen=True)
class Window:
    """The encoder's inputs for one window.

    ``example`` is the position of the row, ``first`` that of the window's first token in the context. ``offsets`` are
    the characters of each token in the context, None outside the context.
    """

    example: int
    first: int
    offsets: list[Span | None]
    token_ids: TokenIds


def cut_windows(examples: pd.DataFrame, tokenizer: Any, task: Task) -> Iterator[Window]:
    """Tokenise questions and contexts and cut the contexts into windows."""
    frame = _pair_frame(tokenizer)
    max_question = min(MAX_QUESTION_TOKENS, task.max_length // 2)
    for chunk in range(0, len(examples), TEXTS_PER_CALL):
        rows = examples.iloc[chunk : chunk + TEXTS_PER_CALL]
        questions = tokenizer([replace_mask(text, tokenizer) for text in rows["question"]], **PLAIN)["input_ids"]
        contexts = tokenizer(rows["context"].tolist(), return_offsets_mapping=True, **PLAIN)
        encoded = zip(questions, contexts["input_ids"], contexts["offset_mapping"], strict=True)
        for example, (question, tokens, characters) in enumerate(encoded, start=chunk):
            prefix = [*frame.before, *question[:max_question], *frame.between]
            room = task.max_length - len(prefix) - len(frame.after)
            if room < 1:
                raise CodeStiltsError(f"task {task.name}: max_length {task.max_length} leaves no room for a passage")
            stride = max(1, room - task.max_length // 4) if task.options.stride is None else task.options.stride
            advance = min(stride, room)
            for first in range(0, max(1, len(tokens) - room + advance), advance):
                part = slice(first, first + room)
                offsets = [None] * len(prefix) + characters[part] + [None] * len(frame.after)
                yield Window(example, first, offsets, frame.token_ids(prefix, [*tokens[part], *frame.after]))


@dataclass(frozen=True)
class PairFrame:
    """A tokenizer's tokens before, between and after two texts, and the type ids of both, where it has them."""

    before: list[int]
    between: list[int]
    after: list[int]
    types: tuple[int, int] | None

    def token_ids(self, first: list[int], second: list[int]) -> TokenIds:
        """Join the two halves of a sequence."""
        ids: TokenIds = {"input_ids": np.array([*first, *second], dtype=np.int32)}
        if self.types:
            ids["token_type_ids"] = np.repeat(self.types, [len(first), len(second)]).astype(np.int32)
        return ids


def _pair_frame(tokenizer: Any) -> PairFrame:
    encoding = tokenizer(tokenizer.unk_token, tokenizer.unk_token)
    ids, texts = encoding["input_ids"], encoding.sequence_ids(0)  # text 0 or 1 of each token, None for special tokens
    first = texts.index(0)
    second = texts.index(1)
    first_end = second - texts[:second][::-1].index(0)
    second_end = len(texts) - texts[::-1].index(1)
    types = encoding.get("token_type_ids")
    return PairFrame(
        before=ids[:first],
        between=ids[first_end:second],
        after=ids[second_end:],
        types=(types[first], types[second]) if types else None,
    )


def token_spans(offsets: list[Span | None], spans: list[Span]) -> list[Span]:
    """Return the first and last token of each span of characters that lies in the window."""
    tokens = [(character, token) for token, pair in enumerate(offsets) if pair for character in range(*pair)]
    first_token, last_token = dict(reversed(tokens)), dict(tokens)  # a character may have several tokens
    return [
        (first_token[first], last_token[stop - 1])
        for first, stop in spans
        if first in first_token and stop - 1 in last_token
    ]
