"""Fetch a repository of the Hugging Face hub at a pinned revision, as data: no code of it is run or kept."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

from codestilts.errors import CodeStiltsError
from codestilts.provenance import file_digest
from codestilts.sources.table import Source

# Pickles, which run code when they are read, and programs. One pickle may be asked for by its full name, the weights
# of an encoder that was published without safetensors: pretrained reads its tensors and nothing else.
REFUSED = ("*.bin", "*.ckpt", "*.h5", "*.joblib", "*.msgpack", "*.npz", "*.pickle", "*.pkl", "*.pt", "*.pth", "*.py")
WEIGHTS = "pytorch_model.bin"
ALWAYS = ("README.md", "LICEN[CS]E*", "Data_LICEN[CS]E*")  # the card says which file is which split of which config


def place_of(source: Source) -> tuple[str, str]:
    """Kind (``dataset`` or ``model``) and name of a source's repository."""
    kind, _, name = source.id.partition("/")
    return kind.removesuffix("s"), name


def path_of(source: Source, file: str) -> str:
    """A file's path in the hub's file system."""
    kind, name = place_of(source)
    return f"{'datasets/' if kind == 'dataset' else ''}{name}@{source.revision.replace('/', '%2F')}/{file}"


def fetch_snapshot(source: Source, folder: Path) -> Path:
    """The files of ``source`` that its ``keep`` asks for, in a folder below ``folder``.

    ``id`` is ``datasets/owner/name`` or ``models/owner/name``, ``version`` the commit; an unpinned source is fetched at
    its ref. The client draws a bar. Every file is compared with the digest that the hub has of it. Raises
    :class:`CodeStiltsError` if the hub is out of reach, has no such repository or revision or wants its terms accepted,
    and if a file is not the one that it names.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError

    kind, name = place_of(source)
    place = folder / source.name
    wanted = [pattern for pattern in source.keep if not pattern.startswith("!")]
    dropped = [pattern[1:] for pattern in source.keep if pattern.startswith("!")]
    refused = [pattern for pattern in REFUSED if WEIGHTS not in wanted or pattern != "*.bin"]
    revision = source.revision
    try:
        snapshot_download(
            name,
            repo_type=kind,
            revision=revision,
            local_dir=place,
            allow_patterns=[*wanted, *ALWAYS],
            ignore_patterns=[*dropped, *refused],
        )
        shutil.rmtree(place / ".cache", ignore_errors=True)  # the client's own notes
        _check(source, kind, name, revision, place)
    except GatedRepoError as error:
        where = f"{'datasets/' if kind == 'dataset' else ''}{name}"
        raise CodeStiltsError(
            f"source {source.name}: {source.id} is gated: accept its terms on the hub's page of {where}, then log in "
            "with `hf auth login` or set HF_TOKEN"
        ) from error
    except client_errors() as error:
        raise CodeStiltsError(
            f"source {source.name}: cannot fetch {source.id} at {revision[:12]} from the hub: "
            f"{' '.join(str(error).split())}: check the connection, or the row of sources.csv"
        ) from error
    return place


def client_errors() -> tuple[type[Exception], ...]:
    """What the client raises for a hub that is out of reach, answers with an error or breaks off."""
    import httpx
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    return (HfHubHTTPError, LocalEntryNotFoundError, httpx.HTTPError, OSError, ValueError)


def _check(source: Source, kind: str, name: str, revision: str, place: Path) -> None:
    """Compare each file with the hub's digest: sha256 where it stores the file itself, git's own where git does."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    for path in sorted(path for path in place.rglob("*") if path.is_file()):
        file = path.relative_to(place).as_posix()
        known = get_hf_file_metadata(hf_hub_url(name, file, repo_type=kind, revision=revision))
        digest = {64: file_digest, 40: _git_digest}.get(len(known.etag or ""))
        if path.stat().st_size != known.size or (digest and digest(path) != known.etag):
            raise CodeStiltsError(f"source {source.name}: {file} is not what the hub has (truncated or changed)")
        if source.pinned and known.commit_hash != source.version:
            raise CodeStiltsError(f"source {source.name}: the hub answered with commit {known.commit_hash}")


def _git_digest(path: Path) -> str:
    total = hashlib.sha1(f"blob {path.stat().st_size}\0".encode())
    total.update(path.read_bytes())
    return total.hexdigest()


def card(source: Source) -> str:
    """The text of a repository's README.md, "" if it has none."""
    from huggingface_hub import HfFileSystem

    try:
        return str(HfFileSystem().read_bytes(path_of(source, "README.md")).decode(errors="replace"))
    except FileNotFoundError:
        return ""


def commit_of(source: Source) -> str:
    """The commit that a source's ref has on the hub now; raises :class:`CodeStiltsError` if there is none."""
    from huggingface_hub import HfApi

    kind, name = place_of(source)
    ref = "main" if source.pinned else source.ref
    try:
        return str(HfApi().repo_info(name, repo_type=kind, revision=ref).sha)
    except client_errors() as error:
        message = " ".join(str(error).split()).split(". ")[0]
        raise CodeStiltsError(
            f"source {source.name}: the hub has no commit of {source.id} at {ref}: {message}"
        ) from error


def listing(source: Source) -> dict[str, int]:
    """The files of a repository, name -> bytes; raises :class:`CodeStiltsError` if there is none."""
    from huggingface_hub import HfApi

    kind, name = place_of(source)
    try:
        entries: Any = HfApi().list_repo_tree(name, repo_type=kind, revision=source.revision, recursive=True)
        return {entry.path: entry.size for entry in entries if hasattr(entry, "size")}
    except client_errors() as error:
        message = " ".join(str(error).split())
        raise CodeStiltsError(f"source {source.name}: the hub has no {source.id} to be read: {message}") from error
