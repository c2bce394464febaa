"""The precision that a device computes in, and what bf16 does to states and gradients on a CPU."""

from typing import Any

import pytest
import tiny
import torch

from codestilts.training import precision
from codestilts.training.precision import autocast, precision_record, supported

PRECISIONS = ("precision", "requested_precision")
CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("device", "asked", "units", "expected"),
    [
        (CPU, "fp32", ["amx_bf16"], "fp32"),
        (CPU, "bf16", ["amx_bf16"], "bf16"),
        (CPU, "bf16", ["avx512_bf16"], "bf16"),
        (CPU, "bf16", [], "fp32"),
        (CPU, "fp16", ["amx_bf16"], "fp32"),
        (GPU, "bf16", ["cuda"], "bf16"),
        (GPU, "bf16", [], "fp32"),
        (GPU, "fp16", [], "fp16"),
        (GPU, "fp32", [], "fp32"),
    ],
)
def test_a_device_computes_in_bf16_if_it_has_units_for_it(
    device: torch.device, asked: str, units: list[str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: dict.fromkeys(units, True))
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation: "cuda" in units)
    assert supported(device, asked) == expected
    assert precision_record(device, asked) == {"precision": expected, "requested_precision": asked}


def test_a_run_says_what_it_was_computed_in(folder: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", dict)
    plain = tiny.train(folder, tokenizer)
    without = tiny.train(folder, tokenizer, precision="bf16")
    computed, requested = ([run.record[name] for run in (plain, without)] for name in PRECISIONS)
    assert computed == ["fp32", "fp32"] and requested == ["fp32", "bf16"]
    assert torch.equal(tiny.weights(plain), tiny.weights(without))


def test_bf16_on_a_cpu_is_fp32_up_to_its_rounding(folder: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Products in bf16 work on every CPU, if slowly."""
    monkeypatch.setattr(precision, "supported", lambda device, asked: asked)
    for kind in ("classification", "tagging", "span_qa", "retrieval", "multiple_choice", "mlm"):
        plain, rounded = (
            tiny.train(folder, tokenizer, (kind,), precision=name, steps=3, dropout=0.0) for name in ("fp32", "bf16")
        )
        assert rounded.record["precision"] == "bf16"
        losses = [found.curve["loss"].to_numpy() for found in (plain, rounded)]
        assert losses[0] == pytest.approx(losses[1], rel=0.05), kind
        assert not (losses[0] == losses[1]).all(), "bf16 has 8 bits of precision"
    with autocast(CPU, "bf16"):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16
