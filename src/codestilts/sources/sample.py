"""Sample the tables of a repository for a rehearsal: what a laptop can fetch of sets of many gigabytes."""

import shutil
from itertools import islice
from pathlib import Path

from codestilts.errors import CodeStiltsError, one_line
from codestilts.sources.archive import matches
from codestilts.sources.hub import ALWAYS, REFUSED, client_errors, hub_path, listing, repository_of
from codestilts.sources.table import Source

WEIGHTS = ("*.safetensors", *REFUSED)  # a rehearsal draws its own
WHOLE = 30_000_000  # bytes up to which a table is sampled from all its rows; of a larger one the first rows are read
RUN = 4  # consecutive rows that are sampled together: related rows are adjacent in sorted tables


def fetch_sample(source: Source, folder: Path, rows: int) -> Path:
    """Fetch at most ``rows`` rows of each table of ``source``, under the names of its files, into a new folder.

    Of a table in several files only the first one is read. All other files that ``keep`` selects are fetched whole,
    except weights.

    Raises:
        CodeStiltsError: As :func:`~codestilts.sources.hub.fetch_snapshot`.
    """
    from datasets.exceptions import DatasetsError
    from huggingface_hub import HfFileSystem, hf_hub_download

    sizes = listing(source)
    kind, name = repository_of(source)
    copy = folder / source.name
    try:
        for file in sorted(file for file in sizes if is_sampled(file, source)):
            out = copy / file
            out.parent.mkdir(parents=True, exist_ok=True)
            if file.endswith(".parquet"):
                _sample_table(f"hf://{hub_path(source, file)}", sizes[file] <= WHOLE, rows, out)
            elif file.endswith(".jsonl"):
                with HfFileSystem().open(hub_path(source, file), "rb") as stream:
                    out.write_bytes(b"".join(islice(stream, rows)))
            else:
                hf_hub_download(name, file, repo_type=kind, revision=source.revision, local_dir=copy)
    except (DatasetsError, *client_errors()) as error:
        raise CodeStiltsError(f"source {source.name}: cannot read {source.id} on the hub: {one_line(error)}") from error
    shutil.rmtree(copy / ".cache", ignore_errors=True)  # notes of the hub's client
    return copy


def is_sampled(file: str, source: Source) -> bool:
    """Whether a rehearsal fetches a file: ``keep`` selects it, and it is no weights and no later part of a table."""
    kept = matches(file, source.keep) or matches(file, ALWAYS)
    number = file.rpartition("-of-")[0].rpartition("-")[2]
    is_later_part = number.isdigit() and int(number) > 0
    return kept and not matches(file, WEIGHTS) and not is_later_part


def _sample_table(url: str, whole: bool, rows: int, out: Path) -> None:
    """Write a sample of the Parquet file at ``url`` to ``out``: of the whole table, or its first rows."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from datasets import IterableDataset

    # load_dataset would report each table to an address beside the hub, and wait for that.
    stream = IterableDataset.from_parquet(url)
    if not whole:
        stream = stream.take(rows)
    table = pa.concat_tables(stream.with_format("arrow").iter(batch_size=10_000))
    if len(table) > rows:
        starts = np.linspace(0, len(table) - RUN, rows // RUN).astype(int)
        table = table.take(np.unique((starts[:, None] + np.arange(RUN)).ravel()))
    pq.write_table(table, out)
