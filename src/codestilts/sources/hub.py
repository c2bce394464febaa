"""Fetch a repository of the Hugging Face hub at a pinned revision, as data: no code of it is run or kept."""

import shutil
from pathlib import Path

from codestilts.errors import CodeStiltsError
from codestilts.sources import Source

# Pickles, which run code when they are read, and programs.
REFUSED = ("*.bin", "*.ckpt", "*.h5", "*.joblib", "*.msgpack", "*.npz", "*.pickle", "*.pkl", "*.pt", "*.pth", "*.py")


def fetch_snapshot(source: Source, folder: Path) -> Path:
    """The files of ``source`` that its ``keep`` asks for, in a folder below ``folder``.

    ``id`` is ``datasets/owner/name`` or ``models/owner/name``, ``version`` the commit. The client draws a bar. Raises
    :class:`CodeStiltsError` if the hub is out of reach or has no such repository or revision.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    kind, _, name = source.id.partition("/")
    place = folder / source.name
    wanted = [pattern for pattern in source.keep if not pattern.startswith("!")]
    dropped = [pattern[1:] for pattern in source.keep if pattern.startswith("!")]
    try:
        snapshot_download(
            name,
            repo_type=kind.removesuffix("s"),
            revision=source.version,
            local_dir=place,
            allow_patterns=[*wanted, "LICEN[CS]E*"],
            ignore_patterns=[*dropped, *REFUSED],
        )
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError, ValueError) as error:
        raise CodeStiltsError(
            f"source {source.name}: cannot fetch {source.id} at {source.version[:12]} from the hub: "
            f"{' '.join(str(error).split())}: check the connection, or the row of sources.csv"
        ) from error
    shutil.rmtree(place / ".cache", ignore_errors=True)  # the client's own notes
    return place
