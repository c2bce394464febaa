"""Projects on a real cluster: make them, start runs in them, and query Slurm about their jobs."""

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
    "CODESTILTS_PRETEND_GPUS": "2",  # the GPUs of slurm.sh's nodes are device files without a device
}
BEGAN = time.strftime("%Y-%m-%dT%H:%M:%S")  # ignore what Slurm ran before these tests
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


def environment_of(folder: Path) -> dict[str, str]:
    """The environment of a user of the cluster, whose Snakemake waits less between its queries."""
    settings = environment(folder, warm=False) | SITE
    return settings | {"PATH": f"{HERE / 'bin'}{os.pathsep}{settings['PATH']}"}


def call(folder: Path, *command: object, **variables: str) -> Result:
    """Run a command in a project as a user of the cluster would; stdout and stderr together, in order."""
    settings = environment_of(folder) | variables
    text = [str(part) for part in command]
    return subprocess.run(text, cwd=folder, env=settings, text=True, stdout=-1, stderr=subprocess.STDOUT)


def start(folder: Path, *command: object, **variables: str) -> "subprocess.Popen[str]":
    """Start a command without waiting for its end; its output goes to ``run.txt``."""
    with (folder / "run.txt").open("w") as stream:
        return subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            env=environment_of(folder) | variables,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def study(*targets: str, files: tuple[str, ...] = ("micro.yaml", "nano.yaml")) -> list[str]:
    """The command of a run on Slurm; without targets it runs the whole study."""
    return ["snakemake", "--profile", "slurm", "--configfile", *files, "--", *targets]


def ask(*command: str) -> str:
    """The output of a Slurm command."""
    return subprocess.run(command, text=True, check=True, capture_output=True).stdout.strip()


def jobs_of(folder: Path) -> list[dict[str, str]]:
    """All Slurm jobs started from a folder: id, partition, resources, state and more."""
    names = ["JobID", "JobName", "Partition", "AllocTRES", "ReqTRES", "State", "Timelimit", "WorkDir", "ElapsedRaw"]
    table = ask("sacct", "-X", "-n", "-P", "--duplicates", f"--starttime={BEGAN}", f"--format={','.join(names)}")
    rows = [dict(zip(names, line.split("|"), strict=True)) for line in table.splitlines()]
    return [row for row in rows if row["WorkDir"] == str(folder)]


def wait(until: Callable[[], object], seconds: float, what: str) -> object:
    """Wait until ``until`` returns something true, and return it; after ``seconds`` fail and name ``what``."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := until():
            return found
        time.sleep(0.2)
    raise AssertionError(f"in vain for {seconds:.0f} s: {what}")


def wait_for_text(path: Path, text: str, seconds: float = 120) -> None:
    """Wait until a file contains a text."""
    wait(lambda: path.exists() and text in path.read_text(), seconds, f"{text!r} in {path}")


def missing() -> list[str]:
    """What these tests need and this machine lacks, and how to install it."""
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
