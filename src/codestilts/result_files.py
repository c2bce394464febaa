"""Where files lie in the folder of a study's results, where ``rules/`` write them, for everything that reads a folder.

A run is an encoder after an arm, fine-tuned on a target with a seed; a job trains a batch of seeds (``0-4``).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from codestilts.job_files import reading

RUN = "run.json"
ANY = "*"


def finished_files(folder: Path, pattern: str) -> list[Path]:
    """The files below a folder that match a pattern, in order, without those of hidden folders: unfinished work."""
    found = sorted(folder.glob(pattern))
    return [path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts)]


def predictions_of(encoder: str, arm: str, target: str, seeds: str) -> str:
    """The predictions of a batch of runs."""
    return f"predictions/{encoder}/{arm}/{target}/{seeds}.parquet"


def retrieval_of(encoder: str, arm: str, target: str, seeds: str) -> str:
    """The predictions of a batch for a target that is tested without training."""
    return f"retrieval/{encoder}/{arm}/{seeds}/{target}.parquet"


def prediction_files(
    results: Path, encoder: str = ANY, arm: str = ANY, target: str = ANY, seeds: str = ANY
) -> list[Path]:
    """The files of predictions that there are, in order."""
    names = (encoder, arm, target, seeds)
    return sorted(path for place in (predictions_of, retrieval_of) for path in finished_files(results, place(*names)))


def scored_of(encoder: str, arm: str, kind: str) -> str:
    """The ``values`` or the ``sums`` of an encoder after an arm."""
    return f"scores/{encoder}/{arm}.{kind}.parquet"


def examples_of(task: str) -> str:
    """The examples of a task."""
    return f"examples/{task}.parquet"


def intermediate_record(encoder: str = ANY, arm: str = ANY, seeds: str = ANY, seed: int | str = ANY) -> str:
    """The record of a run of intermediate training, kept when its model is deleted."""
    return f"records/{encoder}/{arm}/{seeds}/{seed}/{RUN}"


def target_record(
    encoder: str = ANY, arm: str = ANY, target: str = ANY, seeds: str = ANY, seed: int | str = ANY
) -> str:
    """The record of a run of target training."""
    return f"target/{encoder}/{arm}/{target}/{seeds}/{seed}/{RUN}"


def retrieval_record(encoder: str = ANY, arm: str = ANY, seeds: str = ANY) -> str:
    """The record of a batch that was tested on the untrained targets."""
    return f"retrieval/{encoder}/{arm}/{seeds}/{RUN}"


def training_records(results: Path) -> list[Path]:
    """The records of training that there are: first those of intermediate training."""
    return [path for place in (intermediate_record(), target_record()) for path in finished_files(results, place)]


@contextmanager
def reading_record(path: Path) -> Iterator[None]:
    """Turn errors of the block, which reads the record of a run, into one that names it and says what to do."""
    with reading(path, "record of a run", "delete its folder, and make it again"):
        yield
