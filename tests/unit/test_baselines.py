"""Trivial baselines on examples small enough to work out by hand."""

import numpy as np
import pandas as pd
import pytest

from codestilts.baselines import baseline_predictions, bm25
from codestilts.errors import CodeStiltsError
from codestilts.metrics import row_sums


def examples(splits: list[str], **columns: list) -> pd.DataFrame:
    ids = [str(i) for i in range(len(splits))]
    return pd.DataFrame({"id": ids, "language": "python", "split": splits, "cluster": ids, "package": "p", **columns})


def predicted(frame: pd.DataFrame, name: str) -> list[str]:
    return frame.loc[frame["arm"] == f"baseline:{name}", "prediction"].tolist()


def test_bm25_by_hand():
    scores = bm25(["red fox"], ["the red fox", "the red hen", "a dog"])[0]
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
    out = baseline_predictions(frame, "match", {"type": "classification"})
    assert predicted(out, "majority") == ["match", "match"]
    assert predicted(out, "overlap") == ["match", "other"]
    assert set(out["arm"]) == {"baseline:majority", "baseline:random", "baseline:overlap"}
    assert out["id"].tolist()[:2] == ["3", "4"]


def test_single_texts_have_no_overlap_baseline():
    frame = examples(["train", "train", "test"], text_a=["x", "y", "z"], text_b=[""] * 3, label=["a", "b", "a"])
    out = baseline_predictions(frame, "t", {"type": "classification"})
    assert set(out["arm"]) == {"baseline:majority", "baseline:random"}


def test_tags_of_known_forms():
    frame = examples(
        ["train", "train", "test"],
        tokens=[["x", "+", "x"], ["x"], ["x", "+", "new"]],
        tags=[["NAME", "OP", "NAME"], ["NAME"], ["NAME", "OP", "NAME"]],
    )
    out = baseline_predictions(frame, "tags", {"type": "tagging"})
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
    out = baseline_predictions(frame, "param-qa", {"type": "span_qa"})
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
    out = baseline_predictions(frame, "search", {"type": "retrieval"})
    bm = out[out["arm"] == "baseline:bm25"]
    assert bm["prediction"].tolist() == ["0", "1", "2"]
    assert bm["score"].tolist() == [1.0, 1.0, 1.0]


def test_ties_go_against_the_row():
    frame = examples(["test"] * 2, query=["x", "x"], document=["nothing", "shared"])
    out = baseline_predictions(frame, "search", {"type": "retrieval"})
    assert out.loc[out["arm"] == "baseline:bm25", "score"].tolist() == [0.5, 0.5]


def test_mining_predicts_dev_and_test_queries():
    splits = ["dev"] * 3 + ["test"] * 3
    query = ["read file", "unrelated thing", "", "send mail", "something else", ""]
    document = ["readFile now", "", "noise words", "sendMail now", "", "more noise"]
    out = baseline_predictions(
        examples(splits, query=query, document=document),
        "mining",
        {"type": "retrieval", "options": {"protocol": "mining"}},
    )
    bm = out[out["arm"] == "baseline:bm25"]
    assert bm["id"].tolist() == ["0", "1", "3", "4"]
    assert bm["gold"].tolist() == ["0", "", "3", ""]
    sums = row_sums(bm, "mining_f1").sum()
    assert sums["numerator"] / sums["denominator"] == 1.0


def test_an_empty_train_split_is_an_error():
    frame = examples(["test"], text_a=["x"], text_b=[""], label=["a"])
    with pytest.raises(CodeStiltsError, match="target 't': the train split is empty"):
        baseline_predictions(frame, "t", {"type": "classification"})
