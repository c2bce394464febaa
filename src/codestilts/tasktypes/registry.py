"""The seven task types. Each is one module with the same functions:

``encode``   examples (one table) -> records that are stored (token ids and labels, without padding)
``features`` records -> features: what a batch consists of; a type without it has the records themselves
``collate``  features -> a padded batch of tensors
``Head``     the task's own parameters, published or quick (``Task.head``); ``forward(encoder, batch)`` -> outputs,
             ``loss(outputs, batch)`` -> scalar
``decode``   outputs of a whole table -> ``gold``, ``prediction`` and ``score`` of every example
``shuffle``  features -> the same with shuffled labels, the control of Zhang et al. 2017 (section 2)
``select``   features -> those of some rows; a type without it has one feature or more for each row and no other state
``flip``     features -> the same, some with a wrong label; only classification has it
``needs``    the encoder, its tokenizer and its own head -> what else ``Head`` takes; for a type without it, nothing
``finish``   selected predictions -> the same with columns that only they need; a type without it adds none

A new type is one module and one line here.
"""

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from codestilts.errors import CodeStiltsError
from codestilts.tasktypes import classification, generation, mlm, multiple_choice, retrieval, span_qa, tagging
from codestilts.tasktypes.base import Task
from codestilts.tasktypes.language_codes import encode_by_language
from codestilts.tasktypes.records import Records, Selected, as_records

TYPES: dict[str, ModuleType] = {
    "classification": classification,
    "multiple_choice": multiple_choice,
    "tagging": tagging,
    "span_qa": span_qa,
    "retrieval": retrieval,
    "generation": generation,
    "mlm": mlm,
}


def task_type(name: str) -> ModuleType:
    """Return the module of a task type; raise :class:`CodeStiltsError` for an unknown one."""
    if name not in TYPES:
        raise CodeStiltsError(f"unknown task type {name!r}: choose one of {', '.join(TYPES)}")
    return TYPES[name]


def features_of(records: Sequence[Any], tokenizer: Any, task: Task) -> Records[Any]:
    """Return the features of encoded records."""
    module = task_type(task.type)
    features: Records[Any] = getattr(module, "features", _plain)(records, tokenizer, task)
    return features


def new_head(
    task: Task, encoder: Any, tokenizer: Any, mlm_head: nn.Module | None = None, dropout: float = 0.0
) -> nn.Module:
    """Make a head with random weights from torch's seed; ``mlm_head`` is the encoder's own."""
    module = task_type(task.type)
    needs = module.needs(encoder, tokenizer, mlm_head) if hasattr(module, "needs") else {}
    head: nn.Module = module.Head(task, encoder.config, tokenizer.mask_token_id, dropout, **needs)
    return head


def finish(predictions: pd.DataFrame, task: Task, source_language: str) -> pd.DataFrame:
    """Add the columns that only selected predictions need."""
    module = task_type(task.type)
    finished: pd.DataFrame = module.finish(predictions, source_language) if hasattr(module, "finish") else predictions
    return finished


def _plain(records: Sequence[Any], tokenizer: Any, task: Task) -> Records[Any]:
    return as_records(records)


def select_rows(features: Records[Any], rows: np.ndarray, tokenizer: Any, task: Task) -> Records[Any]:
    """Return the features of some rows of the task's table."""
    module = task_type(task.type)
    if hasattr(module, "select"):
        selected: Records[Any] = module.select(features, rows, tokenizer, task)
        return selected
    return Selected(features, np.flatnonzero(np.isin(features.rows(), rows)))


def encode_rows(examples: pd.DataFrame, tokenizer: Any, task: Task) -> list[Any]:
    """Return the records of examples."""
    return encode_by_language(task_type(task.type).encode, examples, tokenizer, task)
