"""What precision does to a run; torch's gradient scaler works on a CPU too, so what fp16 needs is tried with it."""

from pathlib import Path

import pytest
import tiny
import torch
from tiny import train, weights

from codestilts.config.training_jobs import retrieval_settings, target_settings
from codestilts.config.validation import load_study, read_configs
from codestilts.training import optimisation
from codestilts.training.precision import allow_tf32, autocast, gradient_scaler

ROOT = Path(__file__).parents[2]
CPU = torch.device("cpu")


@pytest.fixture
def scaled(monkeypatch):
    """Runs scale their gradients, at first so much that they overflow."""
    made = []

    def scaler(device, precision):
        made.append(torch.amp.GradScaler("cpu", init_scale=2.0**127, growth_interval=1000))
        return made[-1]

    monkeypatch.setattr(optimisation, "gradient_scaler", scaler)
    return made


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_cpu_computes_in_fp32(folder, tokenizer, precision):
    assert not autocast(CPU, precision)._enabled
    assert not gradient_scaler(CPU, precision).is_enabled()
    plain, other = (weights(train(folder, tokenizer, precision=name)) for name in ("fp32", precision))
    assert torch.equal(plain, other)


def test_a_gpu_computes_in_what_the_study_says(monkeypatch):
    made = {}
    monkeypatch.setattr(torch, "autocast", lambda device, dtype, enabled: made.update({dtype: enabled}))
    for precision in ("bf16", "fp16"):
        autocast(torch.device("cuda"), precision)
    assert made == {torch.bfloat16: True, torch.float16: True}


def test_steps_whose_gradients_overflow_are_skipped_and_no_error(folder, tokenizer, scaled):
    trained = train(folder, tokenizer, steps=60, evaluations=1)
    skipped = torch.log2(torch.tensor(2.0**127 / scaled[0].get_scale()))
    assert 0 < skipped < 40 and len(trained.curve) == 60
    assert trained.curve["loss"].tail(5).mean() < trained.curve["loss"].head(5).mean()


def test_scaled_gradients_are_those_that_are_clipped_and_applied(folder, tokenizer, scaled, monkeypatch):
    monkeypatch.setattr(optimisation, "gradient_scaler", lambda *_: torch.amp.GradScaler("cpu", init_scale=1024.0))
    found = weights(train(folder, tokenizer))
    monkeypatch.undo()
    assert torch.allclose(found, weights(train(folder, tokenizer)), atol=1e-6)


def test_a_checkpoint_has_the_scale(folder, tokenizer, scaled, tmp_path):
    whole = train(folder, tokenizer, steps=60)
    with tiny.killed_after(50):
        train(folder, tokenizer, checkpoint=tmp_path / "state", steps=60)
    rest = train(folder, tokenizer, checkpoint=tmp_path / "state", steps=60)
    assert torch.equal(weights(whole), weights(rest))
    assert scaled[2].get_scale() == scaled[0].get_scale() < 2.0**127


@pytest.mark.parametrize("allowed", [True, False])
def test_tf32_is_said_to_all_libraries(allowed):
    allow_tf32(allowed)
    assert torch.backends.cuda.matmul.allow_tf32 is torch.backends.cudnn.allow_tf32 is allowed
    allow_tf32(False)


def test_jobs_are_told_the_precision():
    study = load_study(read_configs([ROOT / "config.yaml"]), ROOT)
    study.config.target.precision, study.config.target.tf32 = "fp16", True
    (encoder, arm, task), *_ = study.runs
    seeds = next(iter(study.batches))
    for settings in (target_settings(study, encoder, arm, task, seeds), retrieval_settings(study, encoder, arm, seeds)):
        assert (settings.precision, settings.tf32) == ("fp16", True)
