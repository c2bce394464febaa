"""Errors of a full or read-only disk are one line that says where it is and what to do."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors import SafetensorError

from codestilts.errors import CodeStiltsError, disk_error
from codestilts.provenance import atomic

FULL = SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")
SCRIPT = """
from codestilts.errors import run
def main():
    with open("/dev/full", "w") as stream:
        stream.write("x")
run(main)
"""


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "full"), FULL])
def test_a_full_disk_leaves_the_old_file_and_says_which_could_not_be_written(error: Exception, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(CodeStiltsError, match=r"table\.csv: .*space"), atomic(path):
        raise error
    assert path.read_text() == "old" and [*tmp_path.iterdir()] == [path]


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    assert disk_error(FileNotFoundError(errno.ENOENT, "gone")) is None and disk_error(ValueError("os error 28")) is None
    with pytest.raises(FileNotFoundError), atomic(tmp_path / "table.csv") as temporary:
        temporary.read_text()


def test_a_script_that_meets_a_full_disk_prints_one_line() -> None:
    told = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True)
    assert told.returncode == 1 and told.stderr.startswith("error: ") and told.stderr.count("\n") == 1
    assert "no space is left" in told.stderr


def test_what_is_no_file_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with atomic(pipe) as temporary:
        assert temporary == pipe
    assert pipe.is_fifo() and [*tmp_path.iterdir()] == [pipe]
