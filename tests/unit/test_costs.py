"""What a training job costs, in counts that do not depend on a clock."""

import json
import subprocess
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import tiny
import torch

from codestilts.config.training_settings import TuningSettings
from codestilts.tasktypes.records import Stored, store
from codestilts.tasktypes.registry import task_type
from codestilts.tasktypes.sequence_layout import group_sequences, layout_of
from codestilts.training import loop, models
from codestilts.training.frozen_retrieval import RetrievalJob, predict_targets
from codestilts.training.seed_jobs import TuningJob, train_seeds, try_learning_rates

HEAVY = ("datasets", "torch.nn.attention.varlen", "peft", "matplotlib", "snakemake", "sklearn", "tree_sitter")


@pytest.mark.parametrize("kind", ["classification", "multiple_choice", "tagging", "span_qa", "retrieval", "mlm"])
def test_a_step_is_one_pass_of_the_encoder_over_its_real_tokens(
    kind: str, folder: Path, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = tiny.inputs(tokenizer, (kind,), steps=4, evaluations=1)
    passes: list[int] = []
    load = models.load_encoder

    def counted(*arguments: Any, **options: Any) -> Any:
        encoder, head = load(*arguments, **options)
        encoder.register_forward_pre_hook(
            lambda module, _, given: passes.append(given["input_ids"].numel()) if module.training else None,
            with_kwargs=True,
        )
        return encoder, head

    monkeypatch.setattr(models, "load_encoder", counted)
    trained = loop.train(inputs, 0, folder)
    assert passes == trained.curve["tokens"].tolist()


def test_training_trials_and_predictions_tokenise_nothing(
    folder: Path, tokenizer: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny.examples("classification").to_parquet(tmp_path / "classification.parquet", index=False)
    tiny.examples("retrieval").to_parquet(tmp_path / "retrieval.parquet", index=False)
    training, searched = tiny.target_job(folder, tmp_path, steps=4), tiny.encode(folder, tmp_path, "retrieval")
    trials = TuningJob(
        TuningSettings(replace(training.settings, seeds=(0,)), (1e-3, 1e-2)),
        folder,
        training.encoded,
        tmp_path / "trials.json",
    )
    retrieval = RetrievalJob(
        tiny.retrieval_settings({"retrieval": tiny.task_settings("retrieval")}),
        encoder=folder,
        parent=None,
        predictions={searched: tmp_path / "found.parquet"},
        record=tmp_path / "found.json",
        sweep=tmp_path / "layers.csv",
    )
    monkeypatch.setattr(type(tokenizer), "_encode_plus", None)  # which every way of tokenising calls
    with pytest.raises(TypeError):
        tokenizer("cat")
    train_seeds(training)
    try_learning_rates(trials)
    predict_targets(retrieval, torch.device("cpu"))
    rows = [len(pd.read_parquet(path)) for path in (training.predictions or tmp_path, tmp_path / "found.parquet")]
    assert rows == [20, 10], "10 test rows of 40, and two seeds in training"
    assert [trial["error"] for trial in json.loads(trials.out.read_text())] == [None, None]


def test_encoded_records_are_mapped_and_not_read(tmp_path: Path) -> None:
    """1,000 records of 1,000 tokens of four bytes: no copy of them is allocated, by Arrow or by numpy."""
    ids = np.arange(1000, dtype=np.int32)
    chunk = [{"sequences": [{"input_ids": ids}], "tokens": 1000}] * 100
    store([chunk] * 10, tmp_path / "train")
    assert sum(path.stat().st_size for path in tmp_path.glob("train/*.arrow")) > 4_000_000
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    try:
        stored = Stored(tmp_path / "train")
        total = sum(int(record["sequences"][0]["input_ids"][-1]) for record in stored)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert total == 999_000 and stored.tokens().sum() == 1_000_000
    assert pa.total_allocated_bytes() - before < 40_000 and most < 400_000


def test_padding_of_a_batch_by_hand(tokenizer: Any) -> None:
    """Searches and documents of some words and two special tokens: 6, 6, 6, 10, and 22, 22, 22, 18.

    All padded to the longest are 8 x 22 = 176 positions; two groups 4 x 10 + 4 x 22 = 128, of which 112 are tokens. A
    group costs 128 x 128 / 768 = 21.3 positions, so four groups (2 x 6 + 2 x 10 + 2 x 22 + 2 x 22 = 120) cost more.
    """
    rows = tiny.examples("retrieval", 4)
    rows["query"] = [" ".join(tiny.WORDS[:count]) for count in (4, 4, 4, 8)]
    rows["document"] = [" ".join((tiny.WORDS * 2)[-count:]) for count in (20, 20, 20, 16)]
    features = tiny.encode_features(rows, tokenizer, tiny.task("retrieval"))
    batch = task_type("retrieval").collate(list(features), tokenizer, np.random.default_rng(0))
    layout = layout_of(batch, hidden=768)
    assert sorted(layout.lengths.tolist()) == [6, 6, 6, 10, 18, 22, 22, 22] and layout.shape == (8, 22)
    assert [(group.sequences, group.length) for group in layout.groups] == [(4, 10), (4, 22)]
    assert layout.pad is not None and len(layout.pad) == 128 and len(layout.in_grid) == 112


def test_groups_of_attention_pad_little() -> None:
    """Descriptions beside functions: padded to the longest of all, there would be 1.9 positions per token."""
    rng = np.random.default_rng(0)
    lengths = np.concatenate([rng.integers(6, 24, 40), rng.integers(24, 64, 40)])
    assert 80 * lengths.max() / lengths.sum() > 1.85
    padded = sum(len(rows) * lengths[rows].max() for rows in group_sequences(lengths, hidden=128))
    assert padded / lengths.sum() < 1.25


def test_a_training_job_imports_only_what_it_uses() -> None:
    code = f"import codestilts.training.seed_jobs, sys; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_imports_are_not_searched_for_garbage() -> None:
    """They make about 430,000 objects, so 4 collections at a threshold of 100,000; Python's own threshold is 700."""
    code = """
import gc
from codestilts.errors import run
collections = []
gc.callbacks.append(lambda phase, info: collections.append(phase) if phase == "start" else None)
run(lambda: __import__("codestilts.training.seed_jobs"))
print(len(collections), gc.get_freeze_count())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    collections, left_out_at_exit = map(int, done.stdout.split())
    assert collections < 40 and left_out_at_exit > 100_000
