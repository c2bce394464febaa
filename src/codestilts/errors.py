"""Errors for users: one clear line, exit code 1, no traceback."""

import difflib
import errno
import gc
import os
import re
import socket
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

DISK_ERRORS = {
    errno.ENOSPC: "no space is left on its disk: free some (`du -sh results/* .cache` shows what is large)",
    errno.EDQUOT: "the disk quota is used up: free some (`du -sh results/* .cache` shows what is large)",
    errno.EROFS: "its file system is read-only: move the project to one that jobs may write to",
}


class CodeStiltsError(Exception):
    """An error that the user can fix; the message says what is wrong, where, and what to do."""


def one_line(error: Exception) -> str:
    """Return the message of an error in one line."""
    return " ".join(str(error).split()) or type(error).__name__


def suggest(name: object, allowed: Iterable[object], limit: int | None = None, label: str = "allowed:") -> str:
    """Suggest a spelling for an unknown name.

    Args:
        name: The unknown name.
        allowed: The names that exist.
        limit: How many of them to list; all if None.
        label: The words before the list.

    Returns:
        The end of an error message: the closest spelling, if there is one, and the allowed names.
    """
    names = sorted(map(str, allowed))
    close = difflib.get_close_matches(str(name), names, n=1)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"{hint}{label} {', '.join(names[:limit]) or 'nothing'}{' ...' if names[limit or len(names) :] else ''}"


def disk_error(error: Exception, path: object = None) -> CodeStiltsError | None:
    """The message for a disk that is full or read-only; None for other errors.

    Args:
        error: What was raised.
        path: The file that was written; if None, the one that the error names.
    """
    in_text = re.search(r"\(os error (\d+)\)", str(error))  # safetensors has the error number only in its message
    number = error.errno if isinstance(error, OSError) else int(in_text[1]) if in_text else None
    if number not in DISK_ERRORS:
        return None
    where = path or getattr(error, "filename", None) or Path.cwd()
    problem = f"{where}: cannot be written on {socket.gethostname()}: {DISK_ERRORS[number]}"
    return CodeStiltsError(f"{problem}. Finished jobs are kept: run the same command again to continue")


def argument_error(error: OSError, arguments: Iterable[str]) -> CodeStiltsError | None:
    """The message for a file that an argument names, or one beside or below it; None for others, which are our own.

    Args:
        error: What was raised.
        arguments: The arguments of the script.
    """
    if not isinstance(error.filename, str | os.PathLike):
        return None
    path = Path(error.filename)
    named = [Path(argument.rpartition("=")[2]) for argument in arguments if argument]
    if not any(path.is_relative_to(one) or path.parent == one.parent for one in named if one != Path()):
        return None
    return CodeStiltsError(f"{path}: {error.strerror}: name a file or folder that can be read, or a place to write to")


def run(main: Callable[[], None]) -> None:
    """Call ``main``. On a :class:`CodeStiltsError`, a full disk or a wrong path, print one line, exit with 1."""
    gc.set_threshold(100_000, 50, 100)  # imports make a million objects that stay: they are not searched for garbage
    try:
        main()
    except BrokenPipeError:  # the reader of our output has closed it, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (CodeStiltsError, OSError) as error:
        message: Exception | None = error
        if isinstance(error, OSError):
            message = disk_error(error) or argument_error(error, sys.argv[1:])
        if not message:
            raise
        print(f"error: {message}", file=sys.stderr)
        sys.exit(1)
    finally:
        gc.freeze()  # nor at exit, where this would take a second


def _refuse_scripts_of_another_checkout() -> None:
    """Exit if the running script belongs to a checkout with a library of its own.

    Every other module imports this one, so this error comes before those about names that the library lacks.
    """
    script = getattr(sys.modules["__main__"], "__file__", None) or ""
    library = Path(__file__).parent
    expected = Path(script).absolute().parent.parent / "src/codestilts" if script else library
    if (expected / "__init__.py").exists() and not expected.samefile(library):
        sys.exit(
            f"error: {script}: Python imports the library of {library}, not that of this checkout: "
            "`source .venv/bin/activate` here (where .venv was copied: delete it, `make setup`)"
        )


_refuse_scripts_of_another_checkout()
