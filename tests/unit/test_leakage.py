"""The leakage audit compares texts: it finds a test split that is a training split, whatever the ids."""

from typing import Any

import pandas as pd
import pytest
from audited import audited
from hypothesis import given, settings
from hypothesis import strategies as st

from codestilts.evaluation.leakage import COLUMNS, LONGER, findings, normalised, summary, violations

SAID = "The quick brown fox number {} jumps over the lazy dog, while the other dogs look on and wonder."
TYPES: dict[str, Any] = {
    "pairs": lambda text: {"text_a": text, "text_b": "short"},
    "one text": lambda text: {"text_a": text, "text_b": ""},
    "choices": lambda text: {"context": text, "choices": ["yes", "no"]},
    "long choices": lambda text: {"context": "Which?", "choices": [text, "no"]},
    "spans": lambda text: {"question": "Who?", "context": text},
    "tokens": lambda text: {"tokens": text.split()},
    "retrieval": lambda text: {"query": "fox", "document": text},
    "mlm": lambda text: {"text": text},
}


def examples(kind: str, split: str, texts: list[str], languages: tuple[str, ...] = ("english",)) -> pd.DataFrame:
    """Rows whose ids and clusters carry the split, as those of a hub's table do."""
    rows = [
        {
            "id": f"src:{split}:{place}",
            "language": languages[place % len(languages)],
            "split": split,
            "cluster": f"src:{split}:{place}",
            "package": "src",
            **TYPES[kind](text),
        }
        for place, text in enumerate(texts)
    ]
    return pd.DataFrame(rows)


def saying(numbers: range) -> list[str]:
    return [SAID.format(number) for number in numbers]


@pytest.mark.parametrize("kind", TYPES)
def test_a_test_split_that_is_the_training_split_is_found(kind: str) -> None:
    own = pd.concat([examples(kind, "train", saying(range(20))), examples(kind, "test", saying(range(20)))])
    table = audited({"target": own}, {"target": own})
    assert table.columns.tolist() == COLUMNS
    row = table.iloc[0]
    assert (row["copies"], row["most_copied"], row["shared_texts"]) == (20, 1, 20)
    assert (row["functions"], row["source_clusters"], row["clusters"]) == (0, 0, 1)
    (problem,) = violations(table)
    assert "task target" in problem and "100%" in problem


@pytest.mark.parametrize("trained", TYPES)
@pytest.mark.parametrize("tested", TYPES)
def test_texts_are_found_across_types_of_tasks_and_ways_to_write_them(trained: str, tested: str) -> None:
    other = [text.upper().replace(" ", "\u200b \r\n\t") for text in saying(range(3))]
    table = audited({"arm": examples(trained, "train", other)}, {"target": examples(tested, "test", saying(range(5)))})
    assert table["shared_texts"].tolist() == [3]
    assert findings(table, "train")[0].startswith("arm and target: ")


def test_a_dev_set_that_is_the_test_set_is_reported_but_allowed() -> None:
    own = pd.concat([examples("pairs", "dev", saying(range(4))), examples("pairs", "test", saying(range(2, 6)))])
    table = audited({}, {"target": own})
    assert table[["trained_on", "split", "copies"]].to_numpy().tolist() == [["target", "dev", 2]]
    assert violations(table) == findings(table, "train") == []
    assert findings(table, "dev")[0].startswith("target and target: 2 of 4 are copies, 2 of 4 share a text")
    assert summary(table)[-1].startswith("0 of 0 pairs")


def test_one_language_that_reads_the_training_split_is_found_among_many() -> None:
    train = examples("one text", "train", saying(range(10)))
    languages = ("english", *"abcdefghi")
    tested = [SAID.format(number if number % 10 == 0 else 1000 + number) for number in range(100)]
    table = audited({"arm": train}, {"target": examples("one text", "test", tested, languages)})
    assert table.loc[0, "copies"] == 1  # of a hundred: number 0; the others of its language are not trained on
    assert violations(table) == []
    train = examples("one text", "train", saying(range(0, 100, 10)))
    table = audited({"arm": train}, {"target": examples("one text", "test", tested, languages)})
    assert (table.loc[0, "copies"], table.loc[0, "most_copied"]) == (10, 1)
    assert len(violations(table)) == 1


def test_short_texts_count_as_copies_only_if_all_of_an_example_is_one() -> None:
    train, tested = examples("pairs", "train", ["Tom ran.", "Go."]), examples("pairs", "test", ["Tom ran.", "Come."])
    table = audited({"arm": train}, {"target": tested})
    assert table[["copies", "shared_texts", "most_copied"]].iloc[0].tolist() == [1, 0, 0.5]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=80), min_size=1, max_size=8), st.lists(st.text(max_size=80), min_size=1, max_size=8))
def test_counts_are_those_of_the_texts(trained: list[str], tested: list[str]) -> None:
    table = audited({"arm": examples("one text", "train", trained)}, {"target": examples("mlm", "test", tested)})
    known = {normalised(text) for text in trained}
    assert table.loc[0, "copies"] == sum(normalised(text) in known for text in tested)
    longer = {text for text in known if len(text) >= LONGER}
    assert table.loc[0, "shared_texts"] == sum(normalised(text) in longer for text in tested)
