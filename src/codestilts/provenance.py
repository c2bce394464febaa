"""Provenance of results: atomic writes, digests, and the environment in the run record of every model."""

import hashlib
import json
import os
import platform
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

from codestilts.errors import CodeStiltsError, disk_error

# Folders of files that decide results: a new file in one of them is a change.
TRACKED_FOLDERS = {
    "containers",
    "envs",
    "notebooks",
    "profiles",
    "report",
    "rules",
    "scripts",
    "slurm",
    "src",
    "studies",
    "tasks",
}


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` (file or folder); rename it on success, remove it on failure.

    Readers therefore never see a partial output, and a failed attempt leaves the old one. Devices and pipes are
    written to directly.

    Raises:
        CodeStiltsError: The disk is full or read-only, or the folder cannot be made or written to.
    """
    path, scratch = Path(path), None
    if path.exists() and not (path.is_file() or path.is_dir()):
        yield path
        return
    try:
        scratch = _scratch_beside(path)
        yield scratch / path.name
        (scratch / path.name).replace(path)
    except Exception as error:
        if message := disk_error(error, path):
            raise message from error
        raise
    finally:
        if scratch:
            shutil.rmtree(scratch, ignore_errors=True)


def _scratch_beside(path: Path) -> Path:
    """Make a temporary folder beside ``path``, in the folder that is made for it if it does not exist."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    except OSError as error:
        raise disk_error(error, path) or CodeStiltsError(
            f"{path}: its folder cannot be made or written to ({error.strerror}): name another place, or change the "
            "permissions"
        ) from error


def usual_permissions(path: Path) -> None:
    """Let others read a file as the user's umask says: safetensors lets its owner alone."""
    os.umask(umask := os.umask(0))
    path.chmod(0o666 & ~umask)


def check_place(path: str | Path) -> None:
    """Check that ``path`` can be written, before what it shall hold is fetched or computed for hours.

    Raises:
        CodeStiltsError: As :func:`atomic`.
    """
    _scratch_beside(Path(path)).rmdir()


def write_json(path: str | Path, value: Any) -> None:
    """Write ``value`` as indented JSON, atomically."""
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def file_digest(path: str | Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def code_digest(files: Iterable[str | Path]) -> str:
    """One short digest over the names and contents of source files, in the order of their names."""
    total = hashlib.sha256()
    for path in sorted(Path(file) for file in files):
        total.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()[:16]


def peak_memory_mb() -> int:
    """Peak resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def environment(device: str, threads: int) -> dict[str, Any]:
    """Everything outside the settings that results may depend on: device, processor, threads, versions, commit."""
    packages = ("torch", "transformers", "tokenizers", "numpy", "pandas")
    return {
        "device": device,
        "processor": _processor(),
        "threads": threads,
        "versions": {"python": platform.python_version()} | {name: metadata.version(name) for name in packages},
        "commit": commit(),
    }


def _processor() -> str:
    """The name of the processor, with its family and model: virtual machines give several kinds the same name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    pairs = [[part.strip() for part in line.split(":", 1)] for line in lines if ":" in line]
    found = dict(reversed(pairs))  # of the first processor
    name = found.get("model name", "unknown")
    return f"{name} (family {found['cpu family']}, model {found['model']})" if "cpu family" in found else name


def commit() -> str:
    """The commit of the checkout that this library runs from, followed by "+ changes" if files differ from it.

    Ignored files do not count, and new files count in :data:`TRACKED_FOLDERS` only. Without git, as in a container, it
    is the value of ``CODESTILTS_COMMIT``, which the workflow sets, or "unknown".
    """
    root = Path(__file__).parents[2]
    try:
        *top, head = _git(root, "rev-parse", "--show-toplevel", "HEAD").splitlines()
        if not root.samefile("\n".join(top)):
            raise FileNotFoundError(f"{root} is not a checkout, although a folder above it is")
        status = _git(root, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=normal")
    except (OSError, subprocess.CalledProcessError):
        return os.environ.get("CODESTILTS_COMMIT") or "unknown"
    return f"{head} + changes" if any(map(_is_change, filter(None, status.split("\0")))) else head


def _git(root: Path, *words: str) -> str:
    """The output of a git command in ``root``.

    It ignores repositories that the environment names. Git's check of who owns the files is turned off: code of this
    folder runs already, so that reading it is no further risk.
    """
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "--no-optional-locks", "-c", f"safe.directory={root.resolve()}", "-c", "core.fsmonitor=false"]
    return subprocess.run([*command, *words], cwd=root, env=own, capture_output=True, text=True, check=True).stdout


def _is_change(change: str) -> bool:
    """Whether a line of ``git status`` is a change: of a tracked file, or a new file in :data:`TRACKED_FOLDERS`."""
    state, path = change[:2], Path(change[3:])
    return state != "??" or (path.parts[0] in TRACKED_FOLDERS and not is_leftover(path))


def is_leftover(path: Path) -> bool:
    """Whether a file is a leftover of an editor or an archive: ``._x.yaml``, ``.#x``, ``#x#``, ``x.yaml~``."""
    return any(part.startswith((".", "#")) or part.endswith("~") for part in path.parts if part not in (".", ".."))


def parquet_files(paths: Iterable[Path]) -> list[Path]:
    """The tables among some files and folders: each file, and the parquet files of each folder in order of name."""
    return [file for path in paths for file in (sorted(path.glob("*.parquet")) if path.is_dir() else [path])]
