"""The scripts of intermediate and target training on a GPU, against a CPU: a random encoder and made-up rows."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import tiny
import torch
from random_encoders import encoder_folder

from codestilts.config.settings_json import to_json

ROOT = Path(__file__).parents[2]
CHOSEN = {
    "source_language": "python",
    "selection": ("last",),
    "seeds": (0, 1),
    "dropout": 0.0,
    "steps": 12,
    "learning_rate": 1e-4,
}


def run(script: str, *options: object) -> None:
    """Run a script as a job does."""
    command = [sys.executable, ROOT / f"scripts/{script}.py", *options]
    found = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    assert found.returncode == 0, found.stderr


def both_phases(encoder: Path, home: Path, gpus: int, precision: str = "bf16") -> tuple[pd.DataFrame, dict]:
    """Train an encoder on tags, then on classes; the predictions and a record of target training."""
    home.mkdir()
    for kind in ("tagging", "classification"):
        tiny.examples(kind, 200).to_parquet(home / f"{kind}.parquet", index=False)
    encoded = {kind: tiny.encode(encoder, home, kind) for kind in ("tagging", "classification")}
    common = CHOSEN | {"arm": "tagging", "precision": precision}
    for kind, options in (
        ("tagging", ["train_intermediate", "--out", home / "intermediate"]),
        ("classification", ["train_target", "--parent", home / "intermediate", "--out", home / "target",
                            "--predictions", home / "predictions.parquet"]),
    ):  # fmt: skip
        phase = {"phase": "intermediate"} if kind == "tagging" else {"phase": "target", "target": kind}
        settings = tiny.settings({kind: tiny.task_settings(kind)}, **common | phase)
        run(options[0], "--encoder", encoder, "--encoded", encoded[kind], "--settings", to_json(settings),
            "--gpus", gpus, *options[1:])  # fmt: skip
    record = json.loads((home / "target/0/run.json").read_text())
    return pd.read_parquet(home / "predictions.parquet"), record


def test_both_phases_on_a_gpu_have_the_predictions_of_a_cpu(folder, tokenizer, tmp_path):
    encoder = encoder_folder("six layers", folder, tokenizer.pad_token_id, tmp_path)
    ours, record = both_phases(encoder, tmp_path / "gpu", 1)
    other, _ = both_phases(encoder, tmp_path / "cpu", 0, "fp32")
    assert record["gpus"] == 1 and torch.cuda.get_device_name() in json.dumps(record)
    assert (ours["prediction"] == other["prediction"]).mean() > 0.9


def test_two_gpus_train_one_model(folder, tokenizer, tmp_path):
    if torch.cuda.device_count() < 2:
        pytest.skip("this machine has one GPU")
    encoder = encoder_folder("six layers", folder, tokenizer.pad_token_id, tmp_path)
    (two, record), (one, _) = (both_phases(encoder, tmp_path / str(gpus), gpus, "fp32") for gpus in (2, 1))
    assert record["gpus"] == 2
    assert (two["prediction"] == one["prediction"]).mean() > 0.98
