"""Find the partner of a text: descriptions and code, or one function in two languages.

Trained as a bi-encoder with in-batch negatives (InfoNCE, van den Oord et al. 2018; both directions, as CLIP):
mean-pooled states, cosine, temperature 0.05. Untrained, the same vectors are compared as they are, by rank (Tatoeba,
Artetxe & Schwenk 2019b) or by the ratio margin among distractors (BUCC, Artetxe & Schwenk 2019a, section 3).
"""

from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from codestilts.metrics.ranking import average_precision_at_r
from codestilts.tasktypes.base import Batch, Feature, Task, encode_texts, pad, permute, pooled_states

TEMPERATURE = 0.05
NEIGHBOURS = 4  # of the ratio margin


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
    vectors = torch.cat(outputs).float().numpy()
    search = {"mining": _mine, "map": _group}.get(task.options.get("protocol", "rank"), _rank)
    places = pd.Series(np.arange(len(examples)), index=examples.index)
    parts = [
        search(part, vectors[places[part.index].to_numpy()])
        for _, part in examples.groupby(["language", "split"], sort=True)
    ]
    return pd.concat(parts).reindex(examples.index)


def _rank(examples: pd.DataFrame, vectors: np.ndarray) -> pd.DataFrame:
    similarity = vectors[:, 0] @ vectors[:, 1].T
    cluster = pd.factorize(examples["cluster"])[0]
    own = np.eye(len(similarity), dtype=bool)
    similarity[(cluster[:, None] == cluster[None, :]) & ~own] = -np.inf
    rank = 1 + ((similarity >= np.diag(similarity)[:, None]) & ~own).sum(1)
    best = np.where(rank == 1, np.arange(len(rank)), np.where(own, -np.inf, similarity).argmax(1))
    ids = examples["id"].to_numpy()
    return pd.DataFrame({"gold": ids, "prediction": ids[best], "score": 1.0 / rank}, index=examples.index)


def _mine(examples: pd.DataFrame, vectors: np.ndarray) -> pd.DataFrame:
    """One row a query: the document that mining pairs it with; ``gold`` is empty for a query without a partner.

    As google-research/xtreme mines BUCC: of each side's nearest neighbours by cosine the one with the highest ratio
    margin is proposed, the proposals of both sides are taken from the highest margin down, and each text is taken once.
    A query that is left over gets an empty prediction, with the lowest margin of all.
    """
    has_query, has_document = (examples[side].ne("").to_numpy() for side in ("query", "document"))
    similarity = vectors[has_query, 0] @ vectors[has_document, 1].T
    near = min(NEIGHBOURS, *similarity.shape)
    forward, backward = (_nearest(table, near) for table in (similarity, similarity.T))
    means = (np.take_along_axis(similarity, forward, 1).mean(1), np.take_along_axis(similarity.T, backward, 1).mean(1))
    margin = similarity / ((means[0][:, None] + means[1][None, :]) / 2)
    proposed = [(query, _best_of(margin[query], forward[query])) for query in range(len(forward))]
    proposed += [(_best_of(margin[:, document], backward[document]), document) for document in range(len(backward))]
    pairs = np.array(proposed)
    partner, taken = np.full(len(similarity), -1), np.zeros(similarity.shape[1], dtype=bool)
    for query, document in pairs[np.argsort(-margin[pairs[:, 0], pairs[:, 1]], kind="stable")]:
        if partner[query] < 0 and not taken[document]:
            partner[query], taken[document] = document, True
    ids = examples["id"].to_numpy()
    found = partner >= 0
    score = np.where(found, margin[np.arange(len(partner)), partner], margin.min())
    prediction = np.where(found, ids[has_document][partner], "")
    gold = np.where(has_document, ids, "")[has_query]
    return pd.DataFrame({"gold": gold, "prediction": prediction, "score": score}, index=examples.index[has_query])


def _nearest(similarity: np.ndarray, count: int) -> np.ndarray:
    """The columns of the highest values of each row, the first ones among equals."""
    return np.argsort(-similarity, axis=1, kind="stable")[:, :count]


def _best_of(margin: np.ndarray, places: np.ndarray) -> int:
    return int(places[np.argmax(margin[places])])


def _group(examples: pd.DataFrame, vectors: np.ndarray) -> pd.DataFrame:
    """Every query against all others, right being those of its cluster (problem): average precision (POJ-104)."""
    unit = vectors[:, 0]
    similarity = unit @ unit.T
    precision = average_precision_at_r(similarity, pd.factorize(examples["cluster"])[0])
    np.fill_diagonal(similarity, -np.inf)
    ids = examples["id"].to_numpy()
    frame = {"gold": examples["cluster"], "prediction": ids[similarity.argmax(1)], "score": precision}
    return pd.DataFrame(frame, index=examples.index)


def shuffle(examples: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The same queries with the documents of other rows."""
    return examples.assign(document=permute(examples["document"].tolist(), seed))
