"""Choose the continuation or answer that fits a context (HellaSwag, CommonsenseQA, function naming)."""

from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from codestilts.errors import CodeStiltsError
from codestilts.tasktypes.base import (
    SEQUENCES,
    Batch,
    Feature,
    Task,
    collate_sequences,
    count_tokens,
    encode_texts,
    init_like_transformers,
    permutation,
)
from codestilts.tasktypes.records import Changed, Records
from codestilts.tasktypes.token_states import pooled_states


class ChoiceFeature(Feature):
    """An example with one sequence per choice and the index of the right one."""

    label: int


def encode(examples: pd.DataFrame, tokenizer: Any, task: Task) -> list[ChoiceFeature]:
    """Encode each row as one feature, with one sequence per choice: context and choice together."""
    contexts = [context for context, row in zip(examples["context"], examples["choices"], strict=True) for _ in row]
    choices = [choice for row in examples["choices"] for choice in row]
    encoded = iter(encode_texts(tokenizer, contexts, choices, task.max_length))
    features: list[ChoiceFeature] = []
    for row, options, label in zip(examples["id"], examples["choices"], examples["label"], strict=True):
        if not 0 <= label < len(options):
            raise CodeStiltsError(f"task {task.name}, example {row}: label {label} of {len(options)} choices")
        sequences = [next(encoded) for _ in options]
        features.append({"sequences": sequences, "label": int(label), "tokens": count_tokens(sequences)})
    return features


def collate(features: list[ChoiceFeature], tokenizer: Any, rng: Any = None) -> Batch:
    """Batch the choices of all features."""
    batch = collate_sequences(features, tokenizer.pad_token_id)
    batch["label"] = torch.tensor([feature["label"] for feature in features])
    return batch


class Head(nn.Module):
    """A linear score of each choice: [choices, hidden] -> [examples, most choices], short rows padded with -inf.

    The published head scores the first token's state after a dense layer, tanh and dropout (transformers'
    RobertaForMultipleChoice, whose dense layer is the encoder's pooler: here it belongs to the head, and is new in each
    phase). The quick head scores the mean over the tokens.
    """

    def __init__(self, task: Task, config: Any, mask_id: int, dropout: float) -> None:
        super().__init__()
        self.scorer: nn.Module = nn.Linear(config.hidden_size, 1)
        self.published = task.head == "published"
        if self.published:
            dense = nn.Linear(config.hidden_size, config.hidden_size)
            self.scorer = nn.Sequential(dense, nn.Tanh(), nn.Dropout(dropout), self.scorer)
            init_like_transformers(self, config)

    def forward(self, encoder: nn.Module, batch: Batch) -> Tensor:
        pooled = pooled_states(encoder, batch, first=self.published)
        rows = self.scorer(pooled).squeeze(-1).split(batch[SEQUENCES].tolist())
        return nn.utils.rnn.pad_sequence(list(rows), batch_first=True, padding_value=float("-inf"))

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Cross entropy over the choices, averaged over the examples."""
        return F.cross_entropy(outputs, batch["label"])


def decode(
    outputs: list[Tensor], features: list[ChoiceFeature], examples: pd.DataFrame, task: Task, tokenizer: Any = None
) -> pd.DataFrame:
    """Predict the index of the best choice; ``score`` is its probability."""
    best = [row.softmax(-1).max(-1) for batch in outputs for row in batch]
    return pd.DataFrame(
        {
            "gold": examples["label"].astype(str),
            "prediction": [str(int(item.indices)) for item in best],
            "score": [float(item.values) for item in best],
        }
    )


def shuffle(features: Records[ChoiceFeature], seed: int, tokenizer: Any, task: Task) -> Records[ChoiceFeature]:
    """Give each row's choices the right index of another row with as many choices."""
    sizes, order = features.lengths("sequences"), np.arange(len(features))
    for size in np.unique(sizes):
        rows = np.flatnonzero(sizes == size)
        order[rows] = rows[permutation(len(rows), seed)]
    return Changed(features, lambda index: {"label": features[int(order[index])]["label"]})
