"""Tables for people, and the examples shown to them."""

from pathlib import Path

import pandas as pd
import pytest

from codestilts import tables
from codestilts.showcase import chosen, short, showcase


def test_numbers_read_well():
    assert tables.points(-0.04) == "0.0"
    assert tables.points(1.26, signed=True) == "+1.3"
    assert tables.with_interval(0.5, -1, 2) == "+0.5 [−1.0, +2.0]"
    assert tables.p_value(0.25) == "0.250"
    assert tables.p_value(0.0001) == "< 0.001"


def test_latex_escapes_and_rules(tmp_path: Path):
    table = pd.DataFrame({"a_b": ["50 % & more", "−1"], "n": [1.25, 2.0]})
    tables.save(table, tmp_path / "t", "A #1 caption")
    text = (tmp_path / "t.tex").read_text()
    assert r"a\_b & n \\" in text
    assert r"50 \% \& more & 1.25 \\" in text
    assert r"$-$1 & 2 \\" in text
    assert r"\begin{tabular}{lr}" in text
    assert r"\caption{A \#1 caption}" in text
    assert pd.read_csv(tmp_path / "t.csv")["n"].tolist() == [1.25, 2.0]


def test_wide_keeps_the_order_of_arms():
    long = pd.DataFrame({"arm": ["z", "z", "a"], "scope": ["y", "x", "y"], "text": ["1", "2", "3"]})
    table = tables.wide(long, "arm", "scope", "text")
    assert table.to_numpy().tolist() == [["z", "1", "2"], ["a", "3", ""]]
    assert table.columns.tolist() == ["arm", "y", "x"]


def examples(**columns: list) -> pd.DataFrame:
    base = {"id": ["0", "1", "2"], "language": ["go", "go", "c"], "split": "test"}
    return pd.DataFrame({**base, **columns})


def answers(gold: str, prediction: str, score: float = 1.0) -> pd.DataFrame:
    return pd.DataFrame({"id": ["0"], "arm": ["none"], "gold": [gold], "prediction": [prediction], "score": [score]})


def test_examples_are_chosen_by_lot_the_same_each_time():
    table = examples(text_a=["x"] * 3)
    rows = chosen(table, "t", ["go", "c"])
    assert rows["language"].tolist() == ["go", "c"]
    assert rows["id"].tolist() == chosen(table.iloc[::-1], "t", ["go", "c"])["id"].tolist()


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
            ("", "x y", "x/A y/B", "1 of 2 right; y: A for B", False),
        ),
        ("retrieval", {"query": ["q"] * 3, "document": ["d0", "d1", "d2"]}, "0", "0", ("q", "", "d0", "rank 1", True)),
        (
            "multiple_choice",
            {"context": ["q"] * 3, "choices": [["u", "v"]] * 3},
            "1",
            "0",
            ("q", "u\nv", "v", "u", False),
        ),
    ],
)
def test_answers_are_told_in_words(kind: str, columns: dict, gold: str, prediction: str, expected: tuple):
    table = examples(**columns)
    row = showcase(table, "t", kind, answers(gold, prediction), table.head(1)).iloc[0]
    assert (row["question"], row["text"], row["gold"], row["prediction"], row["right"]) == expected


def test_a_wrong_document_is_shown():
    table = examples(query=["q"] * 3, document=["d0", "d1", "d2"])
    row = showcase(table, "t", "retrieval", answers("0", "1", 0.25), table.head(1)).iloc[0]
    assert row["prediction"] == "rank 4; first was\nd1"


def test_long_texts_are_cut():
    assert short("abcdef", 3) == "abc …"
    assert short("abc", 3) == "abc"
