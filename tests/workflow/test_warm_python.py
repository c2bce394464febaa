"""The ``python`` of the tests does what the interpreter does."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from projects import environment
from warm_python import bin_folder

SCRIPT = """import os, sys
import mine
print(sys.argv, os.getcwd(), os.environ.get("MINE"), mine.__file__, sys.stdin.read())
print("to stderr", file=sys.stderr)
print("transformers" in sys.modules)
{end}
"""


@pytest.mark.parametrize(
    ("end", "status"), [("", 0), ("sys.exit(3)", 3), ("sys.exit('a message')", 1), ("raise KeyError('x')", 1)]
)
def test_a_script_runs_as_by_the_interpreter(end, status, tmp_path):
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib/mine.py").write_text("")
    (tmp_path / "script.py").write_text(SCRIPT.format(end=end))
    environment = {**os.environ, "MINE": "1", "PYTHONPATH": "lib", "HF_HUB_OFFLINE": "1"}

    def run(python: Path | str) -> tuple[int, list[str], str]:
        found = subprocess.run(
            [python, "script.py", "--option", "a b"], cwd=tmp_path, env=environment, input="given",
            capture_output=True, text=True,
        )  # fmt: skip
        return found.returncode, found.stdout.splitlines(), found.stderr.splitlines()[-1]

    warm, cold = run(bin_folder() / "python"), run(sys.executable)
    assert warm[0] == cold[0] == status and warm[2] == cold[2]
    assert warm[1][0] == cold[1][0] and (warm[1][1], cold[1][1]) == ("True", "False")


def test_another_hub_mode_is_run_by_the_interpreter(tmp_path):
    (tmp_path / "script.py").write_text("import sys; print('transformers' in sys.modules)")
    for offline, warm in (("1", "True"), ("0", "False")):
        environment = {**os.environ, "HF_HUB_OFFLINE": offline}
        command = [bin_folder() / "python", tmp_path / "script.py"]
        assert subprocess.run(command, env=environment, capture_output=True, text=True).stdout.strip() == warm


def test_snakemake_plans_and_errs_as_by_the_interpreter(fresh):
    def run(option: str, *, warm: bool) -> tuple[int, str]:
        words = ["snakemake", "--dry-run", "--quiet", "rules", "--cores", "1"]
        words += ["--configfile", "micro.yaml", "--config", option]
        found = subprocess.run(
            [*words, option], cwd=fresh, env=environment(fresh, warm=warm), capture_output=True, text=True
        )
        text = found.stdout + found.stderr
        return found.returncode, text.partition("Job stats:" if found.returncode == 0 else "error:")[2]

    for option, status, told in (("study=other", 0, "train_target"), ("arms=1", 1, "arms")):
        warm = run(option, warm=True)
        assert warm == run(option, warm=False) and warm[0] == status and told in warm[1]


def test_a_script_ends_with_its_caller(tmp_path):
    (tmp_path / "script.py").write_text("import os, time; print(os.getpid(), flush=True); time.sleep(600)")
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    command = [bin_folder() / "python", tmp_path / "script.py"]
    caller = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert caller.stdout
    script = int(caller.stdout.readline())
    assert script != caller.pid and psutil.pid_exists(script)
    caller.kill()
    caller.wait()
    for _ in range(200):
        if not psutil.pid_exists(script):
            break
        time.sleep(0.1)
    assert not psutil.pid_exists(script)
