"""Which of several continuations or answers fits a context (HellaSwag, CommonsenseQA, function naming)."""

from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from codestilts.errors import CodeStiltsError
from codestilts.tasktypes.base import Batch, Feature, Task, as_published, encode_texts, pad, permute, pooled_states


def encode(examples: pd.DataFrame, tokenizer: Any, task: Task) -> list[Feature]:
    """One feature a row, with one sequence a choice: context and choice read together."""
    contexts = [context for context, row in zip(examples["context"], examples["choices"], strict=True) for _ in row]
    choices = [choice for row in examples["choices"] for choice in row]
    encoded = iter(encode_texts(tokenizer, contexts, choices, task.max_length))
    features = []
    for row, options, label in zip(examples["id"], examples["choices"], examples["label"], strict=True):
        if not 0 <= label < len(options):
            raise CodeStiltsError(f"task {task.name}, example {row}: label {label} of {len(options)} choices")
        sequences = [next(encoded) for _ in options]
        tokens = sum(len(part["input_ids"]) for part in sequences)
        features.append({"sequences": sequences, "label": int(label), "tokens": tokens})
    return features


def collate(features: list[Feature], tokenizer: Any, rng: Any = None) -> Batch:
    """All choices of all features in one batch; ``choices`` says how many each has."""
    batch = pad([part for feature in features for part in feature["sequences"]], tokenizer.pad_token_id)
    batch["label"] = torch.tensor([feature["label"] for feature in features])
    batch["choices"] = torch.tensor([len(feature["sequences"]) for feature in features])
    return batch


class Head(nn.Module):
    """A linear score of each choice: [choices, hidden] -> [examples, most choices], short rows padded with -inf.

    As published it is that of the first token's state after a dense layer, tanh and dropout (transformers'
    RobertaForMultipleChoice, whose dense layer is the encoder's pooler: here it belongs to the head, and is new in each
    phase). Ours is that of the mean over the tokens.
    """

    def __init__(self, task: Task, config: Any, mask_id: int, dropout: float) -> None:
        super().__init__()
        self.scorer: nn.Module = nn.Linear(config.hidden_size, 1)
        self.published = task.head == "published"
        if self.published:
            dense = nn.Linear(config.hidden_size, config.hidden_size)
            self.scorer = nn.Sequential(dense, nn.Tanh(), nn.Dropout(dropout), self.scorer)
            as_published(self, config)

    def forward(self, encoder: nn.Module, batch: Batch) -> Tensor:
        pooled = pooled_states(encoder, batch, first=self.published)
        rows = self.scorer(pooled).squeeze(-1).split(batch["choices"].tolist())
        return nn.utils.rnn.pad_sequence(list(rows), batch_first=True, padding_value=float("-inf"))

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Cross entropy over the choices, mean over the examples."""
        return F.cross_entropy(outputs, batch["label"])


def decode(outputs: list[Tensor], features: list[Feature], examples: pd.DataFrame, task: Task) -> pd.DataFrame:
    """The index of the best choice; ``score`` is its probability."""
    best = [row.softmax(-1).max(-1) for batch in outputs for row in batch]
    return pd.DataFrame(
        {
            "gold": examples["label"].astype(str),
            "prediction": [str(int(item.indices)) for item in best],
            "score": [float(item.values) for item in best],
        }
    )


def shuffle(examples: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The same choices with the right index of another row."""
    return examples.assign(label=permute(examples["label"].tolist(), seed))
