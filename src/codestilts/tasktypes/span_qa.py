"""Extractive question answering: the span of a context that answers a question (SQuAD, Rajpurkar et al. 2016).

A context longer than ``max_length`` is read in windows that advance by ``stride`` tokens until one reaches the end
(``doc_stride`` of google-research/bert, run_squad.py, and google-research/xtreme, third_party/processors/squad.py). The
span with the highest sum of start and end scores over all windows wins. A span counts in the window where its first
token has most context around it. A window without the answer is trained to point at position 0. A question is cut to 64
tokens, and to half the length. Where a task describes its answers (option ``answer``, a regular expression such as an
identifier's), only the matches are considered.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
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
    init_like_transformers,
    permutation,
)
from codestilts.tasktypes.records import Records, Selected, as_records
from codestilts.tasktypes.span_windows import NOWHERE, PairFrame, Span, SpanRow, cut, most_context, tokenise_rows
from codestilts.tasktypes.token_states import token_states

# The defaults of google-research/bert, run_squad.py: max_answer_length and n_best_size.
MAX_ANSWER_TOKENS = 30
BEST_POSITIONS = 20  # starts and ends considered in a window
# The quick head's factor of a similarity that begins as a cosine: a lead of 0.1 is 4 nats, enough to stand out among
# the 128 tokens of a window (log 128 = 4.9) before anything is trained.
SHARPNESS = 40.0
MASKED_SCORE = -1e4  # of positions where no answer may start or end; finite, so that losses are


class SpanFeature(Feature):
    """A window of a row's context. Positions are those of tokens in the window, 0 where the answer is elsewhere."""

    example: int  # position of the row
    first: int  # position in the context of the window's first token
    offsets: np.ndarray  # characters of each token in the context, -1 outside the context; shape [tokens, 2]
    start: int
    end: int
    spans: np.ndarray | None  # first and last tokens of the answers allowed by option ``answer``; shape [spans, 2]
    starts: np.ndarray  # tokens that have most context in this window


def encode(examples: pd.DataFrame, tokenizer: Any, task: Task) -> list[SpanRow]:
    """Tokenise each row; :class:`Windows` are its features.

    Raises:
        CodeStiltsError: an answer is missing, not at ``answer_start``, or no match of option ``answer``.
    """
    pattern = re.compile(task.options.answer) if task.options.answer is not None else None
    answers: list[Span | None] = []
    allowed: list[list[Span] | None] = []
    for row in examples[["id", "context", "answer_start", "answer_text"]].to_dict("records"):
        answer = _answer_characters(row, task)
        spans = [match.span() for match in pattern.finditer(row["context"])] if pattern else None
        if spans is not None and answer not in spans:
            raise CodeStiltsError(
                f"task {task.name}, example {row['id']}: the answer {row['answer_text']!r} does not match option "
                f"answer ({task.options.answer}): correct the option or the row"
            )
        answers.append(answer if row["answer_text"] else None)
        allowed.append(spans)
    return tokenise_rows(examples, tokenizer, task, answers, allowed)


def _answer_characters(row: dict[Any, Any], task: Task) -> Span:
    """Return the characters of a row's answer in its context."""
    if not row["answer_text"] and not task.options.no_answer:
        raise CodeStiltsError(f"task {task.name}, example {row['id']}: there is no answer")
    first, stop = row["answer_start"], row["answer_start"] + len(row["answer_text"])
    if row["context"][first:stop] != row["answer_text"]:
        raise CodeStiltsError(f"task {task.name}, example {row['id']}: the answer is not at answer_start")
    return first, stop


class Windows(Records[SpanFeature]):
    """The features of tokenised rows: one for each window, cut when it is read."""

    def __init__(self, rows: Sequence[SpanRow], tokenizer: Any, task: Task, asked: np.ndarray | None = None) -> None:
        """Cut the windows.

        Args:
            rows: tokenised rows.
            tokenizer: what tokenised them.
            task: the task.
            asked: the row whose question each row gets; by default its own.
        """
        self.encoded: Records[SpanRow] = as_records(rows)
        self.frame = PairFrame.of(tokenizer)
        self.asked = np.arange(len(rows)) if asked is None else asked
        questions = self.encoded.lengths("question")[self.asked]
        self.contexts = self.encoded.lengths("context")
        self.cuts = cut(questions, self.contexts, self.frame, task)
        self.ends = self.cuts.windows.cumsum()
        self.row_of = np.repeat(np.arange(len(rows)), self.cuts.windows)
        number = np.arange(len(self.row_of)) - np.repeat(self.ends - self.cuts.windows, self.cuts.windows)
        self.first = number * self.cuts.advance[self.row_of]
        inside = np.minimum(self.cuts.room[self.row_of], self.contexts[self.row_of] - self.first)
        self.sizes = questions[self.row_of] + self.frame.size + inside

    def __len__(self) -> int:
        return len(self.row_of)

    def read(self, index: int) -> SpanFeature:
        """Cut one window."""
        example, first = int(self.row_of[index]), int(self.first[index])
        row, room = self.encoded[example], int(self.cuts.room[example])
        question = self.encoded[int(self.asked[example])]["question"]
        inside = slice(first, first + room)
        sequence = self.frame.token_ids(question, row["context"][inside], row.get("before", self.frame.before))
        tokens = len(sequence["input_ids"])
        before = len(self.frame.before) + len(question) + len(self.frame.between)
        offsets = np.full((tokens, 2), NOWHERE, dtype=np.int32)
        offsets[before : tokens - len(self.frame.after)] = row["offsets"][inside]
        answer = _within(row["answer"], inside, before)
        return {
            "sequences": [sequence],
            "tokens": tokens,
            "example": example,
            "first": first,
            "offsets": offsets,
            "start": int(answer[0, 0]) if len(answer) else 0,
            "end": int(answer[0, 1]) if len(answer) else 0,
            "spans": None if row["spans"] is None else _within(row["spans"], inside, before),
            "starts": self._starts(example, index) - first + before,
        }

    def tokens(self) -> np.ndarray:
        """Return the tokens of each window."""
        return self.sizes

    def rows(self) -> np.ndarray:
        """Return the row of each window."""
        return self.row_of

    def _starts(self, example: int, index: int) -> np.ndarray:
        """Return the tokens of a row's context that have most context in a window."""
        windows = int(self.cuts.windows[example])
        if windows == 1:
            return np.arange(self.contexts[example])
        number = index - int(self.ends[example]) + windows
        firsts = np.arange(windows) * self.cuts.advance[example]
        return np.flatnonzero(most_context(firsts, int(self.cuts.room[example]), int(self.contexts[example])) == number)


def _within(spans: np.ndarray, inside: slice, before: int) -> np.ndarray:
    """Return the spans of a context that lie in a part of it, as positions in its window."""
    chosen = spans[(spans[:, 0] >= inside.start) & (spans[:, 1] < inside.stop)]
    return chosen - inside.start + before


features = Windows


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
    real = batch["attention_mask"].numpy() == 1
    inside = np.zeros(real.shape, dtype=bool)
    inside[real] = np.concatenate([feature["offsets"][:, 1] for feature in features]) > NOWHERE
    inside[:, 0] = True
    allowed = np.repeat(inside[:, :, None], 2, axis=2)
    spans = {row: feature["spans"] for row, feature in enumerate(features) if feature["spans"] is not None}
    if spans:
        allowed[list(spans), 1:] = False
        rows = np.repeat(list(spans), [len(of_row) for of_row in spans.values()])
        tokens = np.concatenate(list(spans.values()))
        for side in (0, 1):
            allowed[rows, tokens[:, side], side] = True
    batch["inside"], batch["allowed"] = torch.from_numpy(inside), torch.from_numpy(allowed)
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
        asked = torch.einsum("shk,wk->wsh", self.similarity, question).flatten(0, 1)
        # Every token with both questions' vectors of every window, one product, of which each token takes its window's.
        own = 2 * states.layout.sequence.unsqueeze(1) + torch.arange(2, device=asked.device)
        length = torch.linalg.vector_norm(states.last, dim=-1, keepdim=True).clamp(min=1e-12)
        similarity = (states.last @ asked.T).gather(1, own) / length
        scores = states.padded(scores + SHARPNESS * similarity)
        return scores.masked_fill(~batch["allowed"], MASKED_SCORE)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Mean of the start and end cross entropies, averaged over the windows."""
        return (F.cross_entropy(outputs[..., 0], batch["start"]) + F.cross_entropy(outputs[..., 1], batch["end"])) / 2


def decode(
    outputs: list[Tensor], features: list[SpanFeature], examples: pd.DataFrame, task: Task, tokenizer: Any = None
) -> pd.DataFrame:
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
    spans = spans[np.isin(spans[:, 0], feature["starts"])]
    if not len(spans):
        return None
    first, last = torch.from_numpy(spans).long().T
    totals = scores[first, 0] + scores[last, 1]
    start, end = spans[int(totals.argmax())]
    return float(totals.max()), (int(feature["offsets"][start, 0]), int(feature["offsets"][end, 1]))


def _likely_spans(scores: Tensor, offsets: np.ndarray) -> np.ndarray:
    """Return the spans of at most ``MAX_ANSWER_TOKENS`` from one of the best starts to one of the best ends."""
    count = min(BEST_POSITIONS, len(scores))
    start, end = (scores[:, side].topk(count).indices.numpy() for side in (0, 1))
    spans = np.stack([np.repeat(start, count), np.tile(end, count)], 1)
    lengths = spans[:, 1] - spans[:, 0]
    in_context = (offsets[spans] > NOWHERE).any(2).all(1)
    return spans[(lengths >= 0) & (lengths < MAX_ANSWER_TOKENS) & in_context]


def shuffle(features: Windows, seed: int, tokenizer: Any, task: Task) -> Windows:
    """Give each context the question of another row."""
    return Windows(features.encoded, tokenizer, task, asked=permutation(len(features.encoded), seed))


def select(features: Windows, rows: np.ndarray, tokenizer: Any, task: Task) -> Windows:
    """Return the windows of some rows."""
    return Windows(Selected(features.encoded, rows), tokenizer, task)
