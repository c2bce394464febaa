"""Extractive question answering: the span of a context that answers a question (SQuAD, Rajpurkar et al. 2016).

A context longer than ``max_length`` is read in windows that overlap by ``stride`` tokens, and the span with the
highest sum of start and end scores over all windows wins; a span counts in the window where its first token has most
context around it, as in the reference implementation of Devlin et al. 2019 (google-research/bert, run_squad.py). A
question takes at most half the length. Where a task says what an answer looks like (option ``answer``, a regular
expression such as an identifier's), only its matches are considered.
"""

import itertools
import re
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from codestilts.errors import CodeStiltsError
from codestilts.tasktypes.base import Batch, Feature, Task, hidden_states, mask_token, mean_pool, pad, permute, sequence

LONGEST_ANSWER = 30  # tokens
SHARPNESS = 40.0  # of the likeness, a cosine at first
BEST = 20  # starts and ends considered in a window


def encode(examples: pd.DataFrame, tokenizer: Any, task: Task) -> list[Feature]:
    """One feature a window; ``start``/``end`` are token places, 0 where the window lacks the answer."""
    encoding = tokenizer(
        _cut([mask_token(text, tokenizer) for text in examples["question"]], tokenizer, task.max_length // 2),
        examples["context"].tolist(),
        truncation="only_second",
        max_length=task.max_length,
        stride=task.options.get("stride", task.max_length // 4),
        return_overflowing_tokens=True,
        return_offsets_mapping=True,
    )
    rows = examples[["id", "context", "answer_start", "answer_text"]].to_dict("records")
    answer = re.compile(task.options["answer"]) if "answer" in task.options else None
    features = []
    for number, example in enumerate(encoding["overflow_to_sample_mapping"]):
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
        inside = [part == 1 for part in encoding.sequence_ids(number)]
        offsets = [
            pair if within else None for pair, within in zip(encoding["offset_mapping"][number], inside, strict=True)
        ]
        found = _places(offsets, [(first, last)]) if last > first else []
        item = sequence(encoding, number)
        features.append(
            {
                "sequences": [item],
                "start": found[0][0] if found else 0,
                "end": found[0][1] if found else 0,
                "offsets": offsets,
                "spans": None if spans is None else _places(offsets, spans),
                "example": example,
                "tokens": len(item["input_ids"]),
            }
        )
    _mark_most_context(features)
    return features


def _mark_most_context(features: list[Feature]) -> None:
    """Set ``starts`` of each feature: the places of the tokens that have most context in this window.

    The context of a token is the fewer of the tokens before and after it in the window's part of the passage; among
    equals the longer window wins, then the first.
    """
    best: dict[tuple[int, int], tuple[float, int]] = {}
    for number, feature in enumerate(features):
        feature["starts"] = set()
        places = [place for place, pair in enumerate(feature["offsets"]) if pair]
        for order, place in enumerate(places):
            context = min(order, len(places) - 1 - order) + 0.01 * len(places)
            key = (feature["example"], feature["offsets"][place][0])
            if key not in best or context > best[key][0]:
                best[key] = (context, number)
    for number, feature in enumerate(features):
        for place, pair in enumerate(feature["offsets"]):
            if pair and best[feature["example"], pair[0]][1] == number:
                feature["starts"].add(place)


def _places(offsets: list[Any], spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The first and last token of each span of characters that lies in the window."""
    starts = {char: place for place, pair in enumerate(offsets) if pair for char in range(*pair)}
    return [(starts[first], starts[last - 1]) for first, last in spans if first in starts and last - 1 in starts]


def _cut(texts: list[str], tokenizer: Any, length: int) -> list[str]:
    """The texts without what goes beyond ``length`` tokens."""
    offsets = tokenizer(
        texts, add_special_tokens=False, truncation=True, max_length=length, return_offsets_mapping=True
    )["offset_mapping"]
    return [text[: places[-1][1] if places else 0] for text, places in zip(texts, offsets, strict=True)]


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

    Both are -1e4 where no answer may start or end.
    A linear score of the token plus its likeness to the question, p W q with W the identity at first (DrQA, Chen et al.
    2017, section 3.2.2): a small encoder finds a name by its meaning much sooner than by attention alone.
    """

    def __init__(self, task: Task, hidden: int, mask_id: int) -> None:
        super().__init__()
        self.scorer = nn.Linear(hidden, 2)
        self.likeness = nn.Parameter(torch.eye(hidden).repeat(2, 1, 1))

    def forward(self, encoder: nn.Module, batch: Batch) -> Tensor:
        hidden = hidden_states(encoder, batch)[0]
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
