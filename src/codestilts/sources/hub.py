"""Fetch a repository of the Hugging Face hub at a pinned revision, as data: none of its code is run or kept."""

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from codestilts.errors import CodeStiltsError, one_line
from codestilts.provenance import file_digest
from codestilts.sources.table import Source

# Programs, and formats that can run code when they are read. One pickle may be asked for by its full name: the weights
# of an encoder published without safetensors, which training/pretrained.py reads with ``weights_only=True``.
REFUSED = ("*.bin", "*.ckpt", "*.h5", "*.joblib", "*.msgpack", "*.npz", "*.pickle", "*.pkl", "*.pt", "*.pth", "*.py")
WEIGHTS = "pytorch_model.bin"
ALWAYS = ("README.md", "LICEN[CS]E*", "Data_LICEN[CS]E*")  # the card says which files are which split


def repository_of(source: Source) -> tuple[str, str]:
    """Return the kind (``dataset`` or ``model``) and the name of a source's repository."""
    kind, _, name = source.id.partition("/")
    return kind.removesuffix("s"), name


def hub_path(source: Source, file: str) -> str:
    """Return a file's path in the hub's file system."""
    kind, name = repository_of(source)
    return f"{'datasets/' if kind == 'dataset' else ''}{name}@{source.revision.replace('/', '%2F')}/{file}"


def refused_patterns(source: Source) -> list[str]:
    """Return the patterns of the files that are never fetched; pickled weights are one unless ``keep`` names them."""
    return [pattern for pattern in REFUSED if WEIGHTS not in source.keep or pattern != "*.bin"]


def fetch_snapshot(source: Source, folder: Path) -> Path:
    """Fetch the files of ``source`` that its ``keep`` selects, at its commit (or its ref, if it is not pinned).

    Every file is compared with the hub's digest of it.

    Returns:
        A new folder below ``folder`` with the files.

    Raises:
        CodeStiltsError: The hub can't be reached, lacks the repository or revision, or requires that its terms are
            accepted; or a file is not the one that the hub lists.
    """
    from huggingface_hub import snapshot_download

    kind, name = repository_of(source)
    copy = folder / source.name
    wanted = [pattern for pattern in source.keep if not pattern.startswith("!")]
    dropped = [pattern[1:] for pattern in source.keep if pattern.startswith("!")]
    revision = source.revision
    with _asking(source, f"cannot fetch {source.id} at {revision[:12]} from the hub"):
        snapshot_download(
            name,
            repo_type=kind,
            revision=revision,
            local_dir=copy,
            allow_patterns=[*wanted, *ALWAYS],
            ignore_patterns=[*dropped, *refused_patterns(source)],
        )
        shutil.rmtree(copy / ".cache", ignore_errors=True)  # notes of the client
        _check(source, kind, name, revision, copy)
    return copy


@contextmanager
def _asking(source: Source, failure: str) -> Iterator[None]:
    """Turn what the client raises in the block into one line that says the ``failure`` and what to do."""
    from huggingface_hub.errors import GatedRepoError

    try:
        yield
    except GatedRepoError as error:
        kind, name = repository_of(source)
        raise CodeStiltsError(
            f"source {source.name}: {source.id} is gated: accept its terms on the hub's page of "
            f"{'datasets/' if kind == 'dataset' else ''}{name}, then log in with `hf auth login` or set HF_TOKEN"
        ) from error
    except client_errors() as error:
        raise CodeStiltsError(
            f"source {source.name}: {failure}: {one_line(error)}: check the connection, or the row of sources.csv"
        ) from error


def client_errors() -> tuple[type[Exception], ...]:
    """Return what the client raises if the hub can't be reached, answers with an error or breaks off.

    The bases of its own error are among them: one is that of the library through which it asks, httpx or httpx2.
    """
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    return (*HfHubHTTPError.__bases__, LocalEntryNotFoundError, OSError, ValueError)


def _check(source: Source, kind: str, name: str, revision: str, copy: Path) -> None:
    """Compare each file with the hub's digest: the sha256 of large files, git's blob hash of those that are in git."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    for path in sorted(path for path in copy.rglob("*") if path.is_file()):
        file = path.relative_to(copy).as_posix()
        known = get_hf_file_metadata(hf_hub_url(name, file, repo_type=kind, revision=revision))
        digest = {64: file_digest, 40: _git_digest}.get(len(known.etag or ""))
        if path.stat().st_size != known.size or (digest and digest(path) != known.etag):
            raise CodeStiltsError(
                f"source {source.name}: {file} is truncated or is not what the hub has: fetch it again"
            )
        if source.pinned and known.commit_hash != source.version:
            raise CodeStiltsError(f"source {source.name}: the hub answered with another commit, {known.commit_hash}")


def _git_digest(path: Path) -> str:
    total = hashlib.sha1(f"blob {path.stat().st_size}\0".encode())
    total.update(path.read_bytes())
    return total.hexdigest()


def card(source: Source) -> str:
    """Return the text of a repository's README.md, "" if it has none.

    Raises:
        CodeStiltsError: The hub can't be reached.
    """
    from huggingface_hub import HfFileSystem

    with _asking(source, f"cannot read the card of {source.id} on the hub"):
        try:
            return str(HfFileSystem().read_bytes(hub_path(source, "README.md")).decode(errors="replace"))
        except FileNotFoundError:
            return ""


def commit_of(source: Source) -> str:
    """Return the commit that a source's ref has on the hub now.

    Raises:
        CodeStiltsError: The hub can't be reached, or has no such repository or ref.
    """
    from huggingface_hub import HfApi

    kind, name = repository_of(source)
    ref = "main" if source.pinned else source.ref
    with _asking(source, f"the hub gives no commit of {source.id} at {ref}"):
        return str(HfApi().repo_info(name, repo_type=kind, revision=ref).sha)


def listing(source: Source) -> dict[str, int]:
    """Return the size in bytes of each file of a repository.

    Raises:
        CodeStiltsError: The hub can't be reached, or has no such repository.
    """
    from huggingface_hub import HfApi

    kind, name = repository_of(source)
    with _asking(source, f"cannot list {source.id} on the hub"):
        entries: Any = HfApi().list_repo_tree(name, repo_type=kind, revision=source.revision, recursive=True)
        return {entry.path: entry.size for entry in entries if hasattr(entry, "size")}
