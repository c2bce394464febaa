"""One clustering over all sets: near-duplicates are found across sets, left out of training, or flagged."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import synthetic
import tiny
from audited import audited, clustered, in_files
from test_encode import job

from codestilts.config.analysis_settings import ComparedArm
from codestilts.errors import CodeStiltsError
from codestilts.evaluation.leakage import violations, with_leaks
from codestilts.examples import text_clusters as module
from codestilts.examples.text_clusters import words
from codestilts.tasktypes.records import Stored
from codestilts.training.encode import encode_task, left_out

ADD = "def add_all(numbers, start):\n    total = start\n    for number in numbers:\n        total = total + number\n"
ADD += (
    "    print('the total of all numbers is', total)\n    if total > limit:\n        raise ValueError(total, limit)\n"
)
ADD += "    mean = total / len(numbers)\n    print('and their mean is', mean)\n    return total, mean\n"
# The same function, written as tokens and in another naming style, with a comment.
ADD_TOKENS = " ".join(words(ADD.replace("add_all", "addAll"))) + " # done"
SORT = (
    "public static void sort(int[] values) { for (int i = 0; i < values.length; i++) { swap(values, i, least(i)); } }"
)


def rows(source: str, split: str, texts: list[str], column: str = "text_a", **more: Any) -> pd.DataFrame:
    """Examples whose ids and clusters are named by their source, as those of the hub's sets are."""
    names = [f"{source}:{split}:{place}" for place in range(len(texts))]
    common = {"id": names, "language": "python", "split": split, "cluster": names, "package": source}
    return pd.DataFrame({**common, column: texts, **more})


HUB = rows("hub-set", "train", [ADD_TOKENS, SORT, "x = 1"])
PACKAGES = pd.concat([rows("package", "train", [SORT]), rows("package", "test", [ADD, "y = 2"])], ignore_index=True)


def test_near_duplicates_are_found_across_sets_that_name_their_clusters_differently() -> None:
    found = clustered({"hub": HUB, "target": PACKAGES}, ["target"])
    assert found[["task", "split", "row"]].to_numpy().tolist() == [["hub", "train", 0], ["target", "test", 1]]
    assert found["cluster"].nunique() == 1
    (row,) = audited({"hub": HUB}, {"target": PACKAGES}).to_dict("records")
    assert row["source_clusters"] == row["functions"] == row["copies"] == row["shared_texts"] == 0
    assert row["clusters"] == row["remaining"] == 0.5  # one of the two tested examples
    (row,) = audited({"hub": HUB}, {"target": PACKAGES}, {"hub": np.array(left_out(found, "hub"))}).to_dict("records")
    assert (row["clusters"], row["left_out"], row["remaining"]) == (0.5, 1, 0)
    assert violations(pd.DataFrame([row])) == []


def test_the_similarity_is_the_shared_part_of_the_shingles() -> None:
    first, second = words(ADD), words(ADD_TOKENS)
    sets = [{tuple(text[place : place + 5]) for place in range(len(text))} for text in (first, second)]
    similarity = len(sets[0] & sets[1]) / len(sets[0] | sets[1])
    assert 0.8 < similarity < 0.95
    assert len(clustered({"hub": HUB, "target": PACKAGES}, ["target"], 0.99)) == 0


def test_only_texts_that_are_both_trained_on_and_tested_count() -> None:
    assert len(clustered({"hub": HUB, "other": PACKAGES}, [])) == 0  # a dev set of no target is not tested
    both = {"hub": HUB, "target": rows("package", "train", [ADD])}
    assert len(clustered(both, ["target"])) == 0
    own = pd.concat([rows("package", split, [ADD]) for split in ("dev", "test")], ignore_index=True)
    (row,) = audited({}, {"target": own}).to_dict("records")
    assert (row["split"], row["clusters"], row["left_out"]) == ("dev", 1, 0)


def test_every_longer_text_of_an_example_counts_and_short_ones_only_as_a_whole() -> None:
    pairs = rows("pairs", "train", [SORT, "Tom ran."], text_b=[ADD, "Nobody knew where."])
    tested = rows("asked", "test", ["Which?", "Tom ran."], "question", context=[ADD, "Nobody knew why."])
    found = clustered({"pairs": pairs, "target": tested}, ["target"])
    assert found[["task", "row"]].to_numpy().tolist() == [["pairs", 0], ["target", 0]]
    whole = rows("asked", "test", ["Nobody knew where."], "question", context=["tom RAN."])
    found = clustered({"pairs": pairs, "target": whole}, ["target"])
    assert found[["task", "row"]].to_numpy().tolist() == [["pairs", 1], ["target", 0]]


def test_words_are_those_of_any_spacing_and_naming_style() -> None:
    assert words("addAll(x_1,  y)") == words("add_all ( x1, y )") == ["addall", "(", "x1", ",", "y", ")"]
    assert words("数字 ab") == ["数", "字", "ab"]


def test_files_are_read_a_part_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = in_files({"hub": pd.concat([HUB] * 3, ignore_index=True), "target": PACKAGES}, tmp_path)
    whole = module.text_clusters(files, ["target"], 0.8)
    monkeypatch.setattr(module, "ROWS_PER_CHUNK", 2)
    found = module.text_clusters(files, ["target"], 0.8)
    pd.testing.assert_frame_equal(found, whole)
    assert left_out(found, "hub") == [0, 3, 6]


def test_training_leaves_out_what_is_in_the_clusters(folder: Path, tmp_path: Path) -> None:
    table = tiny.examples("classification")
    table.to_parquet(tmp_path / "classification.parquet", index=False)
    plain = job(folder, tmp_path, "classification", "plain")
    encode_task(plain)
    train, dev = (np.flatnonzero(table["split"] == split) for split in ("train", "dev"))
    out = [int(train[1]), int(train[4])]
    shared = pd.DataFrame({"task": "classification", "row": [*out, int(dev[0])], "cluster": 0})
    shared["split"] = ["train", "train", "dev"]
    shared.to_parquet(tmp_path / "clusters.parquet", index=False)
    encode_task(type(plain)(plain.settings, folder, plain.examples, plain.out.parent.parent / "less/classification",
                            tmp_path / "clusters.parquet"))  # fmt: skip
    whole, less = (Stored(tmp_path / "encoded" / name / "classification/train") for name in ("plain", "less"))
    kept = [row for row in range(len(whole)) if row not in (1, 4)]
    assert len(less) == len(kept) == len(whole) - 2
    for one, other in zip((whole[row] for row in kept), less, strict=True):
        assert one["sequences"][0]["input_ids"].tolist() == other["sequences"][0]["input_ids"].tolist()
    rows_of = [
        pd.read_parquet(tmp_path / "encoded" / name / "classification/rows.parquet") for name in ("plain", "less")
    ]
    pd.testing.assert_frame_equal(*rows_of)  # dev and test sets are never reduced
    assert out == pd.read_json(tmp_path / "encoded/less/classification/encoded.json", typ="series")["left_out"]


def test_a_training_set_of_which_nothing_is_left_is_an_error(folder: Path, tmp_path: Path) -> None:
    table = tiny.examples("classification")
    table.to_parquet(tmp_path / "classification.parquet", index=False)
    train = np.flatnonzero(table["split"] == "train")
    shared = pd.DataFrame({"task": "classification", "row": train, "cluster": 0, "split": "train"})
    shared.to_parquet(tmp_path / "clusters.parquet", index=False)
    plain = job(folder, tmp_path, "classification")
    with pytest.raises(CodeStiltsError, match="every training example is a near-duplicate of a tested one"):
        encode_task(type(plain)(plain.settings, folder, plain.examples, plain.out, tmp_path / "clusters.parquet"))


def test_pairs_that_share_too_much_are_flagged() -> None:
    table = audited({"hub": HUB}, {"match": PACKAGES})
    arms = {"hub": ComparedArm("code", tasks=("hub",)), "none": ComparedArm("baseline")}
    settings = synthetic.with_arms({})
    for share, expected in ((0.49, ("match",)), (0.5, ())):
        chosen = type(settings)(**{**vars(settings), "arms": arms, "flagged_share": share})
        assert {name: arm.overlaps for name, arm in with_leaks(chosen, table).arms.items()} == {
            "hub": expected,
            "none": (),
        }
