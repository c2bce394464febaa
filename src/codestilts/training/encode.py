"""Encode a task's examples once for each tokenizer; training and prediction map the result.

The folder of an encoded task is::

    train/ dev/ test/   records of each split, which ``datasets.load_from_disk`` reads
    rows.parquet        the rows of dev and test, which predictions refer to
    encoded.json        labels, digests of what decides the content, and the training examples that are left out

Training examples that are near-duplicates of tested ones are left out here (:mod:`codestilts.examples.text_clusters`).
"""

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from filelock import FileLock

from codestilts.code_digest import stage_digest
from codestilts.config.training_settings import EncodingSettings
from codestilts.errors import CodeStiltsError
from codestilts.job_files import open_parquet, read_batches, read_parquet
from codestilts.provenance import atomic, file_digest, write_json
from codestilts.result_files import finished_files
from codestilts.tasktypes.base import Task
from codestilts.tasktypes.language_codes import first_tokens
from codestilts.tasktypes.records import store
from codestilts.tasktypes.registry import encode_rows
from codestilts.training.tokenizers import load_tokenizer

RECORD = "encoded.json"
ROWS = "rows.parquet"
SPLITS = ("train", "dev", "test")
PREDICTED = ("dev", "test")
OUTPUT_LANGUAGE = "output_language"  # column of tasks of generation
ROWS_PER_CHUNK = 2000  # examples in memory at a time


@dataclass(frozen=True)
class EncodingJob:
    """A task to encode.

    Attributes:
        settings: the task.
        encoder: folder of the tokenizer.
        examples: the task's table, named after it.
        out: folder that is written; its parent's parent holds those of all encoders, and locks.
        clusters: clusters of texts that training and test sets share; without these, no example is left out.
    """

    settings: EncodingSettings
    encoder: Path
    examples: Path
    out: Path
    clusters: Path | None = None

    def left_out(self) -> list[int]:
        """Positions, in the table, of the training examples that are left out."""
        return left_out(read_parquet(self.clusters), self.examples.stem) if self.clusters else []


def left_out(clusters: pd.DataFrame, task: str) -> list[int]:
    """Return the positions of a task's training examples that share a cluster with a tested example."""
    own = clusters[(clusters["task"] == task) & (clusters["split"] == "train")]
    return sorted(set(own["row"].tolist()))


def encode_task(job: EncodingJob) -> None:
    """Encode a task, or link to the files of another encoder with the same tokenizer."""
    tokenizer = load_tokenizer(job.encoder)
    key = {
        "settings": json.loads(json.dumps(asdict(job.settings))),
        "examples": file_digest(job.examples),
        "tokenizer": tokenizer_digest(tokenizer),
        "code": stage_digest(Path(__file__).parents[3], __name__),
        "left_out": job.left_out(),
    }
    everything = job.out.parent.parent
    everything.mkdir(parents=True, exist_ok=True)
    with FileLock(everything / f".{job.examples.stem}.{key['tokenizer'][:16]}.lock"), atomic(job.out) as folder:
        shutil.rmtree(job.out, ignore_errors=True)
        for other in finished_files(everything, f"*/{job.examples.stem}/{RECORD}"):
            with suppress(OSError, ValueError):  # another job may be replacing it
                if key.items() <= json.loads(other.read_text(encoding="utf-8")).items():
                    _link_or_copy(other.parent, folder)
                    print(f"{job.examples.stem}: linked to {other.parent}, encoded with the same tokenizer", flush=True)
                    return
        _encode(job, tokenizer, key, folder)


def tokenizer_digest(tokenizer: Any) -> str:
    """Return a digest of all that decides a fast tokenizer's output; encoders of two sizes often share theirs."""
    special = {name: str(token) for name, token in sorted(tokenizer.special_tokens_map.items())}
    cut = f"{tokenizer.truncation_side} {tokenizer.split_special_tokens}"  # which the backend is told of with each text
    parts = [tokenizer.backend_tokenizer.to_str(), json.dumps(special), cut, *tokenizer.model_input_names]
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()


def _encode(job: EncodingJob, tokenizer: Any, key: dict[str, Any], folder: Path) -> None:
    schema = open_parquet(job.examples).schema_arrow
    task = Task.from_settings(job.examples.stem, job.settings, _train_tags(job))
    if OUTPUT_LANGUAGE in schema.names:
        named = read_parquet(job.examples, [OUTPUT_LANGUAGE])[OUTPUT_LANGUAGE]
        first_tokens(list(named.unique()), tokenizer, task.name)
    folder.mkdir()
    out = {split: [] if split in PREDICTED else key["left_out"] for split in SPLITS}
    records = {
        split: store(_records(job.examples, split, tokenizer, task, out[split]), folder / split) for split in SPLITS
    }
    if key["left_out"] and not records["train"]:
        raise CodeStiltsError(
            f"task {task.name}: every training example is a near-duplicate of a tested one: set "
            "leakage.near_duplicates to keep, or leave out the task or the target"
        )
    with pq.ParquetWriter(folder / ROWS, schema) as writer:
        for batch in read_batches(job.examples, ROWS_PER_CHUNK):
            writer.write_batch(batch.filter(pc.is_in(batch["split"], pa.array(PREDICTED))))
    write_json(folder / RECORD, {**key, "labels": list(task.labels), "records": records})
    numbers = [f"{number} {split}" for split, number in records.items()]
    numbers += [f"{len(key['left_out'])} left out as near-duplicates of tested examples"] if key["left_out"] else []
    print(f"{job.examples.stem}: {', '.join(numbers)}", flush=True)


def _train_tags(job: EncodingJob) -> pd.DataFrame | None:
    """Return the tags of a tagging task, from whose train split the labels are taken if it declares none."""
    if job.settings.type != "tagging" or job.settings.labels:
        return None
    return read_parquet(job.examples, ["split", "tags"])


def _records(
    examples: Path, split: str, tokenizer: Any, task: Task, out: Sequence[int]
) -> Iterator[Sequence[dict[str, Any]]]:
    """Encode the rows of a split, a chunk at a time; ``example`` counts the rows of the split that are not ``out``."""
    done = position = 0
    for batch in read_batches(examples, ROWS_PER_CHUNK):
        kept = ~np.isin(np.arange(position, position + batch.num_rows), out)
        position += batch.num_rows
        rows = batch.filter(pc.and_(pc.equal(batch["split"], split), pa.array(kept))).to_pandas()
        if len(rows):
            records = encode_rows(rows, tokenizer, task)
            for record in records:
                if "example" in record:
                    record["example"] += done
            done += len(rows)
            yield records


def _link_or_copy(source: Path, target: Path) -> None:
    """Copy a folder by hard links, or as files where the file system has none.

    A workflow may keep a folder's time in a hidden file, which it touches: a shared one would outdate readers of both.
    """
    left_out = shutil.ignore_patterns(".*")
    try:
        shutil.copytree(source, target, copy_function=_link, ignore=left_out)
    except OSError:
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(source, target, ignore=left_out)


def _link(source: str, target: str) -> None:
    Path(target).hardlink_to(source)
