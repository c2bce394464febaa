"""Load the study and check what would fail later, while Snakemake reads the Snakefile. Light modules only."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from snakemake.utils import update_config

from codestilts.columns import Record
from codestilts.config.registration import note_run
from codestilts.config.study import Study
from codestilts.config.validation import load_study, read_configs
from codestilts.errors import CodeStiltsError
from codestilts.workflow.encoder_checks import check_encoders
from codestilts.workflow.environment import check_folders, keep_caches_in, set_job_environment
from codestilts.workflow.snakemake_internals import Invocation

IMAGE = "containers/codestilts.sif"
IMAGE_DIGEST = f"{IMAGE}.sha256"
LOCK_SECONDS = 3  # `make status` holds the lock for an instant, to see whether it is free


@contextmanager
def errors_as_one_line() -> Iterator[None]:
    """Print a CodeStiltsError as one line and exit with 1, without the traceback that Snakemake would show."""
    try:
        yield
    except CodeStiltsError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(1)


def prepare_study(config: Record, checkout: Path, invocation: Invocation) -> Study:
    """Load the study of the config, check it against this machine, and set the environment of its jobs.

    Args:
        config: the merged config; for a module what the other Snakefile sets over the checkout's config.yaml.
        checkout: the project's folder, relative to the working directory.
        invocation: how Snakemake was started.

    Raises:
        CodeStiltsError: a line for each mistake in the config, or why jobs could not run here.
    """
    # Modules stay, and so do the millions of objects that planning makes. Leaving out the former and collecting garbage
    # less often saves a fifth of its time.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)
    if invocation.is_module:
        default = checkout / "config.yaml"
        merged = read_configs([default])
        update_config(merged, config)
        study = load_study(merged, checkout, [default], config)
        check_pins(study)  # Snakemake runs `onstart:` of the main Snakefile only
    else:
        study = load_study(config, checkout, invocation.config_files, invocation.config_options)
    check_encoders(study, Path())
    check_folders()
    if invocation.uses_image:
        check_image(checkout)
    check_gpus(study, invocation.gpus)
    keep_caches_in(Path(".cache").absolute())
    set_job_environment()
    return study


def check_image(checkout: Path) -> None:
    """Raise CodeStiltsError unless jobs can run in the image: they see the working directory and nothing else."""
    if not checkout.samefile(Path()):
        raise CodeStiltsError(
            f"--use-apptainer: containers see only the working directory: run in {checkout.resolve()}"
        )
    if not all((checkout / path).exists() for path in (IMAGE, IMAGE_DIGEST)):
        raise CodeStiltsError(f"{IMAGE}: the image or its digest is missing: `make container` builds both")


def check_gpus(study: Study, available: int | None) -> None:
    """Raise CodeStiltsError if a job requests more GPUs than there are.

    Snakemake would reduce the request to what there is, and a job without GPUs would train on the CPU.
    """
    requested = max(map(study.gpus, study.encoders))
    if available is not None and available < requested:
        raise CodeStiltsError(
            f"there are {available} GPUs (resources: gpu), and a job of this study requests {requested}: provide more, "
            "or set device: cpu, or gpus of the encoder"
        )


def check_pins(study: Study) -> None:
    """Raise CodeStiltsError if a source of the study has no commit or digest yet; a rehearsal needs none."""
    if study.unpinned and not study.config.rehearsal:
        names = ", ".join(study.unpinned)
        raise CodeStiltsError(f"sources.csv: {names}: not pinned yet: `make pins` notes commits and digests")


def begin_run(study: Study, lock: FileLock) -> None:
    """Take the study's lock, check its sources and note its plan, before the first job of a run starts.

    The lock replaces Snakemake's own, which a killed run leaves behind: the system frees this one however a run ends.

    Raises:
        CodeStiltsError: another run of the study holds the lock, a source is not pinned, or the record of the plan is
            damaged.
    """
    try:
        lock.acquire(timeout=LOCK_SECONDS)
    except Timeout:
        raise CodeStiltsError(
            f"{lock.lock_file}: another run of this study is going on here: wait for its end, or stop it"
        ) from None
    check_pins(study)
    note_run(study, Path("results", study.name))
