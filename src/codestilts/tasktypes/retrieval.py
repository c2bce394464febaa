"""Find the partner of a text: descriptions and code, or one function in two languages.

Training uses a bi-encoder with in-batch negatives (InfoNCE, van den Oord et al. 2018; both directions, as CLIP):
mean-pooled states, cosine, temperature 0.05. Untrained, the same vectors are compared directly, by rank (Tatoeba,
Artetxe & Schwenk 2019b) or by the ratio margin among distractors (BUCC, Artetxe & Schwenk 2019a, section 3).
"""

from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from codestilts.evaluation.metrics.ranking import average_precision_at_r, nearest_labels
from codestilts.tasktypes.base import (
    Batch,
    Feature,
    Task,
    collate_sequences,
    count_tokens,
    encode_texts,
    permutation,
)
from codestilts.tasktypes.mining import mine
from codestilts.tasktypes.records import Changed, Records
from codestilts.tasktypes.search import reach_and_highest, similarity_rows, take
from codestilts.tasktypes.token_states import pooled_states

# As UniXcoder (Guo et al. 2022, code-search/run.py multiplies by 20) and SimCSE (Gao et al. 2021, arXiv 2104.08821).
TEMPERATURE = 0.05
EXCLUDED = -1e4  # similarity of a near-duplicate that is no negative; finite, so that losses are


class PairFeature(Feature):
    """A query and a document; near-duplicates have the same ``cluster``."""

    cluster: int


def encode(examples: pd.DataFrame, tokenizer: Any, task: Task) -> list[PairFeature]:
    """Encode each row as one feature: the query and the document (empty texts where a row has only one side)."""
    sides = [encode_texts(tokenizer, examples[side].tolist(), None, task.max_length) for side in ("query", "document")]
    clusters = pd.util.hash_array(examples["cluster"].to_numpy(dtype=object)).view(np.int64).tolist()
    return [
        {"sequences": list(pair), "tokens": count_tokens(pair), "cluster": cluster}
        for pair, cluster in zip(zip(*sides, strict=True), clusters, strict=True)
    ]


def collate(features: list[PairFeature], tokenizer: Any, rng: Any = None) -> Batch:
    """Batch queries and documents in turn; ``cluster`` numbers the near-duplicates, which are no negatives."""
    batch = collate_sequences(features, tokenizer.pad_token_id)
    batch["cluster"] = torch.tensor([feature["cluster"] for feature in features])
    return batch


class Head(nn.Module):
    """No parameters: unit vectors of queries and documents, shape [examples, 2, hidden].

    Where the task names several ``layers``, the vectors of each, shape [examples, 2, layers, hidden]. The published
    head is UniXcoder's (Guo et al. 2022, microsoft/CodeBERT UniXcoder/downstream-tasks/code-search/model.py): the same
    vectors and temperature, and a loss from queries to documents only.
    """

    def __init__(self, task: Task, config: Any, mask_id: int, dropout: float) -> None:
        super().__init__()
        self.published = task.head == "published"
        self.layers = task.layers or (task.options.layer,)

    def forward(self, encoder: nn.Module, batch: Batch) -> Tensor:
        pooled = pooled_states(encoder, batch, self.layers)
        return F.normalize(pooled, dim=-1).unflatten(0, (-1, 2))

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Mean of the query-to-document and document-to-query cross entropies; the published head has the first."""
        similarity = outputs[:, 0] @ outputs[:, 1].T / TEMPERATURE
        same = batch["cluster"][:, None] == batch["cluster"][None, :]
        diagonal = torch.eye(len(same), dtype=torch.bool, device=same.device)
        similarity = similarity.masked_fill(same & ~diagonal, EXCLUDED)
        gold = torch.arange(len(similarity), device=similarity.device)
        to_document = F.cross_entropy(similarity, gold)
        return to_document if self.published else (to_document + F.cross_entropy(similarity.T, gold)) / 2


def decode(
    outputs: list[Tensor], features: list[PairFeature], examples: pd.DataFrame, task: Task, tokenizer: Any = None
) -> pd.DataFrame:
    """Search each language and split separately, by the task's protocol."""
    vectors = torch.cat(outputs).float()
    search = {"rank": _rank, "mining": mine, "map": _rank_by_cluster}[task.options.protocol]
    positions = pd.Series(np.arange(len(examples)), index=examples.index)
    parts = [
        search(part, vectors, positions[part.index].to_numpy())
        for _, part in examples.groupby(["language", "split"], sort=True)
    ]
    return pd.concat(parts).reindex(examples.index)


def _rank(examples: pd.DataFrame, vectors: Tensor, rows: np.ndarray) -> pd.DataFrame:
    """Rank all documents for each query, near-duplicates of its own document left out.

    ``prediction`` is the id of the first document, ``score`` the reciprocal rank of the query's own. Ties count against
    the query (its own document comes after its equals), so that a collapsed encoder scores nothing.
    """
    codes = pd.factorize(examples["cluster"])[0]
    cluster = torch.tensor(codes, device=vectors.device)
    alone = torch.tensor(np.bincount(codes)[codes] == 1, device=vectors.device)
    ranks, predictions = [], []
    for start, similarity in similarity_rows(take(vectors[:, 0], rows), take(vectors[:, 1], rows)):
        asking = torch.arange(len(similarity), device=similarity.device)
        own = asking + start
        own_similarity = similarity[asking, own]
        if alone[own].all():
            similarity[asking, own] = -torch.inf
        else:
            similarity.masked_fill_(cluster[own][:, None] == cluster, -torch.inf)
        reached, best = reach_and_highest(similarity, own_similarity)
        ranks.append((1 + reached).cpu().numpy())
        predictions.append(torch.where(reached == 0, own, best).cpu().numpy())
    ids = examples["id"].to_numpy()
    columns = {"gold": ids, "prediction": ids[np.concatenate(predictions)], "score": 1.0 / np.concatenate(ranks)}
    return pd.DataFrame(columns, index=examples.index)


def _rank_by_cluster(examples: pd.DataFrame, vectors: Tensor, rows: np.ndarray) -> pd.DataFrame:
    """Rank all other rows for each query; those of its cluster (problem) are right (POJ-104).

    ``prediction`` is the cluster of the first row, ``score`` the average precision.
    """
    queries, (codes, clusters) = take(vectors[:, 0], rows), pd.factorize(examples["cluster"])
    nearest, precision = [], []
    for start, block in similarity_rows(queries, queries):
        similarity = block.cpu().numpy()
        nearest.append(nearest_labels(similarity, codes, start))
        precision.append(average_precision_at_r(similarity, codes, start))
    columns = {"prediction": clusters[np.concatenate(nearest)], "score": np.concatenate(precision)}
    return pd.DataFrame({"gold": examples["cluster"], **columns}, index=examples.index)


def shuffle(features: Records[PairFeature], seed: int, tokenizer: Any, task: Task) -> Records[PairFeature]:
    """Give each query the document of another row."""
    order = permutation(len(features), seed)

    def pair(index: int) -> dict[str, Any]:
        sequences = [features[index]["sequences"][0], features[int(order[index])]["sequences"][1]]
        return {"sequences": sequences, "tokens": count_tokens(sequences)}

    sizes = np.array([[len(part["input_ids"]) for part in feature["sequences"]] for feature in features])
    return Changed(features, pair, sizes[:, 0] + sizes[order, 1])
