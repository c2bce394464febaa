"""Extractive question answering: the span of a context that answers a question (SQuAD, Rajpurkar et al. 2016).

A context longer than ``max_length`` is read in windows that advance by ``stride`` tokens until one reaches the end
(``doc_stride`` of google-research/bert, run_squad.py, and google-research/xtreme, third_party/processors/squad.py). The
span with the highest sum of start and end scores over all windows wins. A span counts in the window where its first
token has most context around it. A window without the answer is trained to point at position 0. A question is cut to 64
tokens, and to half the length. Where a task describes its answers (option ``answer``, a regular expression such as an
identifier's), only the matches are considered.
"""

import itertools
import re
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from codestilts.errors import CodeStiltsError
from codestilts.tasktypes.base import (
    Batch,
    Feature,
    Task,
    collate_sequences,
    count_tokens,
    init_like_transformers,
    permute,
)
from codestilts.tasktypes.span_windows import Span, cut_windows, token_spans
from codestilts.tasktypes.token_states import token_states

# The defaults of google-research/bert, run_squad.py: max_answer_length and n_best_size.
MAX_ANSWER_TOKENS = 30
BEST_POSITIONS = 20  # starts and ends considered in a window
CONTEXT_PER_TOKEN = 0.01  # of a window's length, added to the context of its tokens: _check_is_max_context of run_squad
# The quick head's factor of a similarity that begins as a cosine: a lead of 0.1 is 4 nats, enough to stand out among
# the 128 tokens of a window (log 128 = 4.9) before anything is trained.
SHARPNESS = 40.0
MASKED_SCORE = -1e4  # of positions where no answer may start or end; finite, so that losses are


class SpanFeature(Feature):
    """A window of a row's context. Positions are those of tokens in the window, 0 where the answer is elsewhere."""

    example: int  # position of the row
    first: int  # position in the context of the window's first token
    offsets: list[Span | None]  # characters of each token in the context, None outside the context
    start: int
    end: int
    spans: list[Span] | None  # answers allowed by option ``answer``
    starts: set[int]  # tokens that have most context in this window


def encode(examples: pd.DataFrame, tokenizer: Any, task: Task) -> list[SpanFeature]:
    """Encode each window as one feature.

    Raises:
        CodeStiltsError: an answer is missing, not at ``answer_start``, or no match of option ``answer``.
    """
    rows = examples[["id", "context", "answer_start", "answer_text"]].to_dict("records")
    pattern = re.compile(task.options.answer) if task.options.answer is not None else None
    features: list[SpanFeature] = []
    for window in cut_windows(examples, tokenizer, task):
        row = rows[window.example]
        answer = _answer_characters(row, task)
        spans = [match.span() for match in pattern.finditer(row["context"])] if pattern else None
        if spans is not None and answer not in spans:
            raise CodeStiltsError(
                f"task {task.name}, example {row['id']}: the answer {row['answer_text']!r} does not match option "
                f"answer ({task.options.answer}): correct the option or the row"
            )
        inside = token_spans(window.offsets, [answer]) if row["answer_text"] else []
        start, end = inside[0] if inside else (0, 0)
        features.append(
            {
                "sequences": [window.token_ids],
                "tokens": count_tokens([window.token_ids]),
                "example": window.example,
                "first": window.first,
                "offsets": window.offsets,
                "start": start,
                "end": end,
                "spans": None if spans is None else token_spans(window.offsets, spans),
                "starts": set(),
            }
        )
    _mark_most_context(features)
    return features


def _answer_characters(row: dict[Any, Any], task: Task) -> Span:
    """Return the characters of a row's answer in its context."""
    if not row["answer_text"] and not task.options.no_answer:
        raise CodeStiltsError(f"task {task.name}, example {row['id']}: there is no answer")
    first, stop = row["answer_start"], row["answer_start"] + len(row["answer_text"])
    if row["context"][first:stop] != row["answer_text"]:
        raise CodeStiltsError(f"task {task.name}, example {row['id']}: the answer is not at answer_start")
    return first, stop


def _context_positions(feature: SpanFeature) -> list[int]:
    """Return the positions of a window's tokens that belong to the context."""
    return [position for position, characters in enumerate(feature["offsets"]) if characters]


def _mark_most_context(features: list[SpanFeature]) -> None:
    """Fill ``starts`` of each feature with the positions of the tokens that have most context in this window.

    The context of a token is the smaller number of tokens before and after it in the window's part of the passage;
    ties go to the longer window, then to the first.
    """
    best: dict[tuple[int, int], tuple[float, int]] = {}
    for number, feature in enumerate(features):
        size = len(_context_positions(feature))
        for order in range(size):
            context = min(order, size - 1 - order) + CONTEXT_PER_TOKEN * size
            token = (feature["example"], feature["first"] + order)
            if token not in best or context > best[token][0]:
                best[token] = (context, number)
    for number, feature in enumerate(features):
        for order, position in enumerate(_context_positions(feature)):
            if best[feature["example"], feature["first"] + order][1] == number:
                feature["starts"].add(position)


def collate(features: list[SpanFeature], tokenizer: Any, rng: Any = None) -> Batch:
    """Batch the windows.

    Returns:
        The encoder's inputs with ``start`` and ``end``, shape [windows]; ``inside``, shape [windows, tokens], true for
        the tokens of the context and position 0; and ``allowed``, shape [windows, tokens, 2], true where an answer may
        start and where it may end.
    """
    batch = collate_sequences(features, tokenizer.pad_token_id)
    batch["start"] = torch.tensor([feature["start"] for feature in features])
    batch["end"] = torch.tensor([feature["end"] for feature in features])
    inside = torch.zeros_like(batch["input_ids"], dtype=torch.bool)
    for row, feature in enumerate(features):
        inside[row, [0, *_context_positions(feature)]] = True
    batch["inside"] = inside
    batch["allowed"] = inside.unsqueeze(-1).repeat(1, 1, 2)
    for row, feature in enumerate(features):
        if feature["spans"] is not None:
            batch["allowed"][row, 1:] = False
            for start, end in feature["spans"]:
                batch["allowed"][row, start, 0] = batch["allowed"][row, end, 1] = True
    return batch


class Head(nn.Module):
    """Start and end scores of every token: [windows, tokens, hidden] -> [windows, tokens, 2].

    The published head is a linear layer over all tokens (transformers' RobertaForQuestionAnswering, which XTREME's
    run_squad.py takes; jiant's QAHead is the same); only padding scores -1e4.

    The quick head adds the token's similarity to the question, p W q with W the identity at first (DrQA, Chen et al.
    2017, section 3.2.2): a small encoder finds a name by its meaning much sooner than by attention alone. Scores are
    -1e4 where no answer may start or end.
    """

    def __init__(self, task: Task, config: Any, mask_id: int, dropout: float) -> None:
        super().__init__()
        self.scorer = nn.Linear(config.hidden_size, 2)
        self.published = task.head == "published"
        if self.published:
            init_like_transformers(self, config)
        else:
            self.similarity = nn.Parameter(torch.eye(config.hidden_size).repeat(2, 1, 1))

    def forward(self, encoder: nn.Module, batch: Batch) -> Tensor:
        states = token_states(encoder, batch)
        scores = self.scorer(states.last)
        if self.published:
            return states.padded(scores, MASKED_SCORE)
        question = F.normalize(states.mean(states.last, ~batch["inside"].flatten()[states.layout.in_grid]), dim=-1)
        asked = torch.einsum("shk,wk->wsh", self.similarity, question)[states.layout.sequence]
        similarity = torch.einsum("th,tsh->ts", F.normalize(states.last, dim=-1), asked)
        scores = states.padded(scores + SHARPNESS * similarity)
        return scores.masked_fill(~batch["allowed"], MASKED_SCORE)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Mean of the start and end cross entropies, averaged over the windows."""
        return (F.cross_entropy(outputs[..., 0], batch["start"]) + F.cross_entropy(outputs[..., 1], batch["end"])) / 2


def decode(outputs: list[Tensor], features: list[SpanFeature], examples: pd.DataFrame, task: Task) -> pd.DataFrame:
    """Predict the best-scoring span of each example as text; ``score`` is the sum of its start and end scores.

    Where a question may have no answer, the empty answer wins if it scores above the best span. Its score is that of
    position 0, the lowest over the windows (Devlin et al. 2019, section 4.3, with threshold 0). ``answers`` are all
    accepted answers, for sets that have several.
    """
    best: list[tuple[float, str]] = [(float("-inf"), "")] * len(examples)
    empty = [float("inf")] * len(examples)
    contexts = examples["context"].tolist()
    rows = (row for batch in outputs for row in batch)
    for feature, row in zip(features, rows, strict=True):
        example = feature["example"]
        scores = row[: len(feature["offsets"])].float()
        empty[example] = min(empty[example], float(scores[0].sum()))
        found = _best_span(scores, feature)
        if found and found[0] > best[example][0]:
            score, (first, stop) = found
            best[example] = (score, contexts[example][first:stop])
    if task.options.no_answer:
        best = [(null, "") if null > pair[0] else pair for null, pair in zip(empty, best, strict=True)]
    columns = {
        "gold": examples["answer_text"].tolist(),
        "prediction": [text for _, text in best],
        "score": [score for score, _ in best],
    }
    if "answers" in examples:
        columns["answers"] = examples["answers"].tolist()
    return pd.DataFrame(columns, index=examples.index)


def _best_span(scores: Tensor, feature: SpanFeature) -> tuple[float, Span] | None:
    """Return the highest score of a window's spans, and the span's characters; None if no span counts here."""
    spans = feature["spans"] if feature["spans"] is not None else _likely_spans(scores, feature["offsets"])
    spans = [span for span in spans if span[0] in feature["starts"]]
    if not spans:
        return None
    first, last = torch.tensor(spans).T
    totals = scores[first, 0] + scores[last, 1]
    start, end = (feature["offsets"][token] for token in spans[int(totals.argmax())])
    assert start and end
    return float(totals.max()), (start[0], end[1])


def _likely_spans(scores: Tensor, offsets: list[Span | None]) -> list[Span]:
    """Return the spans of at most ``MAX_ANSWER_TOKENS`` from one of the best starts to one of the best ends."""
    count = min(BEST_POSITIONS, len(scores))
    starts, ends = (scores[:, side].topk(count).indices.tolist() for side in (0, 1))
    return [
        (start, end)
        for start, end in itertools.product(starts, ends)
        if start <= end < start + MAX_ANSWER_TOKENS and offsets[start] and offsets[end]
    ]


def shuffle(examples: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Give each context the question of another row."""
    return examples.assign(question=permute(examples["question"].tolist(), seed))
