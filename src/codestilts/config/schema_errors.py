"""Values of a config or a task file that do not fit the schema, in one clear line each."""

from collections.abc import Iterator
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError

from codestilts.config.schema_fields import BUILDER, FOLDER
from codestilts.errors import suggest
from codestilts.sources.table import NAME

KeyPath = tuple[Any, ...]  # keys of mappings and indices of lists, from the top of a file
MAX_SHOWN = 120  # characters of a value that a message shows
NO_VALUE = "has no value: set one, or remove the key"


class Problem(NamedTuple):
    """What is wrong with a value, and where it is."""

    path: KeyPath
    message: str

    @property
    def key(self) -> str:
        """The path as people write it."""
        return ".".join(map(str, self.path))


def schema_errors(model: type[BaseModel], value: Any, exact: bool = False) -> list[Problem]:
    """Compare a value with a model.

    Args:
        model: The model, such as ``Config``.
        value: The values of a file.
        exact: Others read the same file, so that its values must be those of the model: no text in place of a number,
            and no key without a value.
    """
    try:
        parsed = model.model_validate(value, context={"exact": exact})
    except ValidationError as failure:
        return [Problem(_path(error), _message(model, error)) for error in failure.errors()]
    return list(_empty_keys(parsed)) if exact else []


def _empty_keys(model: BaseModel, above: KeyPath = ()) -> Iterator[Problem]:
    """Keys of a file that have no value."""
    for name, field in type(model).model_fields.items():
        value, path = getattr(model, name), (*above, field.alias or name)
        if value is None and name in model.model_fields_set:
            yield Problem(path, NO_VALUE)
        items = [((*path, index), item) for index, item in enumerate(value)] if isinstance(value, list) else []
        for item_path, item in [(path, value), *items]:
            if isinstance(item, BaseModel):
                yield from _empty_keys(item, item_path)


def _allowed_keys(model: type[BaseModel], path: KeyPath) -> list[str]:
    """The keys that a model allows at a path."""
    for step in path:
        annotations = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
        model = _model_in(annotations.get(step)) or model  # an index: the model of the list's or mapping's items
    return [field.alias or name for name, field in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """The model in ``X | None``, ``list[X]`` or ``dict[str, X]``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)


def _path(error: Any) -> KeyPath:
    """The path of an error; pydantic appends ``[key]`` where a key itself is wrong."""
    return tuple(step for step in error["loc"] if step != "[key]")


def _message(model: type[BaseModel], error: Any) -> str:
    """An error of pydantic in words for people who know YAML but not pydantic."""
    path, value = _path(error), error["input"]
    match error["type"]:
        case "extra_forbidden":
            return f"unknown key; {suggest(path[-1], _allowed_keys(model, path[:-1]))}"
        case "too_short" if not value:
            return "is empty: list at least one value"
        case "too_short" | "too_long" if isinstance(value, list):
            least, most = error["ctx"].get("min_length"), error["ctx"].get("max_length")
            return f"must have {least or most} values, not {len(value)}: {_shown(value)}"
        case "missing":
            return "is missing: add this key"
        case "string_pattern_mismatch":
            return f"{_shown(value)} is not a valid name: use {_characters(error['ctx']['pattern'])}"
        case "value_error":
            return str(error["ctx"]["error"])
        case "int_type" | "float_type" | "string_type" | "model_type" | "dict_type" | "list_type" if value is None:
            return NO_VALUE
        case "model_type" | "dict_type":
            return f"must be keys with values, not {_shown(value)}"
        case "string_too_short":
            return "is empty: write a text, or remove the key"
        case "string_type" if isinstance(value, bool | int | float):
            return f"must be a text, not {_shown(value)}: put it in quotes"
        case "int_type" | "float_type" if isinstance(value, str):
            kind = "integer" if error["type"] == "int_type" else "number"
            return f"must be a valid {kind}, not {_shown(value)}"
        case _:
            text = error["msg"].removeprefix("Input ").replace("should be", "must be").replace("should ", "must ")
            return f"{text}, not {_shown(value)}"


def _characters(pattern: str) -> str:
    """The characters that a pattern of the schema allows, in words."""
    return {
        NAME: "letters, digits and -_. only, a letter, a digit or _ first",
        FOLDER: "a path that begins with no hyphen",
        BUILDER: "module:function, such as codestilts.examples.builders.code:cloze",
    }.get(pattern, "lower-case letters, digits and hyphens")


def _shown(value: Any) -> str:
    """A value for a message: in one line, and shortened."""
    text = repr(value)
    return text if len(text) <= MAX_SHOWN else f"{text[: MAX_SHOWN - 4]} ..."
