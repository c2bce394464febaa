"""Access to objects of Snakemake that its documentation does not describe. Written for Snakemake 9.27.1.

Nothing else in the project touches them; :mod:`codestilts.workflow.snakemake_logs` reads Snakemake's logs, and
:mod:`codestilts.workflow.benchmarks` its benchmark files. ``tests/workflow/test_snakemake_internals.py`` runs every
function on the installed Snakemake: after an update of Snakemake, run it first.
"""

import inspect
import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any, TypeVar

from snakemake.common import overwrite_function_params
from snakemake.resources import Resource

Function = TypeVar("Function", bound=Callable[..., Any])
LONGEST_NAME = 255  # characters of a file name; longer names of notes are spread over folders
ALL_GPU_RULES = "gpu_jobs"  # represents all rules that request GPUs in `set-resources` of a profile


@dataclass(frozen=True)
class Invocation:
    """How Snakemake was started, as far as a study depends on it.

    Attributes:
        is_module: the workflow is a module of another Snakefile.
        config_files: the files that ``config`` was merged from, the last one wins. Empty for a module.
        config_options: what ``--config`` sets on top of them.
        uses_image: jobs run in the container image.
        gpus: the number of GPUs that jobs may use at a time, None if there is no limit.
    """

    is_module: bool
    config_files: tuple[Path, ...]
    config_options: dict[str, Any]
    uses_image: bool
    gpus: int | None


def read_invocation(workflow: Any) -> Invocation:
    """How Snakemake was started. Call it after ``configfile:``."""
    is_module = bool(workflow.modifier.namespace)
    # Snakemake lists the files of the command line first, although they win over the file that the Snakefile names.
    overlays, default = workflow.configfiles[:-1], workflow.configfiles[-1:]
    limit = workflow.global_resources.get("gpu")
    return Invocation(
        is_module=is_module,
        config_files=() if is_module else tuple(map(Path, [*default, *overlays])),
        config_options=dict(workflow.config_settings.config),
        uses_image=any(method.name == "APPTAINER" for method in workflow.deployment_settings.deployment_method),
        gpus=None if limit is None else limit.value,
    )


def inspected_once(function: Function) -> Function:
    """Note the parameters of a function of a rule, which Snakemake would look up two or three times for each job."""
    overwrite_function_params(function, inspect.signature(function).parameters)
    return function


def inspect_resources_once() -> None:
    """The same for Snakemake's method that evaluates a resource, which it inspects twice for each resource of a job."""
    inspected_once(Resource.evaluate)


def format_shell_commands_once() -> None:
    """Format the shell command of a job once for its log, which asks for it three times in a row.

    The commands of training jobs are thousands of characters long, because they contain settings.
    """
    from snakemake.jobs import Job

    format_command = Job.shellcmd.fget
    if getattr(format_command, "formats_once", False):
        return
    seen: list[Any] = [None, None, None]  # a job with its parameters and resources, which a retry makes anew
    command: list[str | None] = [None]

    def shellcmd(job: Any) -> str | None:
        now = [job, job.params, job.resources]
        if any(one is not other for one, other in zip(now, seen, strict=True)):
            command[:] = [format_command(job)]
            seen[:] = now
        return command[0]

    shellcmd.formats_once = True  # type: ignore[attr-defined]
    Job.shellcmd = property(shellcmd)


def format_messages_of_wildcards() -> None:
    """Format messages that name wildcards only, without the workflow's variables, which Snakemake collects each time.

    This saves a twelfth of the time of planning.
    """
    from snakemake.jobs import Job

    format_message = Job.message.fget
    if getattr(format_message, "of_wildcards", False):
        return

    def message(job: Any) -> str | None:
        text = job.rule.message
        return text.format(wildcards=job.wildcards) if text and _names_wildcards(text) else format_message(job)

    message.of_wildcards = True  # type: ignore[attr-defined]
    Job.message = property(message)


@cache
def _names_wildcards(text: str) -> bool:
    """Whether a format names nothing but wildcards, such as ``{wildcards.arm}``."""
    fields = [(name, form) for _, name, form, _ in Formatter().parse(text) if name is not None]
    return all(re.fullmatch(r"wildcards\.\w+", name) and not form for name, form in fields)


def share_gpu_resources(workflow: Any, rules: Iterable[str]) -> None:
    """Apply what ``set-resources`` says of ``gpu_jobs`` to each of the rules; what it says of a rule itself wins.

    Call it before the rules are defined: Snakemake looks up their resources by name when it reads them.
    """
    resources = workflow.resource_settings.overwrite_resources
    shared = resources.get(ALL_GPU_RULES)
    if shared is None:
        return
    for rule in rules:
        merged = shared.copy()
        merged.update(resources.get(rule, {}))
        resources[rule] = merged


def spare_readers_of_deleted_files() -> None:
    """Let jobs that are done stay done if a temporary file that they have read is made again for another job.

    Snakemake makes a deleted temporary file again when a new job reads it, and then repeats every other job that reads
    it too. An ``ancient`` input causes no rerun, except that Snakemake makes an exception of missing files. With this
    function, that exception does not apply to temporary files. A job that lacks an output still runs.
    """
    from snakemake.dag import DAG

    if getattr(DAG.update_needrun, "spares_readers", False):
        return
    update_needrun = DAG.update_needrun

    async def sparing(dag: Any, create_inventory: bool = False) -> None:
        edges = {job: dag.depending[job] for job in dag.jobs if job.temp_output}
        try:
            for job, readers in edges.items():
                dag.depending[job] = {
                    reader: files for reader, files in readers.items() if not all(f.is_ancient for f in files)
                }
            await update_needrun(dag, create_inventory)
        finally:
            dag.depending.update(edges)

    sparing.spares_readers = True  # type: ignore[attr-defined]
    DAG.update_needrun = sparing


@dataclass(frozen=True)
class JobRecord:
    """What Snakemake notes of the job that made a file: its rule, the files that it read, and when it ran (in UTC)."""

    rule: str
    inputs: tuple[str, ...]
    began: datetime
    ended: datetime


def read_job_record(root: Path, output: str) -> JobRecord | None:
    """Read the note on a file that a run of Snakemake in ``root`` has made; None if there is none."""
    name = urlsafe_b64encode(output.encode()).decode()
    step = LONGEST_NAME - 1
    parts = [name[start : start + step] for start in range(0, len(name), step)]
    path = root.joinpath(".snakemake/metadata", *(f"@{part}" for part in parts[:-1]), parts[-1])
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        began, ended = (datetime.fromtimestamp(record[key], UTC) for key in ("starttime", "endtime"))
        return JobRecord(record["rule"], tuple(record["input"]), began, ended)
    except (OSError, ValueError, KeyError, TypeError):
        return None
