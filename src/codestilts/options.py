"""Numbers that options of scripts take; a wrong one is an error of one line that names the option."""

from collections.abc import Callable

from codestilts.errors import CodeStiltsError


def whole_number(option: str, least: int) -> Callable[[str], int]:
    """Return a reader of whole numbers of ``least`` or more, as ``type`` of the argument ``option``."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise CodeStiltsError(f"{option} {text}: give a whole number, {least} or more")
        return value

    return read


def share(option: str) -> Callable[[str], float]:
    """Return a reader of shares, which are more than 0 and at most 1, as ``type`` of the argument ``option``."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = 0.0
        if not 0 < value <= 1:
            raise CodeStiltsError(f"{option} {text}: give a share, more than 0 and at most 1")
        return value

    return read
