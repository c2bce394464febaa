"""The six task types. Each is one module with the same functions:

``encode``   examples (one table) -> records that are stored (token ids and labels, without padding)
``features`` records -> features: what a batch consists of; the records themselves, for most types
``collate``  features -> a padded batch of tensors
``Head``     the task's own parameters, published or quick (``Task.head``); ``forward(encoder, batch)`` -> outputs,
             ``loss(outputs, batch)`` -> scalar
``decode``   outputs of a whole table -> ``gold``, ``prediction`` and ``score`` of every example
``shuffle``  features -> the same with shuffled labels, the control of Zhang et al. 2017 (section 2)

A new type is one module and one line here.
"""

from types import ModuleType
from typing import Any

import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.tasktypes import classification, mlm, multiple_choice, retrieval, span_qa, tagging
from codestilts.tasktypes.base import Task
from codestilts.tasktypes.records import Records

TYPES: dict[str, ModuleType] = {
    "classification": classification,
    "multiple_choice": multiple_choice,
    "tagging": tagging,
    "span_qa": span_qa,
    "retrieval": retrieval,
    "mlm": mlm,
}


def task_type(name: str) -> ModuleType:
    """Return the module of a task type; raise :class:`CodeStiltsError` for an unknown one."""
    if name not in TYPES:
        raise CodeStiltsError(f"unknown task type {name!r}: choose one of {', '.join(TYPES)}")
    return TYPES[name]


def encode_features(examples: pd.DataFrame, tokenizer: Any, task: Task) -> Records[Any]:
    """Encode examples in memory."""
    module = task_type(task.type)
    features: Records[Any] = module.features(module.encode(examples, tokenizer, task), tokenizer, task)
    return features
