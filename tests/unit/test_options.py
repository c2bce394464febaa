"""What an option cannot take is one line that names the option or the file: numbers, JSON and paths."""

import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

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


def run_script(script: str, arguments: Sequence[str], monkeypatch: pytest.MonkeyPatch) -> object:
    """Run a script that fails, in this process; return its exit code."""
    monkeypatch.setattr(sys, "argv", [script, *arguments])
    with pytest.raises(SystemExit) as exit:
        runpy.run_path(str(ROOT / f"scripts/{script}.py"), run_name="__main__")
    return exit.value.code


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
    assert run_script(script, (*others, option, value), monkeypatch) == 1
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


JSON = [
    ("build", ("--task", "t.yaml", "--inputs", "x", "--out", "o"), "--settings"),
    ("encode", ("--encoder", "e", "--examples", "x", "--out", "o"), "--settings"),
    ("text_clusters", ("--examples", "x", "--out", "o"), "--settings"),
    ("baseline", ("--examples", "x", "--target", "t", "--out", "o"), "--settings"),
    ("frozen_retrieval", ("--encoder", "e", "--out", "o"), "--settings"),
    ("transferability", ("--encoder", "e", "--parent", "p", "--encoded", "x", "--out", "o"), "--settings"),
    ("score", ("--predictions", "p", "--values", "v", "--sums", "s"), "--settings"),
    ("train_target", ("--encoder", "e", "--encoded", "x", "--out", "o", "--predictions", "p"), "--settings"),
    ("import_encoder", ("--archive", "a", "--folder", ".", "--out", "o"), "--needs"),
    ("slurm_efficiency", ("--logs", "l", "--study", "s", "--benchmarks", "b", "--out", "o"), "--gpus"),
]


@pytest.mark.parametrize("value", ["{", '{"trian": [3]}'])
@pytest.mark.parametrize(("script", "others", "option"), JSON)
def test_a_script_refuses_wrong_json(
    script: str,
    others: tuple[str, ...],
    option: str,
    value: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, (out, told) = run_script(script, (*others, option, value), monkeypatch), capsys.readouterr()
    assert (code, out) == (1, "") and told.startswith(f"error: {option}: ") and ": give JSON of " in told
    assert told.count("\n") == 1 and ("trian" in told or "Field required" in told or value == "{")


PATHS = [
    ("near_duplicates", ("--inputs", "{}/gone", "--out", "{}/o"), "{}/gone: no such file"),
    ("concatenate", ("--tables", "{}/gone.csv", "--out", "{}/o"), "{}/gone.csv: no such file"),
    ("concatenate", ("--tables", "{}/empty.csv", "--out", "{}/o"), "{}/empty.csv: not a CSV file (it has no header)"),
    ("concatenate", ("--tables", "{}/list.json", "--out", "{}/o"), "{}/list.json: not a CSV file (its name"),
    ("concatenate", ("--tables", "{}/zero.parquet", "--out", "{}/o"), "{}/zero.parquet: not a CSV file"),
    ("check_lock", ("{}/gone",), "{}/gone: No such file or directory"),
    ("import_encoder", ("--archive", "{}/gone.zip", "--folder", ".", "--out", "{}/o"), "{}/gone.zip: no such file"),
    ("import_encoder", ("--archive", "{}/list.json", "--folder", ".", "--out", "{}/o"), "{}/list.json: not a zip"),
    ("build", ("--task", f"{ROOT}/tasks/english/pos.yaml", "--inputs", "nope.zip", "--out", "{}/o"), "inputs: no file"),
    ("rehearse", ("--configs", f"{ROOT}/config.yaml", "--overlay", "{}/list.json/x"), "{}/list.json/x: its folder"),
    ("validate", (f"{ROOT}/config.yaml", "--schemas", "/proc/x"), "/proc/x/"),
    (
        "fetch",
        ("--sources", f"{ROOT}/sources.csv", "--source", "xtreme", "--out", "/proc/a.zip"),
        "/proc/a.zip: its folder",
    ),
    ("near_duplicates", ("--inputs", "{}/list.json", "--out", "{}"), "{}: a folder: name a file"),
    ("encode", ("--out", "{}/list.json"), "{}/list.json: a file: name a folder"),
    ("train_target", ("--predictions", "{}"), "{}: a folder: name a file"),
    ("tune", ("--out", "{}"), "{}: a folder: name a file"),
    ("train_intermediate", ("--out", "{}/list.json"), "{}/list.json: a file: name a folder"),
    ("stage_times", ("--benchmarks", "{}/gone"), "{}/gone: no benchmark files of jobs"),
    (
        "slurm_efficiency",
        ("--logs", "{}/gone", "--study", "s", "--gpus", "{{}}", "--benchmarks", "{}", "--out", "{}/o"),
        "{}/gone: no such folder",
    ),
]


@pytest.mark.parametrize(("script", "arguments", "message"), PATHS)
def test_a_script_refuses_a_path_that_it_cannot_use(
    script: str,
    arguments: tuple[str, ...],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "list.json").write_text("[]\n")
    for name in ("empty.csv", "zero.parquet"):
        (tmp_path / name).touch()
    monkeypatch.chdir(ROOT)
    code = run_script(script, [word.format(tmp_path) for word in arguments], monkeypatch)
    told = capsys.readouterr().err
    assert code == 1 and told.startswith(f"error: {message.format(tmp_path)}") and told.count("\n") == 1, told
    assert not (tmp_path / "o").exists()
