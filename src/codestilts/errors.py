"""Errors meant for people: one clear line, exit code 1, no traceback."""

import os
import sys
from collections.abc import Callable


class CodeStiltsError(Exception):
    """Something the user can mend; the message says what was wrong, where, and what to do."""


def run(main: Callable[[], None]) -> None:
    """Call ``main``; print a :class:`CodeStiltsError` as one line on stderr and exit with 1."""
    try:
        main()
    except CodeStiltsError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)
    except BrokenPipeError:  # what reads our output has enough of it, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
