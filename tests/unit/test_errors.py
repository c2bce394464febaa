"""Errors of a full or read-only disk are one line that says where it is and what to do."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors import SafetensorError

from codestilts.errors import CodeStiltsError, argument_error, disk_error
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


def test_only_errors_of_files_that_arguments_name_are_one_line() -> None:
    """Another missing file is a mistake of our own, whose traceback is needed."""
    gone = FileNotFoundError(errno.ENOENT, "gone", "/data/x/y.csv")
    for arguments in (["--in", "/data/x/y.csv"], ["--in=/data/x"], ["--out", "/data/x/other.csv"]):
        assert str(argument_error(gone, arguments)).startswith("/data/x/y.csv: gone: ")
    for arguments in ([], ["--in", "/data"[:0], "tiny"], ["/other/x/y.csv"]):
        assert argument_error(gone, arguments) is None
    assert argument_error(OSError("no name"), ["x"]) is None


@pytest.mark.parametrize("place", ["file/table.csv", "closed/table.csv", "/proc/table.csv"])
def test_a_place_that_cannot_be_written_to_is_one_line(place: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "closed").mkdir(0o500)
    if place.startswith("closed") and os.access(tmp_path / "closed", os.W_OK):
        pytest.skip("root may write anywhere")
    told = r"table\.csv: its folder cannot be made or written to \("
    with pytest.raises(CodeStiltsError, match=told), atomic(tmp_path / place) as temporary:
        temporary.touch()


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
