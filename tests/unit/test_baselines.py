"""Trivial baselines on examples small enough to work out by hand."""

import tracemalloc

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codestilts.config.preparation_settings import BaselineSettings
from codestilts.display_names import BASELINES
from codestilts.errors import CodeStiltsError
from codestilts.evaluation import bm25
from codestilts.evaluation.baselines import baseline_predictions
from codestilts.evaluation.bm25 import BM25
from codestilts.evaluation.metrics.registry import row_sums, value


def examples(splits: list[str], **columns: list) -> pd.DataFrame:
    ids = [str(i) for i in range(len(splits))]
    return pd.DataFrame({"id": ids, "language": "python", "split": splits, "cluster": ids, "package": "p", **columns})


def predicted(frame: pd.DataFrame, name: str) -> list[str]:
    rows = frame[frame["arm"] == f"baseline:{name}"]
    assert set(rows["arm"]) <= set(BASELINES), "a baseline without a name to show"
    return rows["prediction"].tolist()


def test_bm25_by_hand():
    scores = BM25(["the red fox", "the red hen", "a dog"])(["red fox"])[0]
    assert scores[0] > scores[1] > scores[2] == 0
    # 'red' is in 2 of 3 documents, of 3, 3 and 2 words: idf = ln(1 + 1.5 / 2.5), saturation = 1.2 (0.25 +
    # 0.75 * 3 / (8/3)).
    saturation = 1.2 * (0.25 + 0.75 * 3 / (8 / 3))
    assert scores[1] == pytest.approx(np.log(1.6) * 2.2 / (1 + saturation), rel=1e-5)


def test_classification_has_majority_random_and_overlap():
    frame = examples(
        ["train"] * 3 + ["test"] * 2,
        text_a=["get node", "sort list", "get name", "open file", "open file"],
        text_b=["getNode()", "sortList()", "close()", "openFile()", "send()"],
        label=["match", "match", "other", "match", "other"],
    )
    out = baseline_predictions(frame, "match", BaselineSettings("classification"))
    assert predicted(out, "majority") == ["match", "match"]
    assert predicted(out, "overlap") == ["match", "other"]
    assert set(out["arm"]) == {"baseline:majority", "baseline:random", "baseline:overlap"}
    assert out["id"].tolist()[:2] == ["3", "4"]


def test_single_texts_have_no_overlap_baseline():
    frame = examples(["train", "train", "test"], text_a=["x", "y", "z"], text_b=[""] * 3, label=["a", "b", "a"])
    out = baseline_predictions(frame, "t", BaselineSettings("classification"))
    assert set(out["arm"]) == {"baseline:majority", "baseline:random"}


def test_an_f1_of_one_class_is_highest_without_reading_if_all_rows_are_positive():
    frame = examples(["train"] * 4 + ["test"] * 4, text_a=["x"] * 8, text_b=[""] * 8, label=["0", "0", "0", "1"] * 2)
    out = baseline_predictions(frame, "clones", BaselineSettings("classification", metric="binary_f1"))
    score = {arm: value(row_sums(rows, "binary_f1")) for arm, rows in out.groupby("arm")}
    assert score["baseline:majority"] == 0
    assert score["baseline:positive"] == pytest.approx(0.4)  # 2p / (1 + p) with p = 1/4
    assert "baseline:positive" not in set(baseline_predictions(frame, "t", BaselineSettings("classification"))["arm"])


def test_single_labels_have_no_baseline_that_gives_several():
    frame = examples(["train", "train", "test"], text_a=["x"] * 3, text_b=[""] * 3, label=["a", "b", "a"])
    out = baseline_predictions(frame, "t", BaselineSettings("classification", metric="macro_f1"))
    assert set(out["arm"]) == {"baseline:majority", "baseline:random"}


@pytest.mark.parametrize(
    ("metric", "expected"), [("micro_f1", 2 * 4 / (4 + 9)), ("macro_f1", (4 / 5 + 1 / 2 + 1 / 2) / 3)]
)
def test_sets_of_labels_have_the_baseline_of_all_labels(metric, expected):
    # In the test rows 'dp' is in two of three sets, 'math' and 'trees' are in one each.
    labels = ["dp", "dp|math", "trees", "dp|math", "dp", "trees"]
    frame = examples(["train"] * 3 + ["test"] * 3, text_a=["x"] * 6, text_b=[""] * 6, label=labels)
    out = baseline_predictions(frame, "topics", BaselineSettings("classification", metric=metric))
    assert predicted(out, "positive") == ["dp|math|trees"] * 3
    own = row_sums(out[out["arm"] == "baseline:positive"], metric)
    assert value(own) == pytest.approx(expected)


def test_tags_of_known_forms():
    frame = examples(
        ["train", "train", "test"],
        tokens=[["x", "+", "x"], ["x"], ["x", "+", "new"]],
        tags=[["NAME", "OP", "NAME"], ["NAME"], ["NAME", "OP", "NAME"]],
    )
    out = baseline_predictions(frame, "tags", BaselineSettings("tagging"))
    assert predicted(out, "majority") == ["NAME NAME NAME"]
    assert predicted(out, "word-form") == ["NAME OP NAME"]


def test_parameters_first_last_and_most_alike():
    frame = examples(
        ["train", "test"],
        question=["?", "the maximum number of rows"],
        context=["f(a)", "f(table, max_rows, flag)"],
        answer_text=["a", "max_rows"],
        options=[["a"], ["table", "max_rows", "flag"]],
    )
    out = baseline_predictions(frame, "param-qa", BaselineSettings("span_qa"))
    assert predicted(out, "first") == ["table"]
    assert predicted(out, "last") == ["flag"]
    assert predicted(out, "overlap") == ["max_rows"]
    assert predicted(out, "random")[0] in {"table", "max_rows", "flag"}


def test_retrieval_ranks_by_bm25_and_leaves_out_the_own_cluster():
    frame = examples(
        ["test"] * 3,
        query=["read file", "send mail", "read file"],
        document=["readFile", "sendMail", "file read"],
    )
    frame["cluster"] = ["x", "y", "x"]
    out = baseline_predictions(frame, "search", BaselineSettings("retrieval"))
    bm = out[out["arm"] == "baseline:bm25"]
    assert bm["prediction"].tolist() == ["0", "1", "2"]
    assert bm["score"].tolist() == [1.0, 1.0, 1.0]


def test_ties_go_against_the_row():
    frame = examples(["test"] * 2, query=["x", "x"], document=["nothing", "shared"])
    out = baseline_predictions(frame, "search", BaselineSettings("retrieval"))
    assert out.loc[out["arm"] == "baseline:bm25", "score"].tolist() == [0.5, 0.5]


def test_mining_predicts_dev_and_test_queries():
    splits = ["dev"] * 3 + ["test"] * 3
    query = ["read file", "unrelated thing", "", "send mail", "something else", ""]
    document = ["readFile now", "", "noise words", "sendMail now", "", "more noise"]
    out = baseline_predictions(
        examples(splits, query=query, document=document),
        "mining",
        BaselineSettings("retrieval", "mining"),
    )
    bm = out[out["arm"] == "baseline:bm25"]
    assert bm["id"].tolist() == ["0", "1", "3", "4"]
    assert bm["gold"].tolist() == ["0", "", "3", ""]
    sums = row_sums(bm, "mining_f1").sum()
    assert sums["numerator"] / sums["denominator"] == 1.0


def test_an_empty_train_split_is_an_error():
    frame = examples(["test"], text_a=["x"], text_b=[""], label=["a"])
    with pytest.raises(CodeStiltsError, match="train split is empty"):
        baseline_predictions(frame, "t", BaselineSettings("classification"))


def test_a_search_for_the_same_problem_ranks_all_other_rows_and_knows_their_problems():
    """Of a's words one is in b, which is of its problem, and all are in c, which is not: b is second, so that AP is 0.

    The last row has words that no other one has: all others are ties, and those of another problem come first.
    """
    texts = ["sort the list", "list of names", "sort the list now", "nothing else"]
    frame = examples(["test"] * 4, query=texts, document=[""] * 4)
    frame["cluster"] = ["p", "p", "q", "q"]
    out = baseline_predictions(frame, "poj104", BaselineSettings("retrieval", "map"))
    bm25 = out[out["arm"] == "baseline:bm25"]
    assert bm25["gold"].tolist() == ["p", "p", "q", "q"]
    assert bm25["prediction"].tolist() == ["q", "p", "p", "p"]
    assert bm25["score"].tolist() == [0.0, 1.0, 0.0, 0.0]


def test_equal_sums_of_bm25_are_ties_in_whatever_order_their_words_are():
    scores = BM25(["lorem ipsum dolor sit", "sit dolor lorem ipsum", "other"])(["dolor sit lorem", "ipsum sit dolor"])
    assert (scores[:, 0] == scores[:, 1]).all() and (scores[:, 2] == 0).all()


TEXT = st.lists(st.sampled_from(["a", "b", "c", "d e", "fG"]), max_size=6).map(" ".join)


@settings(max_examples=40)
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=12), st.integers(1, 40), st.booleans())
def test_a_search_in_blocks_is_the_search_of_all_at_once(pairs: list[tuple[str, str]], block: int, mining: bool):
    frame = examples(["test"] * len(pairs), query=[q for q, _ in pairs], document=[d for _, d in pairs])
    if not frame["query"].any() or not frame["document"].any():
        frame.loc[0, ["query", "document"]] = "a"
    task = BaselineSettings("retrieval", "mining" if mining else "rank")
    whole = baseline_predictions(frame, "t", task)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bm25, "BLOCK", block)
        assert baseline_predictions(frame, "t", task).equals(whole)


def test_memory_of_the_search_follows_the_texts_and_not_their_words():
    words = [f"w{chr(97 + n // 26 % 26)}{chr(97 + n % 26)}{chr(97 + n // 676)}" for n in range(6000)]
    texts = [" ".join(words[4 * n : 4 * n + 4]) for n in range(1500)]
    frame = examples(["test"] * 1500, query=texts, document=texts)
    tracemalloc.start()
    out = baseline_predictions(frame, "t", BaselineSettings("retrieval"))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (out.loc[out["arm"] == "baseline:bm25", "score"] == 1).all()
    assert peak < 100e6, "1,500 documents x 6,000 words: one dense table has 36 MB, and there were five"


def test_texts_that_occur_twice_are_out_of_mining_but_their_pairs_stay_to_be_found():
    query, document = ["read file", "send mail", "send mail", "open door"], ["readFile", "sendMail", "", "openDoor"]
    rows = examples(["test"] * 5, query=[*query, ""], document=[*document, " openDoor"])
    out = baseline_predictions(rows, "mining", BaselineSettings("retrieval", "mining"))
    bm = out[out["arm"] == "baseline:bm25"]
    assert bm["gold"].tolist() == ["0", "1", "", "3"]
    assert bm["prediction"].tolist() == ["0", "", "", ""]


def test_the_highest_random_scores_of_many_are_those_of_so_many_draws():
    # Of n uniform numbers the k-th highest has the mean (n + 1 - k) / (n + 1).
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bm25, "MANY", 0)
        places, highest = bm25.nearest("random", ["q"] * 20000, ["d"] * 9, np.random.default_rng(0))
    assert highest.mean(0) == pytest.approx(np.array([6, 7, 8, 9]) / 10, abs=0.005)
    assert np.bincount(places, minlength=9) == pytest.approx(20000 / 9, rel=0.1)
