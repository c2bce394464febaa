"""Extractive question answering: the span of a context that answers a question (SQuAD, Rajpurkar et al. 2016).

A context longer than ``max_length`` is read in windows, each ``stride`` tokens further on, until one reaches the end
(``doc_stride`` of google-research/bert, run_squad.py, and google-research/xtreme, third_party/processors/squad.py); the
span with the highest sum of start and end scores over all windows wins, and a span counts in the window where its first
token has most context around it. A window without the answer is trained to point at place 0. A question is cut to 64
tokens, and to half the length. Where a task says what an answer looks like (option ``answer``, a regular expression
such as an identifier's), only its matches are considered.
"""

import itertools
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from codestilts.errors import CodeStiltsError
from codestilts.tasktypes.base import (
    TEXTS,
    Batch,
    Feature,
    Task,
    as_published,
    hidden_states,
    mask_token,
    mean_pool,
    pad,
    permute,
)

LONGEST_QUESTION = 64  # tokens
LONGEST_ANSWER = 30  # tokens
SHARPNESS = 40.0  # of the likeness, a cosine at first
BEST = 20  # starts and ends considered in a window


def encode(examples: pd.DataFrame, tokenizer: Any, task: Task) -> list[Feature]:
    """One feature a window; ``start``/``end`` are token places, 0 where the window lacks the answer.

    ``first`` is the place of the window's first token in the context. Raises :class:`CodeStiltsError` for an answer
    that is not where it should be.
    """
    rows = examples[["id", "context", "answer_start", "answer_text"]].to_dict("records")
    answer = re.compile(task.options["answer"]) if "answer" in task.options else None
    features: list[Feature] = []
    for example, item, offsets, begin in _windows(examples, tokenizer, task):
        row = rows[example]
        if not row["answer_text"] and not task.options.get("no_answer"):
            raise CodeStiltsError(f"task {task.name}, example {row['id']}: there is no answer")
        first, last = row["answer_start"], row["answer_start"] + len(row["answer_text"])
        if row["context"][first:last] != row["answer_text"]:
            raise CodeStiltsError(f"task {task.name}, example {row['id']}: the answer is not at answer_start")
        spans = [match.span() for match in answer.finditer(row["context"])] if answer else None
        if spans is not None and (first, last) not in spans:
            raise CodeStiltsError(
                f"task {task.name}, example {row['id']}: the answer {row['answer_text']!r} is not what option answer "
                f"({task.options['answer']}) finds there"
            )
        found = _places(offsets, [(first, last)]) if last > first else []
        features.append(
            {
                "sequences": [item],
                "start": found[0][0] if found else 0,
                "end": found[0][1] if found else 0,
                "offsets": offsets,
                "first": begin,
                "spans": None if spans is None else _places(offsets, spans),
                "example": example,
                "tokens": len(item["input_ids"]),
            }
        )
    _mark_most_context(features)
    return features


def _windows(
    examples: pd.DataFrame, tokenizer: Any, task: Task
) -> Iterator[tuple[int, Feature, list[tuple[int, int] | None], int]]:
    """Of each window its example, its model inputs, each token's characters in the context, and its first token."""
    before, between, after, types = _frame(tokenizer)
    plain: dict[str, Any] = {
        "add_special_tokens": False,
        "return_attention_mask": False,
        "return_token_type_ids": False,
    }
    longest = min(LONGEST_QUESTION, task.max_length // 2)
    for chunk in range(0, len(examples), TEXTS):
        rows = examples.iloc[chunk : chunk + TEXTS]
        questions = tokenizer([mask_token(text, tokenizer) for text in rows["question"]], **plain)["input_ids"]
        contexts = tokenizer(rows["context"].tolist(), return_offsets_mapping=True, **plain)
        for number, (question, tokens) in enumerate(zip(questions, contexts["input_ids"], strict=True)):
            front = [*before, *question[:longest], *between]
            room = task.max_length - len(front) - len(after)
            if room < 1:
                raise CodeStiltsError(f"task {task.name}: max_length {task.max_length} leaves no room for a passage")
            advance = min(task.options.get("stride", max(1, room - task.max_length // 4)), room)
            for begin in range(0, max(1, len(tokens) - room + advance), advance):
                window = slice(begin, begin + room)
                parts = (front, [*tokens[window], *after])
                item = {"input_ids": np.array([*parts[0], *parts[1]], dtype=np.int32)}
                if types:
                    item["token_type_ids"] = np.repeat(types, [len(part) for part in parts]).astype(np.int32)
                offsets = [None] * len(front) + contexts["offset_mapping"][number][window] + [None] * len(after)
                yield chunk + number, item, offsets, begin


def _frame(tokenizer: Any) -> tuple[list[int], list[int], list[int], list[int]]:
    """What the tokenizer puts before, between and after two texts; and the types of both, where it has them."""
    encoding = tokenizer(tokenizer.unk_token, tokenizer.unk_token)
    ids, parts = encoding["input_ids"], encoding.sequence_ids(0)
    (first, second), end = (parts.index(0), parts.index(1)), len(parts)
    between, after = second - parts[:second][::-1].index(0), end - parts[::-1].index(1)
    types = encoding.get("token_type_ids")
    return ids[:first], ids[between:second], ids[after:], [types[first], types[second]] if types else []


def _mark_most_context(features: list[Feature]) -> None:
    """Set ``starts`` of each feature: the places of the tokens that have most context in this window.

    The context of a token is the fewer of the tokens before and after it in the window's part of the passage; among
    equals the longer window wins, then the first.
    """
    best: dict[tuple[int, int], tuple[float, int]] = {}
    for number, feature in enumerate(features):
        feature["starts"] = set()
        places = [place for place, pair in enumerate(feature["offsets"]) if pair]
        for order in range(len(places)):
            context = min(order, len(places) - 1 - order) + 0.01 * len(places)
            key = (feature["example"], feature["first"] + order)
            if key not in best or context > best[key][0]:
                best[key] = (context, number)
    for number, feature in enumerate(features):
        places = [place for place, pair in enumerate(feature["offsets"]) if pair]
        for order, place in enumerate(places):
            if best[feature["example"], feature["first"] + order][1] == number:
                feature["starts"].add(place)


def _places(offsets: list[Any], spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The first and last token of each span of characters that lies in the window."""
    places = [(char, place) for place, pair in enumerate(offsets) if pair for char in range(*pair)]
    starts, ends = dict(reversed(places)), dict(places)  # a character may have several tokens
    return [(starts[first], ends[last - 1]) for first, last in spans if first in starts and last - 1 in ends]


def collate(features: list[Feature], tokenizer: Any, rng: Any = None) -> Batch:
    """Windows with ``start`` and ``end`` places; ``inside`` is true for the tokens of the context (and place 0).

    ``allowed``, shape [windows, tokens, 2], is true where an answer may start and where it may end.
    """
    batch = pad([feature["sequences"][0] for feature in features], tokenizer.pad_token_id)
    batch["start"] = torch.tensor([feature["start"] for feature in features])
    batch["end"] = torch.tensor([feature["end"] for feature in features])
    inside = torch.zeros_like(batch["input_ids"], dtype=torch.bool)
    for row, feature in enumerate(features):
        places = [place for place, pair in enumerate(feature["offsets"]) if pair]
        inside[row, [0, *places]] = True
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

    As published a linear layer, over all tokens (transformers' RobertaForQuestionAnswering, which XTREME's run_squad.py
    takes; jiant's QAHead is the same); only padding scores -1e4.

    Ours adds the token's likeness to the question, p W q with W the identity at first (DrQA, Chen et al. 2017, section
    3.2.2): a small encoder finds a name by its meaning much sooner than by attention alone. Scores are -1e4 where no
    answer may start or end.
    """

    def __init__(self, task: Task, config: Any, mask_id: int, dropout: float) -> None:
        super().__init__()
        self.scorer = nn.Linear(config.hidden_size, 2)
        self.published = task.head == "published"
        if self.published:
            as_published(self, config)
        else:
            self.likeness = nn.Parameter(torch.eye(config.hidden_size).repeat(2, 1, 1))

    def forward(self, encoder: nn.Module, batch: Batch) -> Tensor:
        hidden = hidden_states(encoder, batch)[0]
        if self.published:
            return self.scorer(hidden).masked_fill(batch["attention_mask"].unsqueeze(-1) == 0, -1e4)
        question = F.normalize(mean_pool(hidden, batch["attention_mask"] * ~batch["inside"]), dim=-1)
        likeness = torch.einsum("wth,shk,wk->wts", F.normalize(hidden, dim=-1), self.likeness, question)
        scores = self.scorer(hidden) + SHARPNESS * likeness
        return scores.masked_fill(~batch["allowed"], -1e4)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Mean of the start and end cross entropies over the windows."""
        return (F.cross_entropy(outputs[..., 0], batch["start"]) + F.cross_entropy(outputs[..., 1], batch["end"])) / 2


def decode(outputs: list[Tensor], features: list[Feature], examples: pd.DataFrame, task: Task) -> pd.DataFrame:
    """The best-scoring span of each example, as text; ``score`` is the sum of its start and end scores.

    Where a question may have no answer, the empty one wins if in some window it scores above the best span of all, its
    score being that of place 0, the least over the windows (Devlin et al. 2019, section 4.3, with threshold 0).
    ``answers`` are all accepted answers, for sets that have several.
    """
    best: list[tuple[float, str]] = [(float("-inf"), "")] * len(examples)
    empty = [float("inf")] * len(examples)
    contexts = examples["context"].tolist()
    rows = (row for batch in outputs for row in batch)
    for feature, row in zip(features, rows, strict=True):
        offsets = feature["offsets"]
        row = row[: len(offsets)].float()
        empty[feature["example"]] = min(empty[feature["example"]], float(row[0].sum()))
        spans = feature["spans"] if feature["spans"] is not None else _likely_spans(row, offsets)
        spans = [span for span in spans if span[0] in feature["starts"]]
        if not spans:
            continue
        first, last = torch.tensor(spans).T
        scores = row[first, 0] + row[last, 1]
        start, end = spans[int(scores.argmax())]
        if float(scores.max()) > best[feature["example"]][0]:
            text = contexts[feature["example"]][offsets[start][0] : offsets[end][1]]
            best[feature["example"]] = (float(scores.max()), text)
    if task.options.get("no_answer"):
        best = [(null, "") if null > pair[0] else pair for null, pair in zip(empty, best, strict=True)]
    columns = {
        "gold": examples["answer_text"].tolist(),
        "prediction": [text for _, text in best],
        "score": [score for score, _ in best],
    }
    several = {"answers": examples["answers"].tolist()} if "answers" in examples else {}
    return pd.DataFrame(columns | several, index=examples.index)


def _likely_spans(scores: Tensor, offsets: list[Any]) -> list[tuple[int, int]]:
    """Every span of at most ``LONGEST_ANSWER`` tokens from one of the best starts to one of the best ends."""
    starts, ends = (scores[:, side].topk(min(BEST, len(scores))).indices.tolist() for side in (0, 1))
    return [
        (start, end)
        for start, end in itertools.product(starts, ends)
        if start <= end < start + LONGEST_ANSWER and offsets[start] and offsets[end]
    ]


def shuffle(examples: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The same contexts, each with the question of another row."""
    return examples.assign(question=permute(examples["question"].tolist(), seed))
