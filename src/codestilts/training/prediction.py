"""Predictions of a model on a table of examples."""

from functools import partial
from typing import Any

import pandas as pd
import torch
from torch import Tensor, nn

from codestilts.errors import CodeStiltsError
from codestilts.tasktypes.base import Batch, Feature, Task
from codestilts.tasktypes.registry import task_type
from codestilts.training.out_of_memory import forward, unless_out_of_memory
from codestilts.training.precision import reduced

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
    """One row an example: id, split, language, unit, package, gold, prediction, score.

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
    """The head's output of each feature, in their order; ``precision`` is that of the encoder on a GPU.

    Where the GPU's memory is too small for a batch, that and all later ones are made half as large; raises
    :class:`CodeStiltsError` if it is too small for one example.
    """
    module, device = task_type(task.type), next(encoder.parameters()).device
    tokens = [feature["tokens"] for feature in features]
    order = sorted(range(len(features)), key=tokens.__getitem__)
    outputs: list[Any] = [None] * len(features)
    encoder.eval()
    head.eval()
    done, room = 0, TOKENS_PER_BATCH
    with torch.inference_mode(), reduced(device, precision):
        while done < len(order):
            chosen = _next_batch(order, done, tokens, room)
            batch = module.collate([features[index] for index in chosen], tokenizer)
            compute = partial(_computed, head, encoder, batch, device)
            if (rows := unless_out_of_memory(compute)) is not None:
                for index, row in zip(chosen, rows, strict=True):
                    outputs[index] = row.unsqueeze(0)
                done += len(chosen)
            elif len(chosen) > 1:
                room = len(chosen) * tokens[chosen[-1]] // 2
            else:
                raise CodeStiltsError(
                    f"task {task.name}: the memory of the GPU is too small to predict one example of "
                    f"{tokens[chosen[0]]} tokens: lower max_length of the task, or take a GPU with more memory"
                )
    return outputs


def _computed(head: nn.Module, encoder: nn.Module, batch: Batch, device: torch.device) -> Tensor:
    return forward(head, encoder, {key: value.to(device) for key, value in batch.items()}).float().cpu()


def _next_batch(order: list[int], start: int, tokens: list[int], room: int) -> list[int]:
    """The next features of ``order``, from short to long, that fit ``room`` tokens together; at least one."""
    stop = start + 1
    while stop < len(order) and (stop + 1 - start) * tokens[order[stop]] <= room:
        stop += 1
    return order[start:stop]


def decoded(outputs: list[Any], examples: pd.DataFrame, task: Task, features: list[Feature]) -> pd.DataFrame:
    """Outputs as predictions, with the columns that identify a row; ``unit`` is what statistics resample."""
    found = task_type(task.type).decode(outputs, features, examples, task)
    unit = examples["unit" if "unit" in examples else "cluster"]
    rows = examples[["id", "split", "language"]].assign(unit=unit, package=examples["package"])
    return pd.concat([rows, found], axis=1).dropna(subset=["prediction"])
