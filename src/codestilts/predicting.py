"""Predictions of a model on a table of examples."""

from typing import Any

import pandas as pd
import torch
from torch import nn

from codestilts.arithmetic import reduced
from codestilts.tasktypes import task_type
from codestilts.tasktypes.base import Feature, Task

TOKENS_PER_BATCH = 4096


def predict(
    encoder: nn.Module,
    head: nn.Module,
    examples: pd.DataFrame,
    task: Task,
    tokenizer: Any,
    features: list[Feature] | None = None,
    precision: str = "fp32",
) -> pd.DataFrame:
    """One row an example: id, split, language, cluster, package, gold, prediction, score.

    The forward passes are batched by length and put back in order, so that a row's prediction doesn't depend on where
    it stands in the table. ``features`` are the encoded examples, where several models predict the same ones. Rows a
    protocol has no answer for (documents without a query) are left out.
    """
    module = task_type(task.type)
    features = features or module.encode(examples, tokenizer, task)
    return decoded(outputs_of(encoder, head, task, tokenizer, features, precision), examples, task, features)


def outputs_of(
    encoder: nn.Module, head: nn.Module, task: Task, tokenizer: Any, features: list[Feature], precision: str = "fp32"
) -> list[Any]:
    """The head's output of each feature, in their order; ``precision`` is that of the encoder on a GPU."""
    module, device = task_type(task.type), next(encoder.parameters()).device
    order = sorted(range(len(features)), key=lambda index: features[index]["tokens"])
    outputs: list[Any] = [None] * len(features)
    encoder.eval()
    head.eval()
    with torch.inference_mode(), reduced(device, precision):
        for chosen in _batches(order, [feature["tokens"] for feature in features]):
            batch = module.collate([features[index] for index in chosen], tokenizer)
            batch = {key: value.to(device) for key, value in batch.items()}
            for index, row in zip(chosen, head(encoder, batch).float().cpu(), strict=True):
                outputs[index] = row.unsqueeze(0)
    return outputs


def decoded(outputs: list[Any], examples: pd.DataFrame, task: Task, features: list[Feature]) -> pd.DataFrame:
    """Outputs as predictions, with what tells the rows apart."""
    found = task_type(task.type).decode(outputs, features, examples, task)
    return pd.concat([examples[["id", "split", "language", "cluster", "package"]], found], axis=1).dropna(
        subset=["prediction"]
    )


def _batches(order: list[int], tokens: list[int]) -> list[list[int]]:
    batches: list[list[int]] = [[]]
    for index in order:
        if batches[-1] and (len(batches[-1]) + 1) * tokens[index] > TOKENS_PER_BATCH:
            batches.append([])
        batches[-1].append(index)
    return batches
