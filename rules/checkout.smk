# Before anything else: this folder, its own library, and the Python that runs Snakemake.
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


if workflow.modifier.namespace or not CHECKOUT.samefile(workflow.basedir):
    refuse(f"{CHECKOUT / 'Snakefile'}: it is no module of other workflows: run it by itself, `snakemake` in its folder")
if not (CHECKOUT.is_dir() and CHECKOUT.samefile(".")):
    refuse(f"{CHECKOUT}: Snakemake runs in the project's own folder: `cd {CHECKOUT}`, without --directory")
if not LIBRARY:
    refuse("Python has no library codestilts: `source .venv/bin/activate` (`make setup` makes .venv)")
if not Path(LIBRARY.origin or "").parent.samefile(CHECKOUT / "src/codestilts"):
    refuse(
        f"Python imports the library of {Path(LIBRARY.origin).parent}, not that of this checkout:"
        " `source .venv/bin/activate` here (where .venv was copied: delete it, `make setup`)"
    )
# Jobs say `python`: whatever environment is active, it is the one whose library was looked at.
os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
