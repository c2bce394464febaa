"""Sentences of Universal Dependencies as XTREME reads them: right values by hand, and by networkx."""

import zipfile
from pathlib import Path

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from task_builds import inputs_of, make_settings

from codestilts.errors import CodeStiltsError
from codestilts.examples.builders.conllu import RANK, Sentence, file_examples, merge_multiword_tokens, pos_tagging


def lines(*words: str) -> str:
    """A sentence of ``number form tag head``, with ``enhanced`` as a fifth word, in ten columns."""
    found = []
    for word in words:
        number, form, tag, head, *enhanced = word.split(" ")
        found.append("\t".join([number, form, "_", tag, "_", "_", head, "dep", *(enhanced or ["_"]), "_"]))
    return "\n".join(found) + "\n\n"


ZUM = lines("1 Er PRON 2", "2 geht VERB 0", "3-4 zum _ _", "3 zu ADP 5", "4 dem DET 5", "5 Markt NOUN 2", "6 . PUNCT 2")
TWO = lines("1-3 dámelo _ _", "1 da VERB 0", "2 me PRON 1", "3 lo PRON 1", "4-5 al _ _", "4 a ADP 6", "5 el DET 6",
            "6 fin NOUN 1")  # fmt: skip
GAP = lines("1 I PRON 2", "2 read VERB 0", "3 it PRON 2", "3.1 read VERB _ 2:conj", "4 too ADV 2 3.1:advmod")
# Both hang on 3; by the enhanced dependencies the preposition also hangs on 4, so it has more ancestors.
DEEP = lines("1-2 du _ _", "1 de ADP 3 3:case|4:case", "2 le DET 3", "3 vin NOUN 0", "4 rouge ADJ 3")
TIE = lines("1-2 dove's _ _", "1 dove ADV 3", "2 ci PRON 3", "3 va VERB 0")


def test_a_multi_word_token_is_one_with_the_tag_of_its_head() -> None:
    (row,) = file_examples(
        f"# newdoc id = a\n# sent_id = s1\n# text = x = y\n{ZUM}".encode(), "x/de_gsd-ud-test.conllu", "de", ""
    )
    assert row["tokens"] == ["Er", "geht", "zum", "Markt", "."]
    assert row["tags"] == ["PRON", "VERB", "ADP", "NOUN", "PUNCT"]  # both as high: ADP stands before DET
    (row,) = file_examples(TWO.encode(), "es_gsd-ud-test.conllu", "es", "")
    assert (row["tokens"], row["tags"]) == (["dámelo", "al", "fin"], ["VERB", "ADP", "NOUN"])


def test_empty_nodes_are_no_words() -> None:
    (row,) = file_examples(GAP.encode(), "en_ewt-ud-test.conllu", "en", "")
    assert (row["tokens"], row["tags"]) == (["I", "read", "it", "too"], ["PRON", "VERB", "PRON", "ADV"])


def test_enhanced_dependencies_count_as_heads_and_each_language_has_its_own_ranks() -> None:
    assert file_examples(DEEP.encode(), "fr_gsd-ud-test.conllu", "fr", "")[0]["tags"] == ["DET", "NOUN", "ADJ"]
    assert file_examples(TIE.encode(), "it_vit-ud-test.conllu", "it", "")[0]["tags"] == ["ADV", "VERB"]
    assert file_examples(TIE.encode(), "de_gsd-ud-test.conllu", "de", "")[0]["tags"] == ["PRON", "VERB"]


@pytest.mark.parametrize(
    ("forms", "kept"),
    [(["_", "_", "_"], False), (["_"], False), (["_", "a"], False), (["_", "a", "b"], True), (["a"], True)],
)
def test_a_sentence_without_its_words_is_left_out(forms: list[str], kept: bool) -> None:
    text = lines(*(f"{number} {form} X {number - 1}" for number, form in enumerate(forms, 1)))
    assert bool(file_examples(text.encode(), "fr_ftb-ud-test.conllu", "fr", "")) == kept


def test_blanks_within_words_go_and_shapes_of_files_do_not_matter() -> None:
    text = "# sent_id = 7\n" + ZUM.replace("Markt", "Wo chen\u200cmarkt")
    for content in (
        text.encode(),
        text.replace("\n", "\r\n").encode(),
        ("\ufeff" + text).encode(),
        text.strip().encode(),
    ):
        (row,) = file_examples(content, "de_pud-ud-test.conllu", "de", "")
        assert row["tokens"][3] == "Wochenmarkt" and row["cluster"] == "pud:7"  # the same sentence in all languages


TREEBANKS = {
    "UD_German-GSD/de_gsd-ud-test.conllu": ZUM * 2,
    "UD_German-PUD/de_pud-ud-test.conllu": "# sent_id = n1\n" + ZUM,
    "UD_German-HDT/de_hdt-ud-train-a-1.conllu": ZUM,
    "UD_German-HDT/de_hdt-ud-train-b-1.conllu": ZUM,
    "UD_Swiss_German-UZH/gsw_uzh-ud-test.conllu": ZUM,
    "UD_French-FTB/fr_ftb-ud-test.conllu": lines("1 _ DET 2", "2 _ NOUN 0"),
    "UD_French-PUD/fr_pud-ud-test.conllu": "# sent_id = n1\n" + DEEP,
    "UD_Old_French-SRCMF/fro_srcmf-ud-test.conllu": DEEP,
}
SETTINGS = {
    "task": "pos",
    "languages": ["german", "french"],
    "source_language": "german",
    "codes": {"german": "de", "french": "fr"},
    "read": [
        {"source": "ud", "files": "*/de_*-ud-train*.conllu", "as": "train"},
        {"source": "ud", "files": "*/{code}_*-ud-test*.conllu", "as": "test"},
    ],
}


@pytest.fixture
def ud(tmp_path: Path) -> dict[str, Path]:
    with zipfile.ZipFile(tmp_path / "ud.zip", "w") as archive:
        for name, text in TREEBANKS.items():
            archive.writestr(f"ud-treebanks-v2.5/{name}", text)
    return {"ud": tmp_path / "ud.zip"}


def test_treebanks_are_chosen_by_the_code_of_their_language(ud: dict[str, Path]) -> None:
    settings = make_settings(**SETTINGS)
    frame = pos_tagging(inputs_of(ud), settings)
    assert frame.groupby(["split", "language"]).size().to_dict() == {
        ("train", "german"): 2,
        ("test", "german"): 3,
        ("test", "french"): 1,
    }
    assert [(language, number) for _, language, number in settings.log.counts] == [
        ("german", 2),
        ("german", 3),
        ("french", 1),
    ]
    assert frame["id"].is_unique and frame["cluster"].value_counts()["pud:n1"] == 2


def test_a_language_without_a_file_is_one_line(ud: dict[str, Path]) -> None:
    wanted = SETTINGS | {"languages": ["greek"], "codes": {"greek": "el"}, "read": SETTINGS["read"][1:]}
    with pytest.raises(CodeStiltsError, match=r"task pos: no file of ud .*el_\*-ud-test\*.conllu"):
        pos_tagging(inputs_of(ud), make_settings(**wanted))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("1\tno\ttable\n\n", "line 1: 3 columns instead of 10"),
        (ZUM.replace("6\t.", "7\t."), "line 7: word 7 .* 6"),
        (ZUM.replace("3-4", "3-3"), "'3-3' is no word's number"),
        (lines("1-9 zum _ _", "1 zu ADP 0"), "ends within a multi-word token"),
        (ZUM.replace("1\tEr", "a\tEr"), "'a' is no word's number"),
    ],
)
def test_what_is_no_conllu_is_one_line(text: str, words: str) -> None:
    with pytest.raises(CodeStiltsError, match=words):
        file_examples(text.encode(), "de_gsd-ud-test.conllu", "de", "pos")
    with pytest.raises(CodeStiltsError, match="is not in UTF-8"):
        file_examples(b"1\t\xff", "de_gsd-ud-test.conllu", "de", "pos")


@st.composite
def trees(draw: st.DrawFn) -> Sentence:
    """A sentence whose words hang anywhere (circles too, as enhanced dependencies have), with some fused ones."""
    size = draw(st.integers(1, 8))
    sentence = Sentence()
    for word in range(1, size + 1):
        sentence.forms[word] = f"w{word}"
        sentence.tags[word] = draw(st.sampled_from(RANK))
        sentence.heads[word] = draw(st.sets(st.integers(0, size), max_size=2))
    word = 1
    while word < size:
        last = draw(st.integers(word, min(word + 2, size)))
        if last > word:
            sentence.multiword[word] = (last, f"f{word}")
        word = last + 1
    return sentence


@settings(max_examples=200, deadline=None)
@given(trees())
def test_the_head_of_a_multi_word_token_is_that_of_xtremes_script(sentence: Sentence) -> None:
    graph = nx.DiGraph([(head, word) for word, heads in sentence.heads.items() for head in heads])
    graph.add_nodes_from(sentence.forms)
    wanted = []
    word = 1
    while word <= len(sentence.forms):
        last, form = sentence.multiword.get(word, (word, sentence.forms[word]))
        span = range(word, last + 1)
        heights = {each: len(nx.ancestors(graph, each)) for each in span}
        highest = [each for each in span if heights[each] == min(heights.values())]
        wanted.append((form, min((sentence.tags[each] for each in highest), key=RANK.index)))
        word = last + 1
    assert list(zip(*merge_multiword_tokens(sentence, RANK), strict=True)) == wanted


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from([*ZUM.splitlines(), "", "#", "1.1\t" + "_\t" * 8 + "_", "2-3", "\t" * 9, "x"]), max_size=9)
)
def test_any_file_is_read_or_refused_in_one_line(parts: list[str]) -> None:
    try:
        found = file_examples("\n".join(parts).encode(), "de_gsd-ud-test.conllu", "de", "pos")
    except CodeStiltsError as error:
        assert "\n" not in str(error)
    else:
        assert all(len(row["tokens"]) == len(row["tags"]) > 0 for row in found)
