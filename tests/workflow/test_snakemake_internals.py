"""What the project takes from Snakemake's objects, on the installed Snakemake."""

import inspect
import json
import re
import subprocess
from functools import partial
from pathlib import Path

import pytest
from projects import ROOT, environment
from snakemake.common import get_function_params, get_input_function_aux_params
from snakemake.resources import Resource

from codestilts.workflow.snakemake_internals import inspect_resources_once, inspected_once

WORKFLOW = """
import dataclasses, json
from codestilts.workflow.snakemake_internals import read_invocation, share_gpu_resources
configfile: "default.yaml"
print("invocation:", json.dumps(dataclasses.asdict(read_invocation(workflow)), default=str))
share_gpu_resources(workflow, ["train", "predict"])
rule all:
    input: "train", "predict", "score"
rule train:
    output: "train"
    resources: gpu=1
    shell: "touch {output}"
rule predict:
    output: "predict"
    resources: gpu=1
    shell: "touch {output}"
rule score:
    output: "score"
    shell: "touch {output}"
"""
TEMPORARY = """
from codestilts.workflow.snakemake_internals import spare_readers_of_deleted_files
if config.get("spare"):
    spare_readers_of_deleted_files()
    spare_readers_of_deleted_files()
flag = ancient if config.get("ancient", True) else str
rule all:
    input: expand("{reader}.read", reader=config["readers"].split("+"))
rule train:
    output: models=temp(directory("models")), record="record"
    params: config.get("setting", 1)
    shell: "mkdir models; touch models/weights record"
rule read:
    input: flag("models")
    output: "{reader}.read"
    params: config.get("setting", 1)
    shell: "touch {output}"
"""
COMMANDS = """
from snakemake.jobs import Job
from codestilts.workflow.snakemake_internals import format_shell_commands_once
format_wildcards = Job.format_wildcards
def shown(job, text, **more):
    if text.startswith("echo"):
        print("a command is formatted")
    return format_wildcards(job, text, **more)
Job.format_wildcards = shown
if config.get("once"):
    format_shell_commands_once()
    format_shell_commands_once()
rule all:
    input: "1", "2"
rule touch:
    output: "{name}"
    retries: 1
    resources: mem_mb=lambda wildcards, attempt: 100 * attempt
    shell: "echo {wildcards.name} {resources.mem_mb}; test {resources.mem_mb} = 200 && touch {output}"
"""
MESSAGES = """
from snakemake.jobs import Job
from codestilts.workflow.snakemake_internals import format_messages_of_wildcards
format_wildcards = Job.format_wildcards
def shown(job, text, **more):
    if "Writing" in text:
        print("a message is formatted")
    return format_wildcards(job, text, **more)
Job.format_wildcards = shown
if config.get("quickly"):
    format_messages_of_wildcards()
    format_messages_of_wildcards()
AUTHOR = "me"
rule all:
    input: "a.1", "b.2", "c"
    message: "All is there"
rule plain:
    output: "a.{number}"
    message: "Writing {{number}} {wildcards.number}"
    shell: "touch {output}"
rule with_format:
    output: "b.{number}"
    message: "Writing {wildcards.number:q} for {AUTHOR}"
    shell: "touch {output}"
rule with_output:
    output: "c"
    message: "Writing {output}"
    shell: "touch {output}"
"""
MODULE = """
configfile: "default.yaml"
module inner:
    snakefile: "inner.smk"
    config: config
use rule * from inner
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "inner.smk").write_text(WORKFLOW)
    (tmp_path / "default.yaml").write_text("a: 1\n")
    (tmp_path / "overlay.yaml").write_text("a: 2\n")
    return tmp_path


def printed_by_snakemake(folder: Path, snakefile: str, *options: str) -> str:
    """All that Snakemake prints; it has to succeed."""
    words = ["snakemake", "--snakefile", snakefile, "--cores", "1", *options]
    return subprocess.run(
        words, cwd=folder, env=environment(ROOT), check=True, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ).stdout  # fmt: skip


def dry_run(folder: Path, snakefile: str, *options: str) -> tuple[dict[str, object], str]:
    """The invocation that a dry run prints, and all its output."""
    words = ["snakemake", "--snakefile", snakefile, "--cores", "1", "--dry-run", *options]
    result = subprocess.run(
        words, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment(ROOT)
    )
    assert result.returncode == 0, result.stdout
    [line] = [line for line in result.stdout.splitlines() if line.startswith("invocation: ")]
    return json.loads(line.removeprefix("invocation: ")), result.stdout


def test_the_last_config_file_wins_and_nothing_is_limited(folder: Path) -> None:
    invocation, _ = dry_run(folder, "inner.smk", "--configfile", "overlay.yaml", "--config", "b2=3")
    assert [Path(file).name for file in invocation["config_files"]] == ["default.yaml", "overlay.yaml"]  # type: ignore[attr-defined]
    rest = {"is_module": False, "config_options": {"b2": 3}, "uses_image": False, "gpus": None}
    assert rest.items() <= invocation.items()


def test_images_gpus_and_modules_are_seen(folder: Path) -> None:
    invocation, _ = dry_run(folder, "inner.smk", "--sdm", "apptainer", "--resources", "gpu=2")
    assert invocation["uses_image"] and invocation["gpus"] == 2
    (folder / "outer.smk").write_text(MODULE)
    invocation, _ = dry_run(folder, "outer.smk")
    assert invocation["is_module"] and invocation["config_files"] == []


def test_resources_of_gpu_jobs_apply_to_all_rules_that_request_gpus(folder: Path) -> None:
    resources = ["gpu_jobs:slurm_partition=gpu", "gpu_jobs:nodes=1", "predict:slurm_partition=big"]
    _, text = dry_run(folder, "inner.smk", "--set-resources", *resources)
    rules = {block.split(":")[0]: block for block in text.split("rule ")[1:]}
    assert "slurm_partition=gpu" in rules["train"] and "nodes=1" in rules["train"]
    assert "slurm_partition=big" in rules["predict"] and "nodes=1" in rules["predict"]
    assert "slurm_partition" not in rules["score"]


def jobs_left(folder: Path, *config: str) -> list[str]:
    """The jobs of a dry run with temporary models, as their outputs."""
    words = ["snakemake", "--snakefile", "temporary.smk", "--cores", "1", "--dry-run", "--config", *config]
    result = subprocess.run(
        words, cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment(ROOT)
    )
    assert result.returncode == 0, result.stdout
    return sorted(re.findall(r"^    output: (\S+)", result.stdout, re.MULTILINE))


def test_readers_of_a_deleted_file_are_spared_if_it_is_ancient(tmp_path: Path) -> None:
    """The first assertions are what Snakemake does by itself: once it spares these readers too, the function can go."""
    (tmp_path / "temporary.smk").write_text(TEMPORARY)
    words = ["snakemake", "--snakefile", "temporary.smk", "--cores", "1", "--config", "readers=a+b"]
    subprocess.run(words, cwd=tmp_path, env=environment(ROOT), check=True, capture_output=True)
    assert not (tmp_path / "models").exists() and (tmp_path / "record").exists()
    assert jobs_left(tmp_path, "readers=a+b") == jobs_left(tmp_path, "readers=a+b", "spare=1") == []
    assert jobs_left(tmp_path, "readers=a+b+c") == ["a.read", "b.read", "c.read", "models,"]
    assert jobs_left(tmp_path, "readers=a+b+c", "spare=1") == ["c.read", "models,"]
    everything = ["a.read", "b.read", "c.read", "models,"]
    assert jobs_left(tmp_path, "readers=a+b+c", "spare=1", "ancient=False") == everything
    assert jobs_left(tmp_path, "readers=a+b", "spare=1", "setting=2") == ["a.read", "b.read", "models,"]
    (tmp_path / "a.read").unlink()
    assert jobs_left(tmp_path, "readers=a+b", "spare=1") == ["a.read", "models,"]


def test_a_shell_command_is_formatted_once_for_each_attempt(tmp_path: Path) -> None:
    """Three times is what Snakemake does by itself."""
    (tmp_path / "commands.smk").write_text(COMMANDS)

    run = partial(printed_by_snakemake, tmp_path, "commands.smk", "--printshellcmds")
    assert run("--dry-run").count("a command is formatted") == 6
    assert run("--dry-run", "--config", "once=1").count("a command is formatted") == 2
    printed = run("--config", "once=1")
    for name in ("1", "2"):
        for memory in (100, 200):
            assert f"echo {name} {memory}; test {memory} = 200 && touch {name}" in printed
            assert f"\n{name} {memory}\n" in printed  # what ran


def test_messages_are_the_same_and_those_of_wildcards_are_formatted_quickly(tmp_path: Path) -> None:
    (tmp_path / "messages.smk").write_text(MESSAGES)
    for options, formatted in (((), 3), (("--config", "quickly=1"), 2)):
        plan = printed_by_snakemake(tmp_path, "messages.smk", "--dry-run", *options)
        messages = set(re.findall(r"^Job \d+: (.+)$", plan, re.MULTILINE))
        assert messages == {"All is there", "Writing {number} 1", "Writing 2 for me", "Writing c"}
        assert plan.count("a message is formatted") == formatted


def test_snakemake_does_not_inspect_a_function_again(monkeypatch: pytest.MonkeyPatch) -> None:
    function = inspected_once(lambda wildcards, input: (wildcards, input))
    monkeypatch.delattr(inspect, "signature")
    assert list(get_function_params(function)) == ["wildcards", "input"]
    assert get_input_function_aux_params(function, {"input": 1, "output": 2}) == {"input": 1}
    assert function(3, 4) == (3, 4)


def test_snakemake_does_not_inspect_the_method_that_evaluates_resources(monkeypatch: pytest.MonkeyPatch) -> None:
    inspect_resources_once()
    resource = Resource("mem_mb", inspected_once(lambda wildcards, attempt: wildcards * attempt))
    monkeypatch.delattr(inspect, "signature")
    arguments = {"attempt": 3, "input": "", "rulename": "train"}
    assert get_input_function_aux_params(resource.evaluate, arguments) == arguments
    assert "groupid" not in get_function_params(resource.evaluate)
    assert resource.evaluate(500, **arguments).value == 1500
