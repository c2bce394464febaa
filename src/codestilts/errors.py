"""Errors meant for people: one clear line, exit code 1, no traceback."""

import difflib
import errno
import os
import re
import socket
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

DISK = {
    errno.ENOSPC: "no space is left on its disk: free some (`du -sh results/* .cache` tells what is large)",
    errno.EDQUOT: "the disk quota is used up: free some (`du -sh results/* .cache` tells what is large)",
    errno.EROFS: "its file system is read-only there: move the project to one that jobs may write to",
}


class CodeStiltsError(Exception):
    """Something the user can mend; the message says what was wrong, where, and what to do."""


def suggest(name: object, allowed: Iterable[object], limit: int | None = None, label: str = "allowed:") -> str:
    """The end of a message about an unknown name: the closest spelling and the allowed names."""
    names = sorted(map(str, allowed))
    close = difflib.get_close_matches(str(name), names, n=1)
    hint = f"did you mean '{close[0]}'? " if close else ""
    return f"{hint}{label} {', '.join(names[:limit]) or 'nothing'}{' ...' if names[limit or len(names) :] else ''}"


def disk_error(error: Exception, path: object = None) -> CodeStiltsError | None:
    """What to tell where a disk is full or read-only, at ``path`` or where the error says; None for other errors."""
    told = re.search(r"\(os error (\d+)\)", str(error))  # safetensors has no error numbers but in its texts
    number = error.errno if isinstance(error, OSError) else int(told[1]) if told else None
    if number not in DISK:
        return None
    where = path or getattr(error, "filename", None) or Path.cwd()
    what = f"{where}: cannot be written on {socket.gethostname()}: {DISK[number]}"
    return CodeStiltsError(f"{what}. Nothing that is finished is lost: the same command goes on")


def run(main: Callable[[], None]) -> None:
    """Call ``main``; print a :class:`CodeStiltsError`, or that a disk is full, as one line and exit with 1."""
    try:
        main()
    except BrokenPipeError:  # what reads our output has enough of it, as `head` has
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (CodeStiltsError, OSError) as error:
        told = error if isinstance(error, CodeStiltsError) else disk_error(error)
        if not told:
            raise
        print(f"error: {told}", file=sys.stderr)
        sys.exit(1)


def _refuse_scripts_of_another_checkout() -> None:
    """Exit with one line if the script that runs belongs to a checkout that has a library of its own.

    Every other module imports this one, so this is said before a script fails on what that library lacks.
    """
    script = getattr(sys.modules["__main__"], "__file__", None) or ""
    library = Path(__file__).parent
    own = Path(script).absolute().parent.parent / "src/codestilts" if script else library
    if (own / "__init__.py").exists() and not own.samefile(library):
        sys.exit(
            f"error: {script}: Python imports the library of {library}, not that of this checkout: "
            "`source .venv/bin/activate` here (where .venv was copied: delete it, `make setup`)"
        )


_refuse_scripts_of_another_checkout()
