"""Tables for people, and the examples shown to them."""

import html
import re
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import Environment

from codestilts import csv_tables, display_names
from codestilts.config.analysis_settings import SampledTarget
from codestilts.errors import CodeStiltsError
from codestilts.reporting import tables
from codestilts.reporting.sample_predictions import RIGHT_LANGUAGE, describe, draw, note_on_output, shorten


def test_numbers_read_well():
    assert tables.points(-0.04) == "0.0"
    assert tables.points(1.26, signed=True) == "+1.3"
    assert tables.with_interval(0.5, -1, 2) == "+0.5 [−1.0, +2.0]"
    assert tables.p_value(0.25) == "0.250"
    assert tables.p_value(0.0001) == "< 0.001"


def test_a_star_marks_a_corrected_p_at_the_level_of_the_intervals():
    assert [tables.star(p, 0.95) for p in (0.049, 0.051, float("nan"))] == ["*", "", ""]


def test_latex_escapes_and_rules(tmp_path: Path):
    table = pd.DataFrame({"a_b": ["50 % & more", "−1", "< 0.001"], "n": [1.25, 2.0, 3.0]})
    tables.save(table, tmp_path / "t", r"A \#1 caption")
    text = (tmp_path / "t.tex").read_text()
    assert r"a\_b & n \\" in text
    assert r"50 \% \& more & 1.25 \\" in text
    assert r"$-$1 & 2 \\" in text
    assert r"$<$ 0.001" in text and r"\toprule" in text and r"\bottomrule" in text
    assert r"\begin{tabular}{lr}" in text
    assert r"\caption{A \#1 caption}" in text
    assert pd.read_csv(tmp_path / "t.csv")["n"].tolist() == [1.25, 2.0, 3.0]


ODD = st.sampled_from(
    [*"\r\n\t\0\x0b\x1a\x85\u2028\u200e\u202e\u200b\ufeff\"',;\\ ", "\r\n", "NA", "none", "null", "007", "1e5"]
)
TEXT = st.lists(ODD | st.characters(codec="utf-8"), max_size=6).map("".join)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(TEXT, TEXT, st.none() | st.integers(-9, 9)), min_size=1, max_size=4))
def test_a_table_reads_back_as_it_was_written(tmp_path: Path, rows: list[tuple[str, str, int | None]]) -> None:
    table = pd.DataFrame(rows, columns=["arm", "text", "n"])
    csv_tables.write_csv(table, tmp_path / "t.csv")
    texts = csv_tables.read_csv(tmp_path / "t.csv", texts=True)
    assert texts["arm"].tolist() == table["arm"].tolist()
    assert texts["text"].tolist() == table["text"].tolist()
    table.to_parquet(tmp_path / "t.parquet")
    assert pd.read_parquet(tmp_path / "t.parquet")["text"].tolist() == table["text"].tolist()


def test_a_table_without_columns_reads_back_and_an_empty_file_does_not(tmp_path: Path) -> None:
    csv_tables.write_csv(pd.DataFrame(), tmp_path / "t.csv")
    assert csv_tables.read_csv(tmp_path / "t.csv").shape == (0, 0)
    (tmp_path / "t.csv").write_text("")
    with pytest.raises(CodeStiltsError, match="not a table"):
        csv_tables.read_csv(tmp_path / "t.csv")


def test_names_stay_names_and_gaps_stay_numbers(tmp_path: Path) -> None:
    table = pd.DataFrame({"arm": ["none", "nan", "NA", "null", ""], "value": [1.5, None, 2, 3, 4], "seed": range(5)})
    csv_tables.write_csv(table, tmp_path / "t.csv", float_format="%.6f")
    found = csv_tables.read_csv(tmp_path / "t.csv")
    assert found["arm"].tolist() == ["none", "nan", "NA", "null", ""]
    assert found["value"].isna().tolist() == [False, True, False, False, False]
    assert found["seed"].tolist() == [0, 1, 2, 3, 4]
    assert (tmp_path / "t.csv").read_text().splitlines()[1] == "none,1.500000,0"  # no quotes where none is needed


@settings(max_examples=100, deadline=None)
@given(TEXT)
def test_a_page_shows_every_character(text: str) -> None:
    page = Environment(autoescape=True).from_string("<pre>{{ text }}</pre>").render(text=display_names.visible(text))
    shown = html.unescape(page)[len("<pre>") : -len("</pre>")]
    pictures = {chr(0x2400 + code): chr(code) for code in range(32)} | {"\u2421": "\x7f"}
    named = re.sub(r"⟨U\+([0-9A-F]{4,})⟩", lambda found: chr(int(found[1], 16)), shown)
    assert "".join(pictures.get(letter, letter) for letter in named) == text or set(text) & set(pictures)
    assert not set(shown) & ({chr(code) for code in range(32)} - {"\t", "\n"})


def test_characters_without_width_or_that_turn_the_text_are_named() -> None:
    hidden = "\u200b\u200d\u200f\u202e\u2066\u2069\ufeff\u00ad\U000e0041\x85"
    names = "⟨U+200B⟩⟨U+200D⟩⟨U+200F⟩⟨U+202E⟩⟨U+2066⟩⟨U+2069⟩⟨U+FEFF⟩⟨U+00AD⟩⟨U+E0041⟩⟨U+0085⟩"
    assert display_names.visible(f"a{hidden}é\u05d0\u0639") == f"a{names}é\u05d0\u0639"


def test_wide_keeps_the_order_of_arms():
    long = pd.DataFrame({"arm": ["z", "z", "a"], "scope": ["y", "x", "y"], "text": ["1", "2", "3"]})
    table = tables.wide(long, "arm", "scope", "text")
    assert table.to_numpy().tolist() == [["z", "1", "2"], ["a", "3", ""]]
    assert table.columns.tolist() == ["arm", "y", "x"]


def examples(**columns: list) -> pd.DataFrame:
    base = {"id": ["0", "1", "2"], "language": ["go", "go", "c"], "split": "test"}
    return pd.DataFrame({**base, **columns})


def answers(gold: str, prediction: str, score: float = 1.0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": ["0"],
            "encoder": ["tiny"],
            "arm": ["none"],
            "gold": [gold],
            "prediction": [prediction],
            "score": [score],
        }
    )


def test_examples_are_drawn_at_random_but_the_same_each_time():
    table = examples(text_a=["x"] * 3)
    rows = draw(table, "t", ["go", "c"])
    assert rows["language"].tolist() == ["go", "c"]
    assert rows["id"].tolist() == draw(table.iloc[::-1], "t", ["go", "c"])["id"].tolist()


@pytest.mark.parametrize(
    ("kind", "columns", "gold", "prediction", "expected"),
    [
        ("classification", {"text_a": ["q"] * 3, "text_b": ["t"] * 3}, "a", "b", ("q", "t", "a", "b", False)),
        ("span_qa", {"question": ["q"] * 3, "context": ["t"] * 3}, "a", "", ("q", "t", "a", "(nothing)", False)),
        (
            "tagging",
            {"tokens": [["x", "y"]] * 3},
            "A B",
            "A A",
            ("", "x y", "x/A y/B", "y: A for B", False),
        ),
        (
            "retrieval",
            {"query": ["q"] * 3, "document": ["d0", "d1", "d2"]},
            "0",
            "0",
            ("q", "", "d0", "the right document", True),
        ),
        (
            "multiple_choice",
            {"context": ["q"] * 3, "choices": [["u", "v"]] * 3},
            "1",
            "0",
            ("q", "u\nv", "v", "u", False),
        ),
    ],
)
def test_answers_are_in_words(kind: str, columns: dict, gold: str, prediction: str, expected: tuple):
    table = examples(**columns)
    row = describe(table, "t", SampledTarget(kind), answers(gold, prediction), table.head(1)).iloc[0]
    assert (row["question"], row["text"], row["gold"], row["prediction"], row["right"]) == expected


def test_a_wrong_document_is_shown():
    table = examples(query=["q"] * 3, document=["d0", "d1", "d2"])
    row = describe(table, "t", SampledTarget("retrieval"), answers("0", "1", 0.25), table.head(1)).iloc[0]
    assert (row["prediction"], row["note"]) == ("d1", "rank 4 of the right document")


def test_an_answer_of_a_search_for_the_same_problem_is_the_problem_of_the_first_program():
    table, kind = examples(query=["q"] * 3, document=[""] * 3), SampledTarget("retrieval", "map")
    rows = [describe(table, "t", kind, answers("p", name, 0.25), table.head(1)).iloc[0] for name in ("p", "r")]
    assert [(row["gold"], row["prediction"], row["right"], row["note"]) for row in rows] == [
        ("p", "p", True, "average precision 0.25"),
        ("p", "r", False, "average precision 0.25"),
    ]


def test_long_texts_are_cut():
    assert shorten("abcdef", 3) == "abc …"
    assert shorten("abc", 3) == "abc"


@pytest.mark.parametrize(
    ("interval", "margin", "text"),
    [
        ((-1.7, -3.3, -0.02), 1.0, "−1.7 [−3.30, −0.02]"),  # it says worse, so it must not look like zero
        ((1.5, 1.02, 2.1), 1.0, "+1.5 [+1.02, +2.10]"),  # more than a point
        ((0.5, -0.3, 0.996), 1.0, "+0.5 [−0.300, +0.996]"),  # no difference of a point
        ((0.4, -0.44, 1.26), 1.0, "+0.4 [−0.4, +1.3]"),
        ((0.6, -0.026, 1.18), 1.0, "+0.6 [−0.03, +1.18]"),  # not 0.0, which could be excluded or not
        ((0.6, 0.0, 1.2), 1.0, "+0.6 [0.0, +1.2]"),
    ],
)
def test_digits_say_no_other_than_the_words(interval: tuple[float, float, float], margin: float, text: str):
    assert tables.with_interval(*interval, margin=margin) == text


def test_a_p_near_the_line_has_more_digits():
    assert [tables.p_value(p) for p in (0.0496, 0.0504, 0.3, 0.0004)] == ["0.0496", "0.050", "0.300", "< 0.001"]


@pytest.mark.parametrize(
    ("row", "note"),
    [
        ({"found_language": float("nan")}, ""),  # an answer of another type in a table with generated texts
        ({}, ""),
        ({"found_language": "go", "output_language": "go"}, RIGHT_LANGUAGE),
        ({"found_language": "python", "output_language": "go"}, "in the wrong language: Python"),
        ({"found_language": "", "output_language": "go"}, "in no language that can be told"),
        ({"found_language": "go", "output_language": "go", "cut": 1}, f"{RIGHT_LANGUAGE}, cut"),
        ({"found_language": "", "output_language": "go", "cut": True}, "in no language that can be told, cut"),
    ],
)
def test_generated_texts_have_a_note_on_their_language(row: dict[str, object], note: str) -> None:
    assert note_on_output(row) == note
