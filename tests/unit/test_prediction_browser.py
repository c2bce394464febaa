"""Predictions to browse: which examples are drawn, and what the page gets."""

from pathlib import Path

import pandas as pd
import pytest

from codestilts.config.analysis_settings import SampledTarget, SamplePredictionsSettings
from codestilts.reporting.prediction_browser import browsed_predictions, examples_per_cell, page_data, show_both
from codestilts.reporting.sample_predictions import describe

LABELS = {"none": ["yes", "no", "no"], "cloze": ["yes", "yes", "no"]}  # of the ids 0, 1 and 2 in each language
GOLD = ["yes", "yes", "yes"]


@pytest.fixture
def table(tmp_path: Path) -> pd.DataFrame:
    """Three test rows in each of two languages, a dev row, and the predictions of two seeds and two checkpoints."""
    ids = [(f"{language}{number}", language, number) for language in ("go", "python") for number in range(3)]
    examples = [
        {"id": name, "language": language, "split": "test", "text_a": f"text {name}", "text_b": "", "label": "yes"}
        for name, language, _ in ids
    ]
    examples.append(examples[0] | {"id": "dev", "split": "dev"})
    pd.DataFrame(examples).to_parquet(tmp_path / "match.parquet")
    pd.DataFrame(examples).to_parquet(tmp_path / "pairs.parquet")
    for arm, labels in LABELS.items():
        rows = [
            {"encoder": "tiny", "arm": arm, "target": target, "seed": seed, "checkpoint": checkpoint, "id": name,
             "split": "test", "gold": GOLD[number],
             "prediction": labels[number] if (seed, checkpoint) == (3, "dev") else "another"}
            for target in ("match", "pairs") for seed in (3, 4) for checkpoint in ("dev", "last")
            for name, _, number in ids
        ]  # fmt: skip
        pd.DataFrame(rows).to_parquet(tmp_path / f"{arm}.parquet")
    targets = {"match": SampledTarget("classification"), "pairs": SampledTarget("retrieval", "mining")}
    settings = SamplePredictionsSettings(targets, "python", ())
    examples_of = [tmp_path / "match.parquet", tmp_path / "pairs.parquet"]
    return browsed_predictions(examples_of, [tmp_path / "none.parquet", tmp_path / "cloze.parquet"], settings)


def test_all_arms_answer_the_same_examples_with_the_first_seed_and_checkpoint(table: pd.DataFrame) -> None:
    assert set(table["target"]) == {"match"}, "the answers of mining are pairs out of a whole collection"
    assert table.groupby(["language", "arm"]).size().tolist() == [3] * 4
    for arm, labels in LABELS.items():
        own = table[table["arm"] == arm].set_index("id")["prediction"]
        assert [own[f"go{number}"] for number in range(3)] == labels
    assert table.groupby("arm")["right"].sum().to_dict() == {"none": 2, "cloze": 4}


def test_the_page_gets_each_text_once(table: pd.DataFrame) -> None:
    data = page_data(table)
    assert data["arms"] == ["none", "cloze"] and set(data["cells"]["match"]) == {"go", "python"}
    assert len(data["texts"]) == len(set(data["texts"])) == 6 + 3, "six examples, yes, no, and no question"
    for example in data["cells"]["match"]["go"]:
        question, text, gold = (data["texts"][number] for number in example["texts"])
        assert (question, gold) == ("", "yes") and text.startswith("text go")
        number = int(text[-1])
        answers = [(data["texts"][answer], right, wrong) for answer, right, wrong in example["answers"]]
        assert answers == [(labels[number], labels[number] == "yes", "") for labels in LABELS.values()]


def test_the_browser_names_characters_that_nobody_sees(table: pd.DataFrame) -> None:
    data = page_data(table.head(1).assign(prediction="a\u202eb", text="\0", gold="\u200bc"))
    assert data["texts"] == ["a⟨U+202E⟩b", "", "\u2400", "⟨U+200B⟩c"]


def test_an_arm_without_an_answer_has_none(table: pd.DataFrame) -> None:
    data = page_data(table[(table["arm"] == "none") | (table["id"] != "go0")])
    answers = [example["answers"] for example in data["cells"]["match"]["go"]]
    assert sorted(answer[1] is None for answer in answers) == [False, False, True]


@pytest.mark.parametrize(("cells", "arms", "expected"), [(65, 18, 10), (300, 51, 1), (40, 100, 5), (0, 0, 10)])
def test_large_studies_have_fewer_examples_of_each_cell(cells: int, arms: int, expected: int) -> None:
    """At most 20,000 answers, and at least one example of each cell: 20,000 / (40 × 100) = 5."""
    assert examples_per_cell(cells, arms) == expected


def rows_of(ids: list[str], language: str = "go") -> pd.DataFrame:
    return pd.DataFrame([{"id": name, "language": language} for name in ids])


def answers_of(arm: str, ids: list[str], right: set[str]) -> pd.DataFrame:
    return pd.DataFrame([{"arm": arm, "id": name, "right": name in right} for name in ids])


def test_two_of_ten_examples_show_the_answers_that_the_others_do_not() -> None:
    """Of a the first eight show no right answer, of b no wrong one, of c both; j and l have what is lacking."""
    ids = list("abcdefghijklm")
    arms = [answers_of("a", ids, {"j"}), answers_of("b", ids, set(ids) - {"l"}), answers_of("c", ids, {"a"})]
    shown = show_both(rows_of(ids), pd.concat(arms), 10)
    assert shown["id"].tolist() == [*"abcdefgh", "j", "l"]
    assert shown["language"].unique().tolist() == ["go"]


def test_examples_are_the_first_where_nothing_is_lacking_and_where_few_are_shown() -> None:
    """One of four would be less than one of ten; a cell may have fewer rows than are shown."""
    ids = list("abcdefghijklm")
    all_wrong = answers_of("a", ids, set())
    assert show_both(rows_of(ids), all_wrong, 10)["id"].tolist() == ids[:10]
    assert show_both(rows_of(ids), answers_of("a", ids, {"m"}), 4)["id"].tolist() == ids[:4]
    assert show_both(rows_of(ids[:3]), all_wrong, 10)["id"].tolist() == ids[:3]


def described(
    task_type: str, example: dict[str, object], gold: str, prediction: str, protocol: str = "rank", **more: object
) -> pd.Series:
    examples = pd.DataFrame([{"id": "1", "language": "go", "split": "test", **example}])
    row = {"encoder": "tiny", "arm": "none", "id": "1", "gold": gold, "prediction": prediction, **more}
    return describe(examples, "x", SampledTarget(task_type, protocol), pd.DataFrame([row]), examples).iloc[0]


def test_an_answer_that_is_partly_right_says_how_much() -> None:
    tagged = described("tagging", {"tokens": list("abcdefg")}, "N N N N N N N", "N V V V V V N")
    assert (tagged["right"], tagged["note"]) == (False, "2 of 7 tokens right")
    assert tagged["prediction"] == "b: V for N; c: V for N; d: V for N; 2 more"
    assert tagged["gold"] == "a/N b/N c/N d/N e/N f/N g/N"
    found = described("retrieval", {"query": "q", "document": "d"}, "1", "2", score=0.25)
    assert (found["right"], found["note"]) == (False, "rank 4 of the right document")
    first = described("retrieval", {"query": "q", "document": "d"}, "1", "1", score=1.0)
    assert (first["right"], first["note"], first["prediction"]) == (
        True,
        "rank 1 of the right document",
        "the right document",
    )


@pytest.mark.parametrize(("tokens", "end"), [(12, "l/N"), (13, "l/N … 1 more token"), (15, "l/N … 3 more tokens")])
def test_a_right_answer_of_many_tokens_says_how_many_it_leaves_out(tokens: int, end: str) -> None:
    tags = " ".join(["N"] * tokens)
    gold = described("tagging", {"tokens": list("abcdefghijklmno"[:tokens])}, tags, tags)["gold"]
    assert gold.startswith("a/N b/N") and gold.endswith(end)
