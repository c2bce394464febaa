"""Files that people write are read alike everywhere, and a mistake in one is one line that names its position."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from codestilts.errors import CodeStiltsError
from codestilts.files import check_configs, parse_yaml, read_yaml
from codestilts.sources.table import read_sources

ROOT = Path(__file__).parents[2]

BROKEN = [
    ("a: 1\nb: 2\n\na: 3\n", ("f.yaml, line 4: ", "'a'", "line 1")),
    ("a:\n  b: 1\n  'b': 2\n", ("f.yaml, line 3: ", "'b'", "line 2")),
    ("a: {x: [{y: 1, y: 2}]}", ("f.yaml, line 1: ", "'y'", "line 1")),
    ("a:\n\tb: 1\n", ("line 2: ", "cannot be read", "tabs")),
    ("a: 1\nsteps: 010\n", ("f.yaml, line 2: ", "010", "base 8")),
    ("at: 12:30", ("f.yaml, line 1: ", "12:30", "base 60")),
    ("a: &a {b: *a}", ("line 1: ", "itself")),
    ("a: &a [1,1,1,1,1,1,1,1,1,1]\n" + "".join(
        f"{one}: &{one} [{','.join(['*' + other] * 10)}]\n" for other, one in zip("abcde", "bcdef", strict=True)
    ), ("100000 values",)),
    ("a: " + "9" * 5000, ("f.yaml: ", "cannot be read", "limit")),
    ("a: !!python/name:os.system x", ("line 1: ", "cannot be read", "constructor")),
]  # fmt: skip


@pytest.mark.parametrize(("text", "words"), BROKEN)
def test_a_mistake_is_one_line_that_names_its_position(text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(CodeStiltsError) as caught:
        parse_yaml(text, "f.yaml")
    assert all(word in str(caught.value) for word in words) and "\n" not in str(caught.value)


def test_numbers_are_those_of_yaml_1_2_and_dates_are_texts() -> None:
    found = parse_yaml("a: 5e-4\nb: 1.5E3\nc: 2020-01-02\nd: 5e\ne: 0x1F\nf: '5e-4'", "f.yaml")
    assert found == {"a": 0.0005, "b": 1500.0, "c": "2020-01-02", "d": "5e", "e": 31, "f": "5e-4"}


def test_keys_that_a_merge_brings_may_be_set_again() -> None:
    assert parse_yaml("base: &b {x: 1, y: 1}\nown: {<<: *b, x: 2}", "f.yaml")["own"] == {"x": 2, "y": 1}


@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>'\"#%,?\n\t 015e.~<=\u00e9\0\ufeff")) | st.text())
def test_any_text_is_a_mapping_or_one_line(text: str) -> None:
    try:
        assert isinstance(parse_yaml(text, "f.yaml"), dict)
    except CodeStiltsError as error:
        assert str(error).startswith("f.yaml") and len(str(error).splitlines()) == 1


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("study: é\n".encode("utf-16"), "UTF-16"),
        ("study: é\n".encode("utf-16-le"), "UTF-16"),
        ("a: 1\nb: é\n".encode("latin-1"), "f.yaml, line 2: "),
        (None, "No such file"),
    ],
)
def test_another_encoding_is_reported(raw: bytes | None, expected: str, tmp_path: Path) -> None:
    if raw is not None:
        (tmp_path / "f.yaml").write_bytes(raw)
    with pytest.raises(CodeStiltsError) as caught:
        read_yaml(tmp_path / "f.yaml")
    assert expected in str(caught.value)


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_bytes(b"\xef\xbb\xbf" + "a: é\n".encode())
    assert read_yaml(tmp_path / "f.yaml") == {"a": "é"}
    (tmp_path / "sources.csv").write_bytes(b"\xef\xbb\xbf" + (ROOT / "sources.csv").read_bytes())
    assert read_sources(tmp_path / "sources.csv") == read_sources(ROOT / "sources.csv")


def test_the_locale_has_no_influence(tmp_path: Path) -> None:
    overlay = tmp_path / "mine.yaml"
    overlay.write_text("study: mine # naïve\n", encoding="utf-8")
    old = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "scripts/validate.py", "config.yaml", str(overlay)]
    result = subprocess.run(command, cwd=ROOT, env={**os.environ, **old}, capture_output=True, text=True)
    assert result.returncode == 0 and result.stdout.startswith("mine: "), result.stderr


@pytest.mark.parametrize("target", ["results/micro/scores/tiny/pos.values.parquet", "report"])
def test_a_target_after_the_configs_is_told_to_go_before_them(
    target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("micro.yaml").write_text("a: 1\n")
    if "/" in target:
        Path(target).parent.mkdir(parents=True)
        Path(target).write_bytes(b"PAR1\0")
    with pytest.raises(SystemExit):
        check_configs(["snakemake", "--configfile", "micro.yaml", target])
    told = "it is read as a config: write targets before --configfile, or after `--`"
    assert capsys.readouterr().err == f"error: {target}: {told}\n"
    check_configs(["snakemake", "--configfile", "micro.yaml", "--", target])


@pytest.mark.parametrize("words", [["--configfile", "{}"], ["--configfile={}"], ["--configfiles", "{}", "-n"]])
def test_snakemakes_config_files_are_read_before_it_does(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("a: 1")
    bad.write_text("a: 1\na: 2")
    check_configs(["snakemake", "-n", *(word.format(good) for word in words), "--cores", str(bad)])
    with pytest.raises(SystemExit):
        check_configs(["snakemake", *(word.format(bad) for word in words)])
    message = capsys.readouterr().err
    assert message.startswith(f"error: {bad}, line 2: ") and "'a'" in message and message.count("\n") == 1
