# Included first: find the checkout that this workflow belongs to, and refuse the library of another one.
import importlib.util
import os
import sys
from pathlib import Path

CHECKOUT = Path(str(workflow.current_basedir)).parent
LIBRARY = importlib.util.find_spec("codestilts")


def refuse(text):
    """End with one line."""
    print(f"error: {text}", file=sys.stderr)
    sys.exit(1)


def in_checkout(path):
    """A file of the checkout, relative to the working directory: Snakemake may run elsewhere (--directory, modules)."""
    return os.path.relpath(CHECKOUT / path)


if not CHECKOUT.is_dir():
    refuse(f"{CHECKOUT}: the workflow needs its scripts and its library: clone the project and name its Snakefile")
if not LIBRARY:
    refuse(f"Python has no library codestilts: `source {in_checkout('.venv')}/bin/activate` (`make setup` makes .venv)")
IMPORTED, EXPECTED = Path(LIBRARY.origin or "nowhere").parent, CHECKOUT / "src/codestilts"
if not (EXPECTED.is_dir() and EXPECTED.samefile(IMPORTED)):
    refuse(
        f"Python imports the library of {IMPORTED}, not that of {CHECKOUT}:"
        f" `source {in_checkout('.venv')}/bin/activate` (if .venv was copied: delete it, `make setup`)"
    )
