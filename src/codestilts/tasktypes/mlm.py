"""Masked language modelling on the texts of other tasks: the control that trains without labels.

15 % of the tokens are chosen; of these 80 % become the mask token, 10 % a random one and 10 % stay
(Devlin et al. 2019, section 3.1), drawn again for every batch.
"""

from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from codestilts.errors import CodeStiltsError
from codestilts.tasktypes.base import (
    IGNORE,
    Batch,
    Feature,
    Task,
    collate_sequences,
    count_tokens,
    encode_texts,
)
from codestilts.tasktypes.records import Records
from codestilts.tasktypes.token_states import token_states

# Shares as in Devlin et al. 2019: of all tokens those that are chosen, of the chosen those that become the mask, and
# those above which they become a random token.
CHOSEN = 0.15
MASKED = 0.8
RANDOM_ABOVE = 0.9


def encode(examples: pd.DataFrame, tokenizer: Any, task: Task) -> list[Feature]:
    """Encode each text as one feature, cut to ``max_length`` tokens."""
    encoded = encode_texts(tokenizer, examples["text"].tolist(), None, task.max_length)
    return [{"sequences": [item], "tokens": count_tokens([item])} for item in encoded]


def collate(features: list[Feature], tokenizer: Any, rng: Any = None) -> Batch:
    """Mask with ``rng`` (a numpy generator); ``labels`` are the original tokens, shape [sequences, tokens]."""
    rng = rng or np.random.default_rng(0)
    batch = collate_sequences(features, tokenizer.pad_token_id)
    ids = batch["input_ids"].numpy()
    special = np.isin(ids, tokenizer.all_special_ids)
    chosen = (rng.random(ids.shape) < CHOSEN) & ~special
    if not chosen.any():
        chosen[0, int(np.argmax(~special[0]))] = True
    batch["labels"] = torch.from_numpy(np.where(chosen, ids, IGNORE))
    kind = rng.random(ids.shape)
    noisy = np.where(chosen & (kind < MASKED), tokenizer.mask_token_id, ids)
    noisy = np.where(chosen & (kind >= RANDOM_ABOVE), rng.integers(0, tokenizer.vocab_size, ids.shape), noisy)
    batch["input_ids"] = torch.from_numpy(noisy)
    return batch


def needs(encoder: nn.Module, tokenizer: Any, mlm_head: nn.Module | None) -> dict[str, Any]:
    """Give the head the encoder's own masked-language-model head."""
    return {"pretrained": mlm_head}


class Head(nn.Module):
    """The encoder's own masked-language-model head (``pretrained``), applied to the chosen tokens only."""

    def __init__(
        self, task: Task, config: Any, mask_id: int, dropout: float, pretrained: nn.Module | None = None
    ) -> None:
        super().__init__()
        if pretrained is None:
            raise ValueError("masked language modelling needs the encoder's own head: see models.load_encoder")
        if mask_id is None:
            raise CodeStiltsError(
                f"task {task.name}: the encoder's tokenizer has no mask token, which masked language modelling needs: "
                "leave out the arms that have the task, or name mask_token in tokenizer_config.json"
            )
        self.pretrained = pretrained

    def forward(self, encoder: nn.Module, batch: Batch) -> Tensor:
        """Return the cross entropy of each chosen token, shape [tokens, 1].

        Losses instead of scores: the scores of a whole batch over the vocabulary would not fit in memory.
        """
        states = token_states(encoder, batch)
        labels = batch["labels"].flatten()[states.layout.in_grid]
        chosen = labels != IGNORE
        logits = self.pretrained(states.last[chosen])
        return F.cross_entropy(logits, labels[chosen], reduction="none").unsqueeze(1)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Average over the chosen tokens."""
        return outputs.mean()


def decode(
    outputs: list[Tensor], features: list[Feature], examples: pd.DataFrame, task: Task, tokenizer: Any = None
) -> pd.DataFrame:
    """Raise NotImplementedError: MLM is only an intermediate control."""
    raise NotImplementedError("masked language modelling has no predictions")


def shuffle(features: Records[Feature], seed: int, tokenizer: Any, task: Task) -> Records[Feature]:
    """Return the features unchanged: there are no labels to shuffle."""
    return features
