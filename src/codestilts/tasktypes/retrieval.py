"""Find the partner of a text: descriptions and code, or one function in two languages.

Trained as a bi-encoder with in-batch negatives (InfoNCE, van den Oord et al. 2018; both directions, as CLIP):
mean-pooled states, cosine, temperature 0.05. Untrained, the same vectors are compared as they are, by rank (Tatoeba,
Artetxe & Schwenk 2019b) or by the ratio margin among distractors (BUCC, Artetxe & Schwenk 2019a, section 3).
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from codestilts.evaluation.metrics.ranking import average_precision_at_r, occurs_once
from codestilts.tasktypes.base import Batch, Feature, Task, encode_texts, pad, permute, pooled_states

TEMPERATURE = 0.05
NEIGHBOURS = 4  # of the ratio margin
BLOCK = 1 << 26  # similarities that are in memory at once
FEW = 4096  # documents that are sorted whole


def encode(examples: pd.DataFrame, tokenizer: Any, task: Task) -> list[Feature]:
    """One feature a row: the query's and the document's sequence (an empty text where a row has only one side)."""
    sides = [encode_texts(tokenizer, examples[side].tolist(), None, task.max_length) for side in ("query", "document")]
    clusters = pd.factorize(examples["cluster"])[0].tolist()
    return [
        {"sequences": list(pair), "cluster": cluster, "tokens": sum(len(side["input_ids"]) for side in pair)}
        for pair, cluster in zip(zip(*sides, strict=True), clusters, strict=True)
    ]


def collate(features: list[Feature], tokenizer: Any, rng: Any = None) -> Batch:
    """Queries and documents in turn; ``cluster`` numbers the near-duplicates, which aren't each other's negatives."""
    batch = pad([part for feature in features for part in feature["sequences"]], tokenizer.pad_token_id)
    batch["cluster"] = torch.tensor([feature["cluster"] for feature in features])
    return batch


class Head(nn.Module):
    """No parameters: unit vectors of queries and documents, shape [examples, 2, hidden].

    With option ``layers`` the vectors of each of these blocks, shape [examples, 2, layers, hidden]. The published head
    is UniXcoder's (Guo et al. 2022, microsoft/CodeBERT UniXcoder/downstream-tasks/code-search/model.py): the same
    vectors and temperature, and a loss that goes from queries to documents only.
    """

    def __init__(self, task: Task, config: Any, mask_id: int, dropout: float) -> None:
        super().__init__()
        self.published = task.head == "published"
        self.layers = task.options.get("layers") or [task.options.get("layer", -1)]

    def forward(self, encoder: nn.Module, batch: Batch) -> Tensor:
        pooled = pooled_states(encoder, batch, self.layers)
        return F.normalize(pooled, dim=-1).unflatten(0, (-1, 2))

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Mean of the query-to-document and document-to-query cross entropies; as published the first alone."""
        similarity = outputs[:, 0] @ outputs[:, 1].T / TEMPERATURE
        same = batch["cluster"][:, None] == batch["cluster"][None, :]
        similarity = similarity.masked_fill(same & ~torch.eye(len(same), dtype=torch.bool, device=same.device), -1e4)
        gold = torch.arange(len(similarity), device=similarity.device)
        forth = F.cross_entropy(similarity, gold)
        return forth if self.published else (forth + F.cross_entropy(similarity.T, gold)) / 2


def decode(outputs: list[Tensor], features: list[Feature], examples: pd.DataFrame, task: Task) -> pd.DataFrame:
    """Search each language and split by itself: by rank, or by margin where the task's protocol is ``mining``.

    Rank: ``prediction`` is the id of the first document, ``score`` the reciprocal rank of the row's own. Ties go
    against the row (its own document is placed after the equals), so that a collapsed encoder scores nothing.
    """
    vectors = torch.cat(outputs).float()
    search = {"mining": _mine, "map": _group}.get(task.options.get("protocol", "rank"), _rank)
    places = pd.Series(np.arange(len(examples)), index=examples.index)
    parts = [
        search(part, vectors[torch.tensor(places[part.index].to_numpy(), device=vectors.device)])
        for _, part in examples.groupby(["language", "split"], sort=True)
    ]
    return pd.concat(parts).reindex(examples.index)


def _rank(examples: pd.DataFrame, states: Tensor) -> pd.DataFrame:
    vectors = states.cpu().numpy()
    similarity = vectors[:, 0] @ vectors[:, 1].T
    cluster = pd.factorize(examples["cluster"])[0]
    own = np.eye(len(similarity), dtype=bool)
    similarity[(cluster[:, None] == cluster[None, :]) & ~own] = -np.inf
    rank = 1 + ((similarity >= np.diag(similarity)[:, None]) & ~own).sum(1)
    best = np.where(rank == 1, np.arange(len(rank)), np.where(own, -np.inf, similarity).argmax(1))
    ids = examples["id"].to_numpy()
    return pd.DataFrame({"gold": ids, "prediction": ids[best], "score": 1.0 / rank}, index=examples.index)


def _mine(examples: pd.DataFrame, states: Tensor) -> pd.DataFrame:
    """One row a query: the document that mining pairs it with; ``gold`` is empty for a query without a partner.

    As google-research/xtreme mines BUCC (third_party/utils_retrieve.py): of each side's nearest neighbours by cosine
    the one with the highest ratio margin is proposed, the proposals of both sides are taken from the highest margin
    down, and each text is taken once. Equal texts of a side are searched as one; as nobody can tell which of them is
    meant, a query that occurs twice, or whose document does, gets an empty prediction, as one does that is left over.
    """
    asked, offered = (_texts(examples[side]) for side in ("query", "document"))
    forward, backward = _neighbours(states[asked.first, 0], states[offered.first, 1])
    means = forward.values.mean(1), backward.values.mean(1)
    margins = forward.values / ((means[0][:, None] + means[1][forward.places]) / 2)
    reverse = backward.values / ((means[0][backward.places] + means[1][:, None]) / 2)
    best, best_reverse = margins.argmax(1), reverse.argmax(1)
    ours, theirs = np.arange(len(best)), np.arange(len(best_reverse))
    queries = np.concatenate([ours, backward.places[theirs, best_reverse]])
    documents = np.concatenate([forward.places[ours, best], theirs])
    margin = np.concatenate([margins[ours, best], reverse[theirs, best_reverse]])
    partner, taken = np.full(len(ours), -1), np.zeros(len(theirs), dtype=bool)
    score = np.full(len(ours), margin.min())
    for place in np.argsort(-margin, kind="stable"):
        query, document = queries[place], documents[place]
        if partner[query] < 0 and not taken[document]:
            partner[query], taken[document], score[query] = document, True, margin[place]
    ids = np.where(offered.once, examples["id"].to_numpy()[offered.first], "")
    found = np.where((partner >= 0) & asked.once, ids[partner], "")
    gold = examples["id"].where(examples["document"] != "", "")[examples["query"] != ""]
    result = {"gold": gold, "prediction": found[asked.group], "score": score[asked.group]}
    return pd.DataFrame(result, index=gold.index)


class _Texts(NamedTuple):
    """The different texts of a side, in the order in which they come."""

    first: np.ndarray  # the row of each
    once: np.ndarray  # whether no other row has it
    group: np.ndarray  # of each row with a text, which of them it has


def _texts(side: pd.Series) -> _Texts:
    rows = np.flatnonzero(side != "")
    texts = side.iloc[rows]
    group, _ = pd.factorize(texts.str.strip())
    new = ~pd.Series(group).duplicated().to_numpy()
    return _Texts(rows[new], occurs_once(texts).to_numpy()[new], group)


class _Near(NamedTuple):
    """The nearest neighbours of each text of a side, at most :data:`NEIGHBOURS`, from the nearest down."""

    values: np.ndarray  # cosines
    places: np.ndarray


def _neighbours(queries: Tensor, documents: Tensor) -> tuple[_Near, _Near]:
    """Those of the queries among the documents and the reverse, comparing :data:`BLOCK` pairs at a time."""
    block = BLOCK << 4 if queries.is_cuda else BLOCK
    step = max(1, block // max(len(documents), 1))
    forward, backward = [], None
    for start in range(0, len(queries), step):
        similarity = _product(queries[start : start + step], documents)
        forward.append(_highest(similarity))
        near = _highest(similarity.T)
        near = _Near(near.values, near.places + start)
        if backward:
            near = _Near(*(np.concatenate(both, 1) for both in zip(backward, near, strict=True)))
            order = np.argsort(-near.values, axis=1, kind="stable")[:, :NEIGHBOURS]
            near = _Near(*(np.take_along_axis(table, order, 1) for table in near))
        backward = near
    assert backward
    return _Near(*(np.concatenate(parts) for parts in zip(*forward, strict=True))), backward


def _product(one: Tensor, other: Tensor) -> Any:
    return one @ other.T if one.is_cuda else one.numpy() @ other.numpy().T


def _highest(similarity: Any) -> _Near:
    """The highest values of each row and their columns; among equals the first ones, where a CPU looks."""
    count = min(NEIGHBOURS, similarity.shape[1])
    if isinstance(similarity, Tensor):
        return _Near(*(found.cpu().numpy() for found in similarity.topk(count, dim=1)))
    if similarity.shape[1] <= FEW:
        places = np.argsort(-similarity, axis=1, kind="stable")[:, :count]
    else:
        places = _first_highest(similarity, count)
    return _Near(np.take_along_axis(similarity, places, 1), places)


def _first_highest(similarity: np.ndarray, count: int) -> np.ndarray:
    """What a stable sort of each row from the highest value down begins with, without sorting whole rows."""
    places = np.empty((len(similarity), count), dtype=np.int64)
    for row, values in enumerate(similarity):
        lowest = -np.partition(-values, count - 1)[count - 1]
        enough = np.flatnonzero(values >= lowest)
        places[row] = enough[np.argsort(-values[enough], kind="stable")[:count]]
    return places


def _group(examples: pd.DataFrame, states: Tensor) -> pd.DataFrame:
    """Every query against all others, right being those of its cluster (problem): average precision (POJ-104)."""
    unit = states[:, 0].cpu().numpy()
    similarity = unit @ unit.T
    precision = average_precision_at_r(similarity, pd.factorize(examples["cluster"])[0])
    np.fill_diagonal(similarity, -np.inf)
    ids = examples["id"].to_numpy()
    frame = {"gold": examples["cluster"], "prediction": ids[similarity.argmax(1)], "score": precision}
    return pd.DataFrame(frame, index=examples.index)


def shuffle(examples: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The same queries with the documents of other rows."""
    return examples.assign(document=permute(examples["document"].tolist(), seed))
