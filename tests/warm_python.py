"""``python``, ``snakemake`` and ``jupyter`` for workflow tests: forks of a process that has imported their packages.

Importing them takes most of the time of a dry run, of a job of a few steps and of a notebook, and the tests run
hundreds. ``bin_folder()`` is a folder for the front of ``PATH``: its programs ask the server of this test process to
run a script in a fork of itself, with the arguments, the folder, the environment and the streams of the caller.
Everything but the packages of third parties is imported anew, so each copy of the project runs its own library. A
script whose environment could change how those packages behave is run by the real interpreter, as is everything but a
script or a notebook's kernel.
"""

import array
import atexit
import gc
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from functools import cache
from pathlib import Path

PACKAGES = ("datasets", "pandas", "pyarrow.parquet", "pydantic", "scipy.stats", "safetensors.torch", "torch", "yaml",
            "transformers.models.auto.modeling_auto", "transformers.models.bert.modeling_bert",
            "transformers.models.bert.tokenization_bert", "torch.distributed.run", "snakemake.cli", "seaborn",
            "papermill.cli", "nbconvert.nbconvertapp", "ipykernel.kernelapp",
            "statsmodels.regression.mixed_linear_model")  # fmt: skip
KERNEL = ("-m", "ipykernel_launcher")
INLINE = "module://matplotlib_inline.backend_inline"  # ipykernel sets it, too late for a matplotlib that is imported
# What these packages read when they are imported; PYTHONPATH and the number of threads are applied to a fork.
READ_ON_IMPORT = ("HF_ENDPOINT", "HF_HUB_", "TRANSFORMERS_", "TOKENIZERS_", "CUDA_", "PYTHONHASHSEED", "TORCH_LOGS")
CLIENT = """#!{python} -IS
import array, json, os, signal, socket, sys
real, program, kernel = "{python}", "{program}", {kernel}
given = sys.argv[2:] if sys.argv[1:2] == ["-u"] and not program else sys.argv[1:]
argv = [program, *given] if program else given
if not program and tuple(given[:2]) != kernel and not (given and given[0].endswith(".py")):
    os.execv(real, [real, *sys.argv[1:]])
server = socket.socket(socket.AF_UNIX)
server.connect("{address}")
streams = array.array("i", [0, 1, 2])
server.sendmsg([b"!"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, streams)])
with server.makefile("rw") as lines:
    asked = dict(argv=argv, cwd=os.getcwd(), env=dict(os.environ), executable="{executable}")
    print(json.dumps(asked), file=lines, flush=True)
    job = lines.readline()
    if not job:
        os.execv(real, [real, *filter(None, [program]), *sys.argv[1:]])
    for number in signal.SIGTERM, signal.SIGINT:
        signal.signal(number, lambda number, frame: os.kill(int(job), number))
    status = lines.readline()
os._exit(int(status or 1))
"""


@cache
def bin_folder(**hub: str) -> Path:
    """Start the server of this process, and return the folder of its programs.

    There is one for each ``hub``: variables that its clients read when they are imported.
    """
    python = Path(sys.executable)
    home = Path(tempfile.mkdtemp(prefix="warm-"))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    # An environment that is the real one in all but ``python``: Snakemake puts its interpreter's folder first.
    shutil.copy(Path(sys.prefix) / "pyvenv.cfg", home)
    (home / "lib").symlink_to(Path(sys.prefix) / "lib")
    (home / "bin").mkdir()
    (home / "bin/interpreter").symlink_to(os.path.realpath(python))
    executables = {"python": python, "snakemake": home / "bin/interpreter"}
    executables |= dict.fromkeys(("papermill", "jupyter-nbconvert"), home / "bin/python")  # they run notebooks
    for name, executable in executables.items():
        text = CLIENT.format(
            python=home / "bin/interpreter" if name == "snakemake" else python,
            program="" if name == "python" else python.with_name(name),
            executable=executable,  # whose folder Snakemake puts first, and which runs a notebook's kernel
            kernel=KERNEL,
            address=home / "socket",
        )
        (home / "bin" / name).write_text(text)
        (home / "bin" / name).chmod(0o755)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"HF_HUB_OFFLINE": "1", "HF_HOME": str(home / "cache"), "OMP_NUM_THREADS": "1"} | hub
    server = subprocess.Popen(
        [python, __file__, home / "socket"], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert server.stdin and server.stdout and server.stdout.readline(), "the server listens"
    atexit.register(server.stdin.close)
    return home / "bin"


def serve(address: str) -> None:
    """Import the packages, listen, and fork for every caller until stdin is closed."""
    environment = dict(os.environ)  # before a package sets variables
    for package in PACKAGES:
        __import__(package)
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address)
    listener.listen(64)
    print("ready", flush=True)
    parent = os.getppid()
    listener.settimeout(2)
    while os.getppid() == parent:
        try:
            caller, _ = listener.accept()
        except TimeoutError:
            continue
        if os.fork() == 0:
            listener.close()
            caller.settimeout(None)
            run_script(caller, environment)
        caller.close()


def run_script(caller: socket.socket, environment: dict[str, str]) -> None:
    """Run the caller's script in this process, which ends with it or, if that comes first, with the caller."""
    import runpy

    import matplotlib
    import torch

    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    streams = array.array("i")
    _, passed, _, _ = caller.recvmsg(1, socket.CMSG_SPACE(3 * streams.itemsize))
    streams.frombytes(passed[0][2])
    with caller.makefile("rw") as lines:
        asked = json.loads(lines.readline())
        read = [name for name in {*asked["env"], *environment} if name.startswith(READ_ON_IMPORT)]
        if any(asked["env"].get(name) != environment.get(name) for name in read):
            os._exit(0)
        print(os.getpid(), file=lines, flush=True)
        for place, stream in enumerate(streams):
            os.dup2(stream, place)
            os.close(stream)
        threading.Thread(target=lambda: (lines.read(), os._exit(1)), daemon=True).start()
        os.environ.clear()
        os.environ.update(asked["env"])
        os.chdir(asked["cwd"])
        torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
        sys.executable, sys.argv = asked["executable"], asked["argv"]
        is_kernel = tuple(sys.argv[:2]) == KERNEL
        if is_kernel:
            del sys.argv[0]
            matplotlib.rcParams["backend"] = os.environ.get("MPLBACKEND", INLINE)
        sys.path[0] = "" if is_kernel else str(Path(sys.argv[0]).parent)
        sys.path[1:1] = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
        status = 0
        try:
            if is_kernel:
                runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
            else:
                runpy.run_path(sys.argv[0], run_name="__main__")
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
            if isinstance(end.code, str):
                print(end.code, file=sys.stderr)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            status = 1
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
        os.write(caller.fileno(), f"{status}\n".encode())
    os._exit(0)


if __name__ == "__main__":
    serve(sys.argv[1])
