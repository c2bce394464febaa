"""Projects on a real cluster: how they are made, started and asked about."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import packages
from projects import ROOT, copy_project, environment

HERE = Path(__file__).parent
IMAGE = ROOT / "containers/codestilts.sif"
SITE = {
    "CODESTILTS_ACCOUNT": "lab",
    "CODESTILTS_STATUS_SECONDS": "2",
    "CODESTILTS_PRETEND_GPUS": "2",  # the nodes of slurm.sh have device files that are none
}
BEGAN = time.strftime("%Y-%m-%dT%H:%M:%S")  # what Slurm ran before is nothing to these tests
Result = subprocess.CompletedProcess[str]


def make_project(folder: Path) -> Path:
    """A project with made-up packages and, as a link, the image."""
    copy_project(folder)
    packages.make(folder)
    shutil.copy2(HERE / "nano.yaml", folder)
    (folder / "containers" / IMAGE.name).symlink_to(IMAGE)
    shutil.copy2(f"{IMAGE}.sha256", folder / "containers")
    return folder


def copy_of(project: Path, folder: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(project, folder, symlinks=True))


def call(folder: Path, *command: object, **variables: str) -> Result:
    """A command in a project, as a user of the cluster starts it; stdout and stderr together, in order."""
    settings = environment(folder) | SITE | variables
    text = [str(part) for part in command]
    return subprocess.run(text, cwd=folder, env=settings, text=True, stdout=-1, stderr=subprocess.STDOUT)


def start(folder: Path, *command: object, **variables: str) -> "subprocess.Popen[str]":
    """The same, gone on with while it runs; what it prints is in ``run.txt``."""
    with (folder / "run.txt").open("w") as stream:
        return subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            env=environment(folder) | SITE | variables,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def study(*targets: str, files: tuple[str, ...] = ("micro.yaml", "nano.yaml")) -> list[str]:
    """The words of a run on Slurm; without targets the whole study."""
    return ["snakemake", "--profile", "slurm", "--configfile", *files, "--", *targets]


def ask(*command: str) -> str:
    """What a command of Slurm prints."""
    return subprocess.run(command, text=True, check=True, capture_output=True).stdout.strip()


def jobs_of(folder: Path) -> list[dict[str, str]]:
    """Every Slurm job that was started from a folder: id, partition, resources, state and more."""
    names = ["JobID", "JobName", "Partition", "AllocTRES", "ReqTRES", "State", "Timelimit", "WorkDir", "ElapsedRaw"]
    table = ask("sacct", "-X", "-n", "-P", "--duplicates", f"--starttime={BEGAN}", f"--format={','.join(names)}")
    rows = [dict(zip(names, line.split("|"), strict=True)) for line in table.splitlines()]
    return [row for row in rows if row["WorkDir"] == str(folder)]


def wait(until: Callable[[], object], seconds: float, what: str) -> object:
    """What ``until`` gives once it is something; an error that says ``what`` was waited for in vain."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := until():
            return found
        time.sleep(0.2)
    raise AssertionError(f"in vain for {seconds:.0f} s: {what}")


def wait_for_text(path: Path, text: str, seconds: float = 120) -> None:
    """Until a file has a text."""
    wait(lambda: path.exists() and text in path.read_text(), seconds, f"{text!r} in {path}")


def missing() -> list[str]:
    """What these tests need and this machine lacks, each with how to get it."""
    wants = {
        "apptainer": "Apptainer: on Debian 12 `sudo tests/integration/apptainer.sh`, elsewhere your system's package",
        "sbatch": "Slurm: on Debian 12 `sudo tests/integration/slurm.sh up` makes a cluster of this machine",
    }
    lacking = [how for program, how in wants.items() if not shutil.which(program)]
    if shutil.which("sbatch"):
        alive = subprocess.run(["sacctmgr", "-n", "list", "assoc", "account=lab"], capture_output=True, text=True)
        nodes = subprocess.run(["sinfo", "-h", "-o", "%P %G"], capture_output=True, text=True)
        if alive.returncode or "lab" not in alive.stdout or "gpu:2" not in nodes.stdout:
            lacking.append("the cluster that the tests know: `sudo tests/integration/slurm.sh up` starts it")
    if not Path(f"{IMAGE}.sha256").exists():
        lacking.append(
            "the image: `make container`; without an image registry "
            "`eval make container $(sudo tests/integration/rootfs.sh /tmp/codestilts-rootfs)`"
        )
    if os.getuid():
        lacking.append("root, to fill a disk and to stop a node: run the tests as root, on a machine for that")
    return lacking
