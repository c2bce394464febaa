"""Settings of jobs as text: Snakemake runs a job again when this text changes."""

import hashlib
import json
from dataclasses import fields
from functools import cache
from typing import Any


def to_json(settings: object) -> str:
    """Settings as the one-line JSON that scripts take: sorted, so that equal settings are equal strings.

    Fields with their default value are left out, so that a new field does not change the settings of finished jobs.
    """
    return json.dumps(settings, sort_keys=True, ensure_ascii=False, default=_changed_fields)


def short_digest(value: object) -> str:
    """Return a digest of settings or of plain data: 16 hexadecimal digits."""
    return hashlib.sha256(to_json(value).encode()).hexdigest()[:16]


def _changed_fields(settings: Any) -> dict[str, Any]:
    """The fields of a dataclass that differ from their defaults."""
    pairs = ((name, getattr(settings, name), default) for name, default in _defaults(settings.__class__))
    return {name: value for name, value, default in pairs if value != default}


@cache
def _defaults(kind: Any) -> list[tuple[str, Any]]:
    """The fields of a dataclass with their defaults, or MISSING."""
    return [(own.name, own.default_factory() if callable(own.default_factory) else own.default) for own in fields(kind)]
