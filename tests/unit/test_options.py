"""A number that an option cannot take is one line that names the option and what it takes."""

import runpy
import sys

import pytest
from grid_study import ROOT

from codestilts.errors import CodeStiltsError
from codestilts.options import share, whole_number

CONFIG = ("--configs", "config.yaml")
WRONG = [
    ("plan", CONFIG, "--gpus", "0", "a whole number, 1 or more"),
    ("plan", CONFIG, "--gpus", "-3", "a whole number, 1 or more"),
    ("plan", CONFIG, "--utilisation", "2", "a share, more than 0 and at most 1"),
    ("plan", CONFIG, "--fill", "nan", "a share, more than 0 and at most 1"),
    ("status", CONFIG, "--failures", "-1", "a whole number, 0 or more"),
    ("verify", ("--expected", ".", "--results", "."), "--shown", "-1", "a whole number, 0 or more"),
    ("diff", (".", "."), "--shown", "x", "a whole number, 0 or more"),
    ("rounding", (*CONFIG, "--results", "."), "--processes", "0", "a whole number, 1 or more"),
    ("compare", (), "--processes", "0", "a whole number, 1 or more"),
]


@pytest.mark.parametrize(("script", "others", "option", "value", "takes"), WRONG)
def test_a_script_refuses_a_wrong_number(
    script: str,
    others: tuple[str, ...],
    option: str,
    value: str,
    takes: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", [script, *others, option, value])
    with pytest.raises(SystemExit) as exit:
        runpy.run_path(str(ROOT / f"scripts/{script}.py"), run_name="__main__")
    assert exit.value.code == 1
    assert capsys.readouterr() == ("", f"error: {option} {value}: give {takes}\n")


def test_the_limits_are_taken() -> None:
    assert whole_number("--gpus", 1)("1") == 1 and whole_number("--shown", 0)("0") == 0
    assert share("--fill")("1") == 1.0 and share("--fill")("1e-3") == 0.001
    for text in ("0", "-1", "1.001", "inf", "half"):
        with pytest.raises(CodeStiltsError, match="--fill"):
            share("--fill")(text)
    for text in ("0", "1.5", ""):
        with pytest.raises(CodeStiltsError, match="--gpus"):
            whole_number("--gpus", 1)(text)
