"""The environment of jobs: caches, offline mode, locale, GPUs of containers. Light: planning imports it."""

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
NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.EINVAL}  # errors of file systems without locks
# Free bytes required in the folder for temporary files: training and notebooks write logs and kernel files of a few MB.
MIN_TEMPORARY_BYTES = 10_000_000


def check_folders() -> None:
    """Check the working directory and the folder for temporary files.

    Raises:
        CodeStiltsError: Snakemake cannot run notebooks in a folder of this name, or there is no room for temporary
            files.
    """
    folder = str(Path.cwd())
    if "'" in folder or folder.endswith("\\"):
        raise CodeStiltsError(
            f"{folder}: Snakemake cannot run notebooks in a folder whose path has an apostrophe or ends with a "
            "backslash: move the project"
        )
    try:
        with tempfile.TemporaryFile() as file:
            os.posix_fallocate(file.fileno(), 0, MIN_TEMPORARY_BYTES)
    except OSError as error:
        raise CodeStiltsError(
            f"{_temporary_folder()}: {error.strerror}: jobs need {MIN_TEMPORARY_BYTES // 1_000_000} MB there for "
            "temporary files: free some space, or set TMPDIR to a folder that has it"
        ) from None


def _temporary_folder() -> str:
    try:
        return tempfile.gettempdir()
    except OSError:
        return os.environ.get("TMPDIR", "/tmp")


def keep_caches_in(folder: Path) -> None:
    """Put every cache into ``folder``: a home may be read-only, small, or missing in a container.

    The token for gated repositories of the hub stays in the user's home.

    Raises:
        CodeStiltsError: ``folder`` cannot be written, or its file system has no locks. Later errors would not name
            the cause.
    """
    try:
        folder.mkdir(exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in NO_LOCKS:
            raise CodeStiltsError(
                f"{folder}: its file system has no locks ({error.strerror}), which keep runs apart: mount it with them "
                "(Lustre: -o flock; NFS: local_lock=flock), or move the project"
            ) from None
        raise disk_error(error, folder) or CodeStiltsError(f"{folder}: caches cannot be kept there: {error}") from None
    with suppress(RuntimeError):  # a user without a home has no token
        home = os.environ.get("HF_HOME") or Path.home() / ".cache/huggingface"
        os.environ.setdefault("HF_TOKEN_PATH", str(Path(home) / "token"))
    os.environ.update({variable: str(folder / cache) for variable, cache in CACHES.items()})


def set_job_environment() -> None:
    """Set the variables that every job inherits."""
    go_offline()
    os.environ["PYTHONUTF8"] = "1"  # read and write UTF-8 in every locale
    if any(Path("/dev").glob("nvidia[0-9]*")):
        os.environ.setdefault("APPTAINER_NV", "1")  # as apptainer --nv, which warns on machines without a GPU
    pass_commit()
    put_this_python_first()


def go_offline() -> None:
    """Keep the hub's clients offline, in this process and in those that it starts.

    The user's own choice moves to CODESTILTS_HUB_OFFLINE for the one command that may go online (rules/fetch.smk). As a
    parameter of that rule it would cause reruns.
    """
    os.environ.setdefault("CODESTILTS_HUB_OFFLINE", os.environ.get("HF_HUB_OFFLINE", "0"))
    os.environ["HF_HUB_OFFLINE"] = "1"


def pass_commit() -> None:
    """Tell jobs the commit of this checkout: a container has no git to ask."""
    os.environ["CODESTILTS_COMMIT"] = commit()


def put_this_python_first() -> None:
    """Let ``python`` in jobs be the interpreter that runs Snakemake, whichever environment is active."""
    os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
