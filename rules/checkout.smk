# Before anything else: Snakemake runs in this folder, with the library of this folder.
import importlib.util
import sys
from pathlib import Path

CHECKOUT = Path(str(workflow.current_basedir)).parent
LIBRARY = importlib.util.find_spec("codestilts")


def refuse(text):
    """End with one line."""
    print(f"error: {text}", file=sys.stderr)
    sys.exit(1)


if workflow.modifier.namespace or not CHECKOUT.samefile(workflow.basedir):
    refuse(f"{CHECKOUT / 'Snakefile'}: it is no module of other workflows: run it by itself, `snakemake` in its folder")
if not (CHECKOUT.is_dir() and CHECKOUT.samefile(".")):
    refuse(f"{CHECKOUT}: Snakemake runs in the project's own folder: `cd {CHECKOUT}`, without --directory")
if not LIBRARY:
    refuse("Python has no library codestilts: `source .venv/bin/activate` (`make setup` makes .venv)")
IMPORTED, OWN = Path(LIBRARY.origin or "nowhere").parent, CHECKOUT / "src/codestilts"
if not (OWN.is_dir() and OWN.samefile(IMPORTED)):
    refuse(
        f"Python imports the library of {IMPORTED}, not that of this checkout:"
        " `source .venv/bin/activate` here (where .venv was copied: delete it, `make setup`)"
    )
