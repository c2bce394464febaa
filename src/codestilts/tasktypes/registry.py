"""The six task types. Each is one module with the same functions:

``encode``   examples (one table) -> features (token ids and labels, without padding)
``collate``  features -> a padded batch of tensors
``Head``     the task's own parameters, published or quick (``Task.head``); ``forward(encoder, batch)`` -> outputs,
             ``loss(outputs, batch)`` -> scalar
``decode``   outputs of a whole table -> ``gold``, ``prediction`` and ``score`` of every example
``shuffle``  a table of examples -> the same with shuffled labels, the control of Zhang et al. 2017 (section 2)

A new type is one module and one line here.
"""

from types import ModuleType

from codestilts.errors import CodeStiltsError
from codestilts.tasktypes import classification, mlm, multiple_choice, retrieval, span_qa, tagging

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
