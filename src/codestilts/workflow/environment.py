"""What the workflow sets in the environment of its jobs. Standard library only: the graph of jobs is built with it."""

import errno
import fcntl
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


WITHOUT_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL}
ROOM = 10_000_000  # bytes that a folder for temporary files has at least


def go_offline() -> None:
    """Keep the hub's clients in this process and those that it starts from the network.

    What the user said stays in CODESTILTS_HUB_OFFLINE, for the one command that may use it (rules/fetch.smk): in the
    parameters of a rule it would decide a rerun.
    """
    os.environ.setdefault("CODESTILTS_HUB_OFFLINE", os.environ.get("HF_HUB_OFFLINE", "0"))
    os.environ["HF_HUB_OFFLINE"] = "1"


def speak_utf8() -> None:
    """Let every Python that is started read and write UTF-8, whatever the locale."""
    os.environ["PYTHONUTF8"] = "1"


def check_folders() -> None:
    """Raise :class:`CodeStiltsError` where the project cannot run where it is, or has no room for temporary files."""
    here = str(Path.cwd())
    if "'" in here or here.endswith("\\"):
        raise CodeStiltsError(
            f"{here}: Snakemake runs no notebook in a folder with an apostrophe, or a backslash at the end, in its "
            "path: move the project"
        )
    what = "jobs need some megabytes there for temporary files: free some, or set TMPDIR to a folder with room"
    try:
        with tempfile.TemporaryFile() as file:
            os.posix_fallocate(file.fileno(), 0, ROOM)
    except OSError as error:
        raise CodeStiltsError(f"{_temporary()}: {error.strerror}: {what}") from None


def _temporary() -> str:
    try:
        return tempfile.gettempdir()
    except OSError:
        return os.environ.get("TMPDIR", "/tmp")


def keep_caches_in(folder: Path) -> None:
    """Let every cache be in ``folder``: a home may be read-only, small, or missing within a container.

    The token for gated repositories of the hub stays where its user has it. Raises :class:`CodeStiltsError` where
    nothing can be written to ``folder``, or locked there: what then fails would say anything but that.
    """
    try:
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in WITHOUT_LOCKS:
            raise CodeStiltsError(
                f"{folder}: its file system has no locks ({error.strerror}), which keep runs apart: have it mounted "
                "with them (Lustre: -o flock; NFS: local_lock=flock), or move the project"
            ) from None
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
