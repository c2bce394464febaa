"""Metrics of tags against values worked out by hand and seqeval."""

import warnings

import pandas as pd
import pytest
import seqeval.metrics
from hypothesis import given, settings
from hypothesis import strategies as st

from codestilts.errors import CodeStiltsError
from codestilts.evaluation.metrics.registry import row_sums, value

UPOS = [
    "ADJ",
    "ADP",
    "ADV",
    "AUX",
    "CCONJ",
    "DET",
    "INTJ",
    "NOUN",
    "NUM",
    "PART",
    "PRON",
    "PROPN",
    "PUNCT",
    "SCONJ",
    "SYM",
    "VERB",
    "X",
]
BIO = ["O", "B-PER", "I-PER", "B-ORG", "I-ORG"]


def frame(gold: list[str], predicted: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"id": [str(i) for i in range(len(gold))], "gold": gold, "prediction": predicted})


def measure(metric: str, gold: list[str], predicted: list[str]) -> float:
    return value(row_sums(frame(gold, predicted), metric))


def test_token_accuracy_weighs_tokens_not_rows():
    assert measure("token_accuracy", ["N N V", "V"], ["N V V", "N"]) == pytest.approx(2 / 4)


@pytest.mark.parametrize("metric", ["token_accuracy", "entity_f1", "pos_f1"])
def test_a_missing_tag_is_an_error_that_names_the_row(metric: str):
    with pytest.raises(CodeStiltsError, match=r"row '1'.*1 tags.*2 tokens"):
        row_sums(frame(["N", "N V"], ["N", "N"]), metric)


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        ("B-PER I-PER O", "B-PER I-PER O", 1),
        ("B-PER I-PER O", "B-PER O O", 0),  # the end is wrong
        ("B-PER I-PER O", "B-ORG I-ORG O", 0),  # the type is wrong
        ("B-PER I-PER O", "I-PER I-PER O", 1),  # an I- that continues nothing starts an entity
        ("B-PER I-PER", "B-PER I-ORG", 0),  # another type ends an entity and starts one
        ("B-PER B-PER", "B-PER I-PER", 0),  # two against one
        ("O O", "O O", 0),  # nothing to find, nothing found
        ("B-PER O B-ORG", "B-PER O O", 2 / 3),
    ],
)
def test_entity_f1_by_hand(gold: str, predicted: str, expected: float):
    assert measure("entity_f1", [gold], [predicted]) == pytest.approx(expected)


def test_entities_end_with_their_row():
    assert measure("entity_f1", ["B-PER", "I-PER"], ["B-PER", "B-PER"]) == 1


@pytest.mark.parametrize(
    ("gold", "predicted", "expected"),
    [
        ("NOUN VERB", "NOUN VERB", 1),
        ("NOUN NOUN VERB", "NOUN VERB VERB", 0),  # 2 of 3 tokens are right, but no run is
        ("NOUN VERB NOUN", "NOUN VERB VERB", 2 * 1 / (3 + 2)),
        ("SYM SYM VERB", "SYM VERB VERB", 2 * 1 / (3 + 2)),  # each SYM is by itself
        ("SCONJ SCONJ VERB", "SCONJ SCONJ NOUN", 2 * 2 / (3 + 3)),
        ("CCONJ VERB", "SCONJ VERB", 2 * 1 / (2 + 2)),
        ("X X", "X X", 1),
    ],
)
def test_pos_f1_by_hand(gold: str, predicted: str, expected: float):
    assert measure("pos_f1", [gold], [predicted]) == pytest.approx(expected)


def rows(tags: list[str]) -> st.SearchStrategy:
    pair = st.sampled_from(tags).flatmap(lambda tag: st.tuples(st.just(tag), st.sampled_from([tag, tag, *tags])))
    return st.lists(st.lists(pair, min_size=1, max_size=9), min_size=1, max_size=5)


def seqeval_f1(gold: list[list[str]], predicted: list[list[str]]) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of divisions by zero
        return seqeval.metrics.f1_score(gold, predicted)


@settings(deadline=None)
@given(rows(BIO))
def test_entity_f1_is_that_of_seqeval(sentences: list[list[tuple[str, str]]]):
    gold, predicted = ([[pair[side] for pair in row] for row in sentences] for side in (0, 1))
    found = measure("entity_f1", [" ".join(row) for row in gold], [" ".join(row) for row in predicted])
    assert found == pytest.approx(seqeval_f1(gold, predicted))


def as_bio(tags: list[str]) -> list[str]:
    return [
        f"I-{tag}" if before == tag and tag not in ("SCONJ", "SYM") else f"B-{tag}"
        for before, tag in zip([None, *tags], tags, strict=False)
    ]


@settings(deadline=None)
@given(rows(["NOUN", "VERB", "SYM"]) | rows(UPOS))
def test_pos_f1_is_that_of_seqeval_on_runs_written_as_bio(sentences: list[list[tuple[str, str]]]):
    gold, predicted = ([[pair[side] for pair in row] for row in sentences] for side in (0, 1))
    found = measure("pos_f1", [" ".join(row) for row in gold], [" ".join(row) for row in predicted])
    assert found == pytest.approx(seqeval_f1([as_bio(row) for row in gold], [as_bio(row) for row in predicted]))
