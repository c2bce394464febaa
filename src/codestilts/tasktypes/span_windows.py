"""Windows of a question and a part of its context, as extractive question answering reads them.

Texts are tokenised once (:func:`tokenise_rows`); windows are cut from the tokens whenever they are read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NotRequired, TypedDict

import numpy as np
import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.tasktypes.base import PLAIN, TEXTS_PER_CALL, Task, TokenIds, replace_mask
from codestilts.tasktypes.language_codes import has_codes

MAX_QUESTION_TOKENS = 64  # max_query_length of google-research/bert, run_squad.py
CONTEXT_PER_TOKEN = 0.01  # of a window's length, added to the context of its tokens: _check_is_max_context of run_squad
NOWHERE = -1  # the token of an answer that no token covers, and the characters of a token outside the context

Span = tuple[int, int]  # first and last token, or first character and the one after the last


class SpanRow(TypedDict):
    """A tokenised row. Spans are first and last tokens of the context, shape [spans, 2].

    ``offsets`` are the characters of each token of the context, shape [tokens, 2].
    """

    question: np.ndarray
    context: np.ndarray
    offsets: np.ndarray
    answer: np.ndarray  # one span or none
    spans: np.ndarray | None  # answers allowed by option ``answer``
    before: NotRequired[np.ndarray]  # tokens before the question, where they have the code of the row's language


def tokenise_rows(
    examples: pd.DataFrame,
    tokenizer: Any,
    task: Task,
    answers: Sequence[Span | None],
    spans: Sequence[Sequence[Span] | None],
) -> list[SpanRow]:
    """Tokenise questions and contexts.

    Args:
        examples: rows of the task.
        tokenizer: a fast tokenizer.
        task: the task, for its longest question.
        answers: the characters of each row's answer in its context, if it has one.
        spans: the characters of each row's allowed answers, if they are restricted.
    """
    found: list[SpanRow] = []
    before = PairFrame.of(tokenizer).before if has_codes(tokenizer) else None
    for chunk in range(0, len(examples), TEXTS_PER_CALL):
        rows = examples.iloc[chunk : chunk + TEXTS_PER_CALL]
        questions = tokenizer([replace_mask(text, tokenizer) for text in rows["question"]], **PLAIN)["input_ids"]
        contexts = tokenizer(rows["context"].tolist(), return_offsets_mapping=True, **PLAIN)
        encoded = zip(questions, contexts["input_ids"], contexts["offset_mapping"], strict=True)
        for number, (question, tokens, characters) in enumerate(encoded, start=chunk):
            offsets = np.array(characters, dtype=np.int32).reshape(-1, 2)
            answer, allowed = answers[number], spans[number]
            row: SpanRow = {
                "question": np.array(question[: max_question(task)], dtype=np.int32),
                "context": np.array(tokens, dtype=np.int32),
                "offsets": offsets,
                "answer": token_spans(offsets, [answer] if answer else []),
                "spans": None if allowed is None else token_spans(offsets, allowed),
            }
            if before is not None:
                row["before"] = before
            found.append(row)
    return found


def max_question(task: Task) -> int:
    """Return the most tokens of a question: 64, and half the length of a window."""
    return min(MAX_QUESTION_TOKENS, task.max_length // 2)


def token_spans(offsets: np.ndarray, spans: Sequence[Span]) -> np.ndarray:
    """Return the first and last token of each span of characters that tokens cover, shape [spans, 2]."""
    covering = np.flatnonzero(offsets[:, 1] > offsets[:, 0])  # a token may have no characters, a character many tokens
    characters = np.array(spans, dtype=np.int64).reshape(-1, 2)
    if not len(covering) or not len(characters):
        return np.empty((0, 2), dtype=np.int32)
    starts, ends = offsets[covering].T
    first = np.searchsorted(ends, characters[:, 0], side="right")
    last = np.searchsorted(starts, characters[:, 1] - 1, side="right") - 1
    found = (first < len(covering)) & (last >= 0)
    first, last, characters = first[found], last[found], characters[found]
    covered = (starts[first] <= characters[:, 0]) & (ends[last] >= characters[:, 1])
    return np.stack([covering[first], covering[last]], 1)[covered].astype(np.int32)


@dataclass(frozen=True)
class PairFrame:
    """A tokenizer's tokens before, between and after two texts, and the type ids of both, where it has them."""

    before: np.ndarray
    between: np.ndarray
    after: np.ndarray
    types: tuple[int, int] | None

    @classmethod
    def of(cls, tokenizer: Any) -> "PairFrame":
        """Read the frame off an encoded pair."""
        encoding = tokenizer(tokenizer.unk_token, tokenizer.unk_token)
        ids, texts = encoding["input_ids"], encoding.sequence_ids(0)  # text of each token, None for special tokens
        first = texts.index(0)
        second = texts.index(1)
        first_end = second - texts[:second][::-1].index(0)
        second_end = len(texts) - texts[::-1].index(1)
        types = encoding.get("token_type_ids")
        return cls(
            before=np.array(ids[:first], dtype=np.int32),
            between=np.array(ids[first_end:second], dtype=np.int32),
            after=np.array(ids[second_end:], dtype=np.int32),
            types=(types[first], types[second]) if types else None,
        )

    @property
    def size(self) -> int:
        """The number of tokens of the frame."""
        return len(self.before) + len(self.between) + len(self.after)

    def token_ids(self, question: np.ndarray, context: np.ndarray, before: np.ndarray) -> TokenIds:
        """Join a question and a part of its context; ``before`` may have another code of a language than the frame."""
        parts = [before, question, self.between, context, self.after]
        ids: TokenIds = {"input_ids": np.concatenate(parts)}
        if self.types:
            second = len(context) + len(self.after)
            sizes = [len(ids["input_ids"]) - second, second]
            ids["token_type_ids"] = np.repeat(np.array(self.types, dtype=np.int32), sizes)
        return ids


@dataclass(frozen=True)
class Cuts:
    """Where the windows of contexts begin. Arrays have one entry per row.

    Attributes:
        room: tokens of the context in a window.
        advance: tokens from the start of one window to that of the next.
        windows: number of windows.
    """

    room: np.ndarray
    advance: np.ndarray
    windows: np.ndarray


def cut(questions: np.ndarray, contexts: np.ndarray, frame: PairFrame, task: Task) -> Cuts:
    """Cut contexts into windows that advance by the stride until one reaches the end.

    Args:
        questions: tokens of each question.
        contexts: tokens of each context.
        frame: the tokens around both.
        task: the task, for its length and stride.

    Raises:
        CodeStiltsError: the task's length leaves no room for a passage.
    """
    room = task.max_length - frame.size - questions
    if len(room) and room.min() < 1:
        raise CodeStiltsError(f"task {task.name}: max_length {task.max_length} leaves no room for a passage")
    stride = np.maximum(1, room - task.max_length // 4) if task.options.stride is None else task.options.stride
    advance = np.minimum(stride, room)
    return Cuts(room, advance, np.maximum(1, -(-(contexts - room) // advance) + 1))


def most_context(firsts: np.ndarray, room: int, tokens: int) -> np.ndarray:
    """Return the window in which each token of a context has most context.

    The context of a token is the smaller number of tokens before and after it in the window's part of the passage;
    ties go to the longer window, then to the first.

    Args:
        firsts: the first token of each window.
        room: tokens of the context in a window.
        tokens: the number of tokens of the context.
    """
    sizes = np.minimum(room, tokens - firsts)[:, None]
    order = np.arange(tokens) - firsts[:, None]
    context = np.minimum(order, sizes - 1 - order) + CONTEXT_PER_TOKEN * sizes
    return np.where((order >= 0) & (order < sizes), context, -np.inf).argmax(0)
