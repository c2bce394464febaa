"""What a study has by name, where an unknown name is an error of the user."""

from typing import Any, TypeVar

from codestilts.errors import CodeStiltsError, suggest

Value = TypeVar("Value")
LISTED = 20  # names, beside the closest one


class Named(dict[str, Value]):
    """Arms, encoders, tasks, claims or batches by name. Paths of output files that somebody has typed name them too.

    Args:
        kind: What the values are, in the singular.
        values: The values by name.
    """

    def __init__(self, kind: str, values: dict[str, Value]) -> None:
        super().__init__(values)
        self.kind = kind

    def __missing__(self, name: str) -> Any:
        """Raise a CodeStiltsError with the closest spelling."""
        raise CodeStiltsError(
            f"no {self.kind} of this study is called '{name}': {suggest(name, self, LISTED, 'known:')}"
        )
