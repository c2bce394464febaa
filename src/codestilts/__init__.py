"""CodeStilts: does intermediate-task training on code help zero-shot transfer across programming languages?"""

import sys
from pathlib import Path


def _refuse_scripts_of_another_checkout() -> None:
    """Exit with one line if the script that runs belongs to a checkout that has a library of its own."""
    script = getattr(sys.modules["__main__"], "__file__", None) or ""
    own = Path(script).absolute().parent.parent / "src/codestilts" if script else Path(__file__).parent
    if (own / "__init__.py").exists() and not own.samefile(Path(__file__).parent):
        sys.exit(
            f"error: {script}: Python imports the library of {Path(__file__).parent}, not that of this checkout: "
            "`source .venv/bin/activate` here (where .venv was copied: delete it, `make setup`)"
        )


_refuse_scripts_of_another_checkout()
