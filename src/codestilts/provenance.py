"""Where a file came from: atomic writes, digests and the run record beside every model."""

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

from codestilts.errors import disk_error

# Where the project keeps what decides its results: a new file there is a change.
OWN = {"containers", "envs", "notebooks", "profiles", "report", "rules", "scripts", "slurm", "src", "studies", "tasks"}


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` (file or folder); rename it on success, remove it on failure.

    A reader therefore never sees a half-written output, and an old one survives a failed attempt. Raises
    :class:`CodeStiltsError` where the disk is full or read-only. A device or a pipe is written to as it is.
    """
    path, scratch = Path(path), None
    if path.exists() and not (path.is_file() or path.is_dir()):
        yield path
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
        yield scratch / path.name
        (scratch / path.name).replace(path)
    except Exception as error:
        if told := disk_error(error, path):
            raise told from error
        raise
    finally:
        if scratch:
            shutil.rmtree(scratch, ignore_errors=True)


def write_json(path: str | Path, value: Any) -> None:
    """Write ``value`` as indented JSON, atomically."""
    with atomic(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def file_digest(path: str | Path) -> str:
    """The sha256 of a file, in hexadecimal."""
    with Path(path).open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def code_digest(files: Iterable[str | Path]) -> str:
    """One short digest over the given source files (names and contents), in the order of their names."""
    total = hashlib.sha256()
    for path in sorted(Path(file) for file in files):
        total.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return total.hexdigest()[:16]


def peak_memory_mb() -> int:
    """Peak resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def environment(device: str, threads: int) -> dict[str, Any]:
    """What the numbers of a run may depend on: device, processor, threads, versions and the commit."""
    packages = ("torch", "transformers", "tokenizers", "numpy", "pandas")
    return {
        "device": device,
        "processor": _processor(),
        "threads": threads,
        "versions": {"python": platform.python_version()} | {name: metadata.version(name) for name in packages},
        "commit": commit(),
    }


def _processor() -> str:
    """The processor's name as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")


def commit() -> str:
    """The commit of the checkout that this library runs from, "+ changes" after it where files differ from it.

    Files that git ignores don't count, new files only where the project keeps its own. Where git cannot tell (there is
    none in a container) it is what whoever started the job says (``CODESTILTS_COMMIT``), or else "unknown".
    """
    root = Path(__file__).parents[2]
    try:
        *top, head = _git(root, "rev-parse", "--show-toplevel", "HEAD").splitlines()
        if not root.samefile("\n".join(top)):
            raise FileNotFoundError(f"{root} is no checkout, though a folder above it is one")
        status = _git(root, "status", "--porcelain", "-z", "--no-renames", "--untracked-files=normal")
    except (OSError, subprocess.CalledProcessError):
        return os.environ.get("CODESTILTS_COMMIT") or "unknown"
    return f"{head} + changes" if any(map(_matters, filter(None, status.split("\0")))) else head


def _git(root: Path, *words: str) -> str:
    """What git prints of ``root``, whatever repository the environment names and whoever owns the files: code of this
    folder runs already, so nothing of it is trusted that is not."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    command = ["git", "--no-optional-locks", "-c", f"safe.directory={root.resolve()}", "-c", "core.fsmonitor=false"]
    return subprocess.run([*command, *words], cwd=root, env=own, capture_output=True, text=True, check=True).stdout


def _matters(change: str) -> bool:
    """Whether a line of git's status is a change: any of a file that git knows, new files of the project's own."""
    state, path = change[:2], Path(change[3:])
    return state != "??" or (path.parts[0] in OWN and not is_leftover(path))


def is_leftover(path: Path) -> bool:
    """Whether a file is what editors and archives leave beside others: ``._x.yaml``, ``.#x``, ``#x#``, ``x.yaml~``."""
    return any(part.startswith((".", "#")) or part.endswith("~") for part in path.parts if part not in (".", ".."))
