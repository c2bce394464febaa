"""Predictions of a model on a table of examples."""

import math
from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd
import torch
from torch import Tensor

from codestilts.errors import CodeStiltsError
from codestilts.tasktypes.base import Batch, Feature, Task, move_batch
from codestilts.tasktypes.registry import task_type
from codestilts.training.models import TaskModel
from codestilts.training.out_of_memory import forward, unless_out_of_memory
from codestilts.training.precision import autocast

TOKENS_PER_BATCH = 4096  # padded tokens of a forward pass


def predict(model: TaskModel, examples: pd.DataFrame, features: Sequence[Feature]) -> pd.DataFrame:
    """Predict examples.

    Args:
        model: the encoder and the task's head.
        examples: rows of the task.
        features: the encoded examples.

    Returns:
        One row per example: id, split, language, unit, package, gold, prediction, score. Rows without an answer
        under the task's protocol (documents without a query) are left out.
    """
    return decode_outputs(compute_outputs(model, features), examples, model.task, features, model.tokenizer)


def compute_outputs(model: TaskModel, features: Sequence[Feature]) -> list[Any]:
    """Return the head's output of each feature, in their order.

    Batches are made by length, so a row's prediction does not depend on its position in the table. Where the GPU's
    memory is too small for a batch, that batch and all later ones are halved.

    Raises:
        CodeStiltsError: the memory is too small for one example, or an output is not a number.
    """
    module, device = task_type(model.task.type), next(model.encoder.parameters()).device
    tokens = [feature["tokens"] for feature in features]
    order = sorted(range(len(features)), key=tokens.__getitem__)
    outputs: list[Any] = [None] * len(features)
    model.encoder.eval()
    model.head.eval()
    done, room = 0, TOKENS_PER_BATCH
    with torch.inference_mode(), autocast(device, model.precision):
        while done < len(order):
            indices = _next_batch(order, done, tokens, room)
            batch = module.collate([features[index] for index in indices], model.tokenizer)
            rows = unless_out_of_memory(partial(_batch_outputs, model, batch, device))
            if rows is not None:
                for index, row in zip(indices, rows, strict=True):
                    outputs[index] = row.unsqueeze(0)
                done += len(indices)
            elif len(indices) > 1:
                room = len(indices) * tokens[indices[-1]] // 2
            else:
                raise CodeStiltsError(
                    f"task {model.task.name}: the memory of the GPU is too small to predict one example of "
                    f"{tokens[indices[0]]} tokens: lower max_length of the task, or use a GPU with more memory"
                )
    return outputs


def _batch_outputs(model: TaskModel, batch: Batch, device: torch.device) -> Tensor:
    outputs = forward(model.head, model.encoder, move_batch(batch, device)).float().cpu()
    if not (outputs < math.inf).all():  # -inf stands for a choice or token that is impossible
        raise CodeStiltsError(
            f"task {model.task.name}: outputs of the model are not finite: its training diverged, or {model.precision} "
            "overflows: lower the learning rate, or use another precision"
        )
    return outputs


def _next_batch(order: list[int], start: int, tokens: list[int], room: int) -> list[int]:
    """Return the next features of ``order``, from short to long, that fit ``room`` padded tokens; at least one."""
    stop = start + 1
    while stop < len(order) and (stop + 1 - start) * tokens[order[stop]] <= room:
        stop += 1
    return order[start:stop]


def decode_outputs(
    outputs: list[Any], examples: pd.DataFrame, task: Task, features: Sequence[Feature], tokenizer: Any = None
) -> pd.DataFrame:
    """Turn outputs into predictions with the columns that identify rows; ``unit`` is what statistics resample."""
    found = task_type(task.type).decode(outputs, features, examples, task, tokenizer)
    unit = examples["unit" if "unit" in examples else "cluster"]
    rows = examples[["id", "split", "language"]].assign(unit=unit, package=examples["package"])
    return pd.concat([rows, found], axis=1).dropna(subset=["prediction"])
