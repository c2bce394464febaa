"""Tasks are encoded a chunk at a time, once for each tokenizer; loading one tokenises nothing."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tiny
from test_tasktypes import assert_same

from codestilts.config.training_settings import EncodingSettings
from codestilts.errors import CodeStiltsError
from codestilts.tasktypes.registry import TYPES
from codestilts.training import encode
from codestilts.training.encode import EncodingJob, encode_task, tokenizer_digest
from codestilts.training.inputs import EncodedTask
from codestilts.training.tokenizers import load_tokenizer

SNAKEMAKE_TIME = ".snakemake_timestamp"  # in every folder that is an output: Snakemake takes its time from there


def job(encoder: Path, home: Path, kind: str, name: str = "tiny") -> EncodingJob:
    chosen = tiny.task_settings(kind)
    labels = () if kind == "tagging" else chosen.labels  # those of the train rows
    settings = EncodingSettings(chosen.type, labels, chosen.max_length, chosen.options)
    return EncodingJob(settings, encoder, home / f"{kind}.parquet", home / "encoded" / name / kind)


@pytest.fixture(params=TYPES)
def kind(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    rows = tiny.examples(request.param, 40)
    rows["split"] = ["train", "dev", "test", "test"] * 10
    if request.param == "classification":  # no second text in some chunks, and in a part of others
        rows.loc[::3, "text_b"] = ""
        rows.loc[rows.index < 16, "text_b"] = ""
    rows["language"] = ["python", "go"] * 20
    rows.to_parquet(tmp_path / f"{request.param}.parquet", index=False, row_group_size=9)
    return str(request.param)


def test_chunks_are_encoded_as_the_whole_table_is(
    kind: str, folder: Path, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encode, "ROWS_PER_CHUNK", 7)
    encode_task(job(folder, tmp_path, kind))
    settings = tiny.task_settings(kind, {"labels": ()} if kind == "tagging" else None)
    table = pd.read_parquet(tmp_path / f"{kind}.parquet")
    whole = tiny.encoded_task(kind, table, settings, tokenizer)
    monkeypatch.setattr(type(tokenizer), "__call__", None)  # loading and reading tokenise nothing but span_qa's frame
    if kind == "span_qa":
        monkeypatch.undo()
    found = EncodedTask.load(tmp_path / "encoded/tiny" / kind, settings, tokenizer)
    assert found.task == whole.task
    for split in ("train", "dev", "test"):
        assert len(found.features[split]) == len(whole.features[split]) > 0
        for one, other in zip(found.features[split], whole.features[split], strict=True):
            assert_same(one, other)
    for splits, language in ((["dev"], "python"), (["dev", "test"], ""), (["test"], "go"), (["dev"], "c")):
        part, wanted = found.select(splits, language), whole.select(splits, language)
        rows = table[table["split"].isin(splits) & ((table["language"] == language) | (not language))]
        assert part.table["id"].tolist() == wanted.table["id"].tolist() == rows["id"].tolist()
        for one, other in zip(part.features, wanted.features, strict=True):
            assert_same(one, other)
        numbers = [feature["example"] for feature in part.features]
        assert numbers == sorted(numbers) and set(numbers) == set(range(len(rows)))


def test_an_encoder_with_the_same_tokenizer_links_to_the_files(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.examples("classification").to_parquet(tmp_path / "classification.parquet", index=False)
    encode_task(job(folder, tmp_path, "classification"))
    time = tmp_path / "encoded/tiny/classification" / SNAKEMAKE_TIME
    time.touch()
    other = Path(shutil.copytree(folder, tmp_path / "other", symlinks=True))
    config = json.loads((other / "tokenizer_config.json").read_text())
    (other / "tokenizer_config.json").write_text(json.dumps({**config, "name_or_path": "larger"}))
    with monkeypatch.context() as patch:
        patch.setattr(encode, "_encode", None)  # nothing is tokenised again
        encode_task(job(other, tmp_path, "classification", "large"))
    files = [tmp_path / "encoded" / name / "classification/rows.parquet" for name in ("tiny", "large")]
    assert files[0].samefile(files[1])
    assert not files[1].with_name(SNAKEMAKE_TIME).exists(), "the other's folder is not younger for it"
    shutil.rmtree(files[0].parent)
    assert len(pd.read_parquet(files[1])), "either folder may be deleted"
    for key, value in (("truncation_side", "left"), ("split_special_tokens", True)):
        (other / "tokenizer_config.json").write_text(json.dumps({**config, key: value}))
        assert tokenizer_digest(load_tokenizer(other)) != tokenizer_digest(load_tokenizer(folder)), key
    tokens = json.loads((other / "tokenizer.json").read_text())
    tokens["normalizer"] = {"type": "Lowercase"}
    (other / "tokenizer.json").write_text(json.dumps(tokens))
    assert tokenizer_digest(load_tokenizer(other)) != tokenizer_digest(load_tokenizer(folder))
    encode_task(job(other, tmp_path, "classification", "lower"))
    digests = [
        json.loads((tmp_path / "encoded" / name / "classification/encoded.json").read_text())["tokenizer"]
        for name in ("large", "lower")
    ]
    assert digests[0] != digests[1]


def test_a_failed_encoding_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    rows = tiny.examples("classification")
    rows.loc[len(rows) - 1, "label"] = "unheard-of"
    rows.to_parquet(tmp_path / "classification.parquet", index=False)
    with pytest.raises(Exception, match="unheard-of"):
        encode_task(job(folder, tmp_path, "classification"))
    assert list((tmp_path / "encoded/tiny").iterdir()) == []


@pytest.mark.parametrize("missing", ["test/data-*.arrow", "train/data-*.arrow", "dev"])
def test_missing_examples_are_named(missing: str, kind: str, folder: Path, tokenizer: Any, tmp_path: Path) -> None:
    encode_task(job(folder, tmp_path, kind))
    home = tmp_path / "encoded/tiny" / kind
    [path] = home.glob(missing)
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    split = missing.partition("/")[0]
    number = json.loads((home / "encoded.json").read_text())["records"][split]
    with pytest.raises(CodeStiltsError, match=rf"{kind}/{split}: 0 encoded examples, not the {number} .*: delete"):
        EncodedTask.load(home, tiny.task_settings(kind), tokenizer)


def test_a_text_without_a_second_one_is_encoded_alone_whatever_other_rows_have(folder: Path, tokenizer: Any) -> None:
    task = tiny.task("classification")
    rows = tiny.examples("classification", 3)
    rows["text_b"] = ["", "second", ""]
    features = TYPES["classification"].encode(rows, tokenizer, task)
    for feature, first, second in zip(features, rows["text_a"], rows["text_b"], strict=True):
        expected = tokenizer(first, second or None)["input_ids"]
        assert feature["sequences"][0]["input_ids"].tolist() == expected


def test_features_are_read_in_place(folder: Path, tokenizer: Any, tmp_path: Path) -> None:
    tiny.examples("classification").to_parquet(tmp_path / "classification.parquet", index=False)
    encode_task(job(folder, tmp_path, "classification"))
    loaded = EncodedTask.load(tmp_path / "encoded/tiny/classification", tiny.task_settings("classification"), tokenizer)
    ids = loaded.features["train"][0]["sequences"][0]["input_ids"]
    assert isinstance(ids, np.ndarray) and not ids.flags.owndata and not ids.flags.writeable
