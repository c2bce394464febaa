"""Some rows of a repository's tables, for a rehearsal: what a laptop can fetch of sets of many gigabytes."""

import shutil
from pathlib import Path
from typing import Any

from codestilts.errors import CodeStiltsError
from codestilts.sources.archive import matches
from codestilts.sources.hub import ALWAYS, REFUSED, client_errors, listing, path_of, place_of
from codestilts.sources.table import Source

WEIGHTS = ("*.safetensors", *REFUSED)  # a rehearsal draws its own
WHOLE = 30_000_000  # bytes; a smaller table is read whole and thinned, of a larger one the first rows are read
RUN = 4  # rows that stay together where a table is thinned: sorted tables have what belongs together side by side


def fetch_sample(source: Source, folder: Path, rows: int) -> Path:
    """At most ``rows`` rows of each table of ``source``, under the names of its files, in a folder below ``folder``.

    Of a table in several files only the first file is read. Everything else that ``keep`` asks for comes whole, except
    weights. Raises :class:`CodeStiltsError` as :func:`~codestilts.sources.hub.fetch_snapshot` does.
    """
    from huggingface_hub import HfFileSystem, hf_hub_download

    files = listing(source)
    kind, name = place_of(source)
    place = folder / source.name
    system = HfFileSystem()
    try:
        for file in sorted(files):
            if not wanted(file, source):
                continue
            out = place / file
            out.parent.mkdir(parents=True, exist_ok=True)
            if file.endswith((".parquet", ".jsonl")):
                with system.open(path_of(source, file), "rb") as stream:
                    if file.endswith(".parquet"):
                        _parquet(stream, files[file], out, rows)
                    else:
                        out.write_bytes(b"".join(line for line, _ in zip(stream, range(rows), strict=False)))
            else:
                hf_hub_download(name, file, repo_type=kind, revision=source.revision, local_dir=place)
    except client_errors() as error:
        message = " ".join(str(error).split())
        raise CodeStiltsError(f"source {source.name}: cannot read {source.id} on the hub: {message}") from error
    shutil.rmtree(place / ".cache", ignore_errors=True)  # the client's own notes
    return place


def wanted(file: str, source: Source) -> bool:
    """Whether a rehearsal reads a file: asked for, no weights, and not the second or later part of a table."""
    kept = matches(file, source.keep) or matches(file, ALWAYS)
    number = file.rpartition("-of-")[0].rpartition("-")[2]
    later = number.isdigit() and int(number) > 0
    return kept and not matches(file, WEIGHTS) and not later


def _parquet(stream: Any, size: int, out: Path, rows: int) -> None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = pq.ParquetFile(stream)
    if size <= WHOLE:
        table = file.read()
        if len(table) > rows:
            starts = np.linspace(0, len(table) - RUN, rows // RUN).astype(int)
            table = table.take(np.unique((starts[:, None] + np.arange(RUN)).ravel()))
    else:
        table = pa.Table.from_batches([next(file.iter_batches(rows))])
    pq.write_table(table.replace_schema_metadata(file.schema_arrow.metadata), out)
