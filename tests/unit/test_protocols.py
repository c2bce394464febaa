"""What published protocols fix beyond training: empty answers, windows, open tag sets, several labels, mining."""

import copy
import itertools

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers.processors import BertProcessing

from codestilts.errors import CodeStiltsError
from codestilts.evaluation.metrics.ranking import nearest_labels
from codestilts.evaluation.metrics.registry import row_sums, value
from codestilts.tasktypes import classification, retrieval, span_qa, tagging
from codestilts.tasktypes.base import IGNORE, Task
from codestilts.training import models


def questions(texts: list[str], **columns) -> pd.DataFrame:
    rows = pd.DataFrame({"context": texts, "question": "where", "id": [f"q{place}" for place in range(len(texts))]})
    return rows.assign(**{"answer_start": 0, "answer_text": "", "language": "english", **columns})


def answered(features, start: dict[int, int], end: dict[int, int], null: dict[int, float]) -> list[torch.Tensor]:
    """Outputs in which window ``w`` likes a span from ``start[w]`` to ``end[w]``, and place 0 with ``null[w]``."""
    outputs = []
    for number, feature in enumerate(features):
        scores = torch.full((1, len(feature["offsets"]), 2), -9.0)
        scores[0, 0] = null.get(number, -9.0)
        if number in start:
            scores[0, start[number], 0], scores[0, end[number], 1] = 5.0, 5.0
        outputs.append(scores)
    return outputs


def test_an_empty_answer_wins_where_place_0_scores_above_the_best_span_in_every_window(tokenizer):
    task = Task.from_settings("qa", tiny.task_settings("span_qa", {"metric": "squad2_f1"}, no_answer=True))
    rows = questions(["the cat sat", "the cat sat"])
    features = tiny.encode_features(rows, tokenizer, task)
    place = [number for number, pair in enumerate(features[0]["offsets"]) if pair[1] >= 0]
    outputs = answered(features, {0: place[1], 1: place[1]}, {0: place[1], 1: place[1]}, {0: 6.0, 1: 4.0})
    found = span_qa.decode(outputs, features, rows, task)
    assert found["prediction"].tolist() == ["", "cat"]
    found = found.assign(id=rows["id"], language="english", answers=[[], []])
    assert value(row_sums(found, "squad2_f1")) == 0.5


def test_a_null_score_is_the_least_of_all_windows(tokenizer):
    task = Task.from_settings("qa", tiny.task_settings("span_qa", {"max_length": 16}, no_answer=True, stride=4))
    rows = questions([" ".join(["the cat sat on a mat"] * 5)])
    features = tiny.encode_features(rows, tokenizer, task)
    assert len(features) > 2
    inside = next(iter(sorted(features[1]["starts"])))
    liked = ({1: inside}, {1: inside})
    low = dict.fromkeys(range(len(features)), 9.0) | {0: 1.0}
    assert span_qa.decode(answered(features, *liked, low), features, rows, task)["prediction"][0] != ""
    high = dict.fromkeys(range(len(features)), 9.0)
    assert span_qa.decode(answered(features, *liked, high), features, rows, task)["prediction"][0] == ""


def test_windows_cover_the_passage_and_each_token_starts_a_span_in_one_of_them(tokenizer):
    task = Task.from_settings("qa", tiny.task_settings("span_qa", {"max_length": 16}, stride=5))
    text = " ".join(["the cat sat on a mat while two dogs ran far away"] * 4)
    rows = questions([text], answer_text="cat", answer_start=4)
    features = tiny.encode_features(rows, tokenizer, task)
    covered = {pair[0] for feature in features for pair in feature["offsets"] if pair[1] >= 0}
    started = [feature["offsets"][place][0] for feature in features for place in feature["starts"]]
    assert sorted(started) == sorted(covered), "each token counts in exactly one window, that with most context"
    for one, other in itertools.pairwise(features):
        assert other["first"] - one["first"] == 5


@pytest.fixture(scope="module")
def bert(tokenizer):
    """The tiny tokenizer with BERT's [CLS] and [SEP] around texts."""
    own = copy.deepcopy(tokenizer)
    ends = ((own.sep_token, own.sep_token_id), (own.cls_token, own.cls_token_id))
    own.model_input_names = ["input_ids", "token_type_ids", "attention_mask"]
    own.backend_tokenizer.post_processor = BertProcessing(*ends)
    return own


def squad_windows(tokenizer, question: int, context: int, **changes):
    """The windows of a question and a context of so many tokens, read as in XTREME: 384 tokens, advancing by 128."""
    task = Task.from_settings("qa", tiny.task_settings("span_qa", {"max_length": 384, **changes}, stride=128))
    rows = questions([" ".join(["cat"] * context)], question=" ".join(["on"] * question))
    return tiny.encode_features(rows.assign(answer_text="cat"), tokenizer, task)


@pytest.mark.parametrize(
    ("question", "context", "starts", "last"),
    [
        (10, 700, [0, 128, 256, 384], 316),  # BERT's pair has three special tokens: 371 are left for the passage
        (64, 700, [0, 128, 256, 384], 316),  # 317 are left: the fourth window ends with the last token but 1 to spare
        (64, 701, [0, 128, 256, 384], 317),  # it ends with the last token
        (64, 702, [0, 128, 256, 384, 512], 190),
        (200, 702, [0, 128, 256, 384, 512], 190),  # a question is cut to 64 tokens
        (10, 371, [0], 371),
        (10, 372, [0, 128], 244),
        (10, 1, [0], 1),
    ],
)
def test_windows_advance_as_in_run_squad(bert, question, context, starts, last):
    features = squad_windows(bert, question, context)
    assert [feature["first"] for feature in features] == starts
    asked = min(question, 64)
    lengths = [len(feature["sequences"][0]["input_ids"]) - asked - 3 for feature in features]
    assert lengths == [384 - 3 - asked] * (len(starts) - 1) + [last]
    (cat,), (on,) = (bert(word, add_special_tokens=False)["input_ids"] for word in ("cat", "on"))
    cls, sep = bert.cls_token_id, bert.sep_token_id
    for feature, length in zip(features, lengths, strict=True):
        (item,) = feature["sequences"]
        assert item["input_ids"].tolist() == [cls, *[on] * asked, sep, *[cat] * length, sep]
        assert item["token_type_ids"].tolist() == [0] * (asked + 2) + [1] * (length + 1)
        begins = feature["first"] * 4  # "cat" and a blank
        assert feature["offsets"][asked + 2].tolist() == [begins, begins + 3]
        answer = (asked + 2, asked + 2) if feature["first"] == 0 else (0, 0)
        assert (feature["start"], feature["end"]) == answer, "a window without the answer points at [CLS]"


def test_tokens_count_in_the_window_with_most_context_around_them(bert):
    # Windows of 371 tokens from 0, 128, 256 and one of 316 from 384. The context of token t is min(t - s, s + 370 - t):
    # equal for two neighbours at t = (2 s + 128 + 370) / 2 = s + 249, where the first wins. Of the last window it is
    # min(t - 384, 699 - t) + 3.16 against min(t - 256, 626 - t) + 3.71, which is more from t = 506 on (122 < 120 is
    # false at 504: 120 + 3.16 < 122 + 3.71; at 505: 121 + 3.16 > 121 + 3.71 is false; at 506: 125.16 > 123.71).
    features = squad_windows(bert, 10, 700)
    counted = [sorted(place - 12 + feature["first"] for place in feature["starts"]) for feature in features]
    assert [(places[0], places[-1]) for places in counted] == [(0, 249), (250, 377), (378, 505), (506, 699)]
    assert sum(map(len, counted)) == 700


@given(st.integers(0, 90), st.integers(1, 150), st.integers(12, 80), st.integers(3, 90))
@settings(max_examples=150)
def test_windows_of_any_lengths_are_those_of_run_squad(bert, question, context, length, stride):
    """By definition: every ``stride`` tokens, as long as there is room, until one holds the last token."""
    asked = min(question, 64, length // 2)
    room = length - 3 - asked
    task = Task.from_settings("qa", tiny.task_settings("span_qa", {"max_length": length}, stride=stride))
    rows = questions([" ".join(["cat"] * context)], question=" ".join(["on"] * question), answer_text="cat")
    features = tiny.encode_features(rows, bert, task)
    starts = [0]
    while starts[-1] + room < context:
        starts.append(starts[-1] + min(stride, room))  # run_squad takes no longer strides: they would skip tokens
    assert [feature["first"] for feature in features] == starts
    best = {}
    for number, start in enumerate(starts):
        size = min(room, context - start)
        for token in range(start, start + size):
            score = min(token - start, start + size - 1 - token) + 0.01 * size
            if token not in best or score > best[token][0]:
                best[token] = (score, number)
    found = {
        place - asked - 2 + feature["first"]: number
        for number, feature in enumerate(features)
        for place in feature["starts"]
    }
    assert found == {token: number for token, (_, number) in best.items()}


def test_a_length_without_room_for_a_passage_is_an_error(bert):
    with pytest.raises(CodeStiltsError, match=r"qa.*max_length 5"):
        squad_windows(bert, 10, 5, max_length=5)


def test_the_span_with_the_highest_scores_of_all_windows_wins(tokenizer):
    task = Task.from_settings("qa", tiny.task_settings("span_qa", {"max_length": 16}, stride=4))
    rows = questions([" ".join(["the cat sat on a mat"] * 5)], answer_text="cat", answer_start=4)
    features = tiny.encode_features(rows, tokenizer, task)
    places = [min(feature["starts"]) for feature in features]
    outputs = answered(features, {0: places[0], 2: places[2]}, {0: places[0], 2: places[2]}, {})
    outputs[2][0, places[2], 0] = 6.0
    (text,) = span_qa.decode(outputs, features, rows, task)["prediction"]
    first, last = features[2]["offsets"][places[2]]
    assert text == rows["context"][0][first:last]


def test_tags_that_are_not_declared_are_those_of_the_train_rows(tokenizer, folder):
    rows = tiny.examples("tagging")
    rows.at[2, "tags"] = ["RARE"] * len(rows.at[2, "tags"])
    assert rows["split"][2] == "dev"
    task = Task.from_settings("ccg", tiny.task_settings("tagging", {"labels": ()}), rows)
    assert task.labels == ("LONG", "SHORT") and task.open_labels
    features = tiny.encode_features(rows, tokenizer, task)
    rare = next(feature for feature in features if feature["example"] == 2)
    assert set(rare["labels"]) <= {IGNORE, tagging.UNKNOWN}
    encoder, _ = models.load_encoder(folder)
    head = models.new_head(task, encoder, tokenizer, None, 0)
    batch = tagging.collate([rare, features[0]], tokenizer)
    assert torch.isfinite(head.loss(head(encoder, batch), batch))
    outputs = [torch.zeros(1, len(feature["labels"]), 2) for feature in features]
    found = tagging.decode(outputs, features, rows, task).assign(id=rows["id"])
    assert len(found["prediction"][2].split()) == len(rows["tags"][2])
    assert row_sums(found, "token_accuracy")["numerator"][2] == 0


def test_an_example_may_have_several_labels(tokenizer, folder):
    rows = tiny.examples("classification", 6)
    rows["label"] = ["animal", "animal|weather", "weather", "animal", "weather", "animal|weather"]
    task = Task.from_settings("topics", tiny.task_settings("classification", multi=True))
    features = tiny.encode_features(rows, tokenizer, task)
    encoder, _ = models.load_encoder(folder)
    head = models.new_head(task, encoder, tokenizer, None, 0)
    batch = classification.collate(features, tokenizer)
    sure = torch.tensor([[9.0, -9.0], [9.0, 9.0], [-9.0, 9.0], [9.0, -9.0], [-9.0, 9.0], [9.0, 9.0]])
    assert head.loss(sure, batch) < 1e-3 < head.loss(-sure, batch)
    found = classification.decode([sure], features, rows, task).assign(id=rows["id"])
    assert found["prediction"].tolist() == rows["label"].tolist() and value(row_sums(found, "micro_f1")) == 1.0


def test_mining_takes_each_text_once_from_the_highest_margin_down():
    rows = pd.DataFrame(
        {
            "id": ["a", "b", "c"],
            "query": ["x", "y", ""],
            "document": ["x", "", "z"],
            "cluster": ["a", "b", "c"],
            "language": "c",
            "split": "test",
        }
    )
    task = Task.from_settings("mining", tiny.task_settings("retrieval", protocol="mining"))
    near, far = np.array([1.0, 0.0]), np.array([0.6, 0.8])
    unit = torch.tensor(np.array([[near, near], [near * 0.9 + far * 0.1, far], [far, -near]]), dtype=torch.float32)
    unit = torch.nn.functional.normalize(unit, dim=-1)
    features = [{"cluster": number} for number in range(3)]
    found = retrieval.decode([unit], features, rows, task)
    pairs = dict(zip(rows["id"], found["prediction"], strict=True))
    assert pairs["a"] == "a" and pairs["b"] in ("c", ""), (
        "both queries are nearest to one document, which is taken once"
    )
    assert found["gold"].tolist()[:2] == ["a", ""]


def test_programs_of_one_problem_are_found_among_all():
    rows = pd.DataFrame(
        {
            "id": list("abcd"),
            "query": "x",
            "document": "",
            "cluster": ["p", "p", "q", "q"],
            "language": "c",
            "split": "dev",
        }
    )
    task = Task.from_settings("poj104", tiny.task_settings("retrieval", {"metric": "map_at_r"}, protocol="map"))
    one, two = [1.0, 0.0], [0.0, 1.0]
    vectors = torch.tensor([[one, one], [one, one], [two, two], [[0.8, 0.6], two]])
    found = retrieval.decode([vectors], [{}] * 4, rows, task)
    assert found["score"].tolist() == [1.0, 1.0, 1.0, 0.0], "the last one is nearer to the other problem"
    assert found["prediction"].tolist() == ["p", "p", "q", "p"] and found["gold"].tolist() == ["p", "p", "q", "q"]


def test_of_programs_that_are_equally_near_one_of_another_problem_is_first():
    labels = np.array(["p", "p", "q"])
    similarity = np.array([[9.0, 1.0, 1.0], [2.0, 9.0, 1.0]])  # to itself 9, which does not count
    assert nearest_labels(similarity, labels).tolist() == ["q", "p"]
    assert nearest_labels(similarity[:1, [1, 0, 2]], labels, first=1).tolist() == ["q"]
