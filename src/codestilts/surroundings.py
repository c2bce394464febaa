"""What the workflow sets in the environment of its jobs. Standard library only: the graph of jobs is built with it."""

import os
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from codestilts.errors import CodeStiltsError, disk_error
from codestilts.provenance import commit

CACHES = {
    "HF_HOME": "huggingface",
    "TORCH_HOME": "torch",
    "TORCHINDUCTOR_CACHE_DIR": "inductor",
    "TRITON_CACHE_DIR": "triton",
    "MPLCONFIGDIR": "matplotlib",
    "IPYTHONDIR": "ipython",
    "JUPYTER_CONFIG_DIR": "jupyter/config",
    "JUPYTER_DATA_DIR": "jupyter/data",
    "JUPYTER_RUNTIME_DIR": "jupyter/runtime",
}


def go_offline() -> str:
    """Keep the hub's clients in this process and those that it starts from the network.

    Returns the assignment to put before a command that may use it, if the user did not go offline already.
    """
    before = os.environ.get("HF_HUB_OFFLINE", "0")
    os.environ["HF_HUB_OFFLINE"] = "1"
    return f"HF_HUB_OFFLINE={before}"


def keep_caches_in(folder: Path) -> None:
    """Let every cache be in ``folder``: a home may be read-only, small, or missing within a container.

    The token for gated repositories of the hub stays where its user has it. Raises :class:`CodeStiltsError` where
    nothing can be written to ``folder``: what then fails would say anything but that.
    """
    try:
        folder.mkdir(exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise disk_error(error, folder) or CodeStiltsError(f"{folder}: caches cannot be kept there: {error}") from None
    with suppress(RuntimeError):  # a user without a home has no token
        home = os.environ.get("HF_HOME") or Path.home() / ".cache/huggingface"
        os.environ.setdefault("HF_TOKEN_PATH", str(Path(home) / "token"))
    os.environ.update({name: str(folder / place) for name, place in CACHES.items()})


def show_gpus() -> None:
    """Let containers see the GPUs of this machine, if it has any (``apptainer --nv``, which warns where it has not)."""
    if any(Path("/dev").glob("nvidia[0-9]*")):
        os.environ.setdefault("APPTAINER_NV", "1")


def tell_commit() -> None:
    """Pass on the commit of this checkout: within a container there is no git to ask."""
    os.environ["CODESTILTS_COMMIT"] = commit()


def use_this_python() -> None:
    """Let ``python`` of jobs be the one that runs Snakemake, whatever environment is active."""
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
