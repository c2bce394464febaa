"""Losses and gradients on a GPU, in each precision, against fp32 on a CPU; attention without padding too."""

import numpy as np
import pytest
import tiny
import torch
from torch import nn

from codestilts.tasktypes.base import LENGTHS, move_batch
from codestilts.tasktypes.registry import TYPES, task_type
from codestilts.tasktypes.sequence_layout import layout_of
from codestilts.tasktypes.token_states import attention, has_kernel
from codestilts.training import models
from codestilts.training.microbatches import backward
from codestilts.training.models import TaskModel
from codestilts.training.precision import allow_tf32, gradient_scaler

# The relative rounding of a product's factors, times 8 for two layers, a head and the way back.
TOLERANCE = {"fp32": 1e-4, "tf32": 8 * 2**-11, "fp16": 8 * 2**-11, "bf16": 8 * 2**-8}


def loss_and_gradient(folder, tokenizer, kind: str, device: torch.device, precision: str) -> tuple[float, torch.Tensor]:
    task = tiny.task(kind)
    features = tiny.encode_features(tiny.examples(kind), tokenizer, task)[:13]
    batch = move_batch(task_type(kind).collate(features, tokenizer, np.random.default_rng(0)), device)
    encoder, mlm_head = models.load_encoder(folder, dropout=0.0, mlm=kind == "mlm")
    head = models.new_head(task, encoder, tokenizer, mlm_head, seed=0)
    both = nn.ModuleList([encoder, head]).train().to(device)
    scaler = gradient_scaler(device, precision)
    loss = backward(TaskModel(encoder, head, task, tokenizer, precision), batch, 1, 0, scaler)
    assert loss is not None
    scale = scaler.get_scale() if scaler.is_enabled() else 1.0
    values = [value.grad.flatten().float().cpu() / scale for value in both.parameters() if value.grad is not None]
    return float(loss), torch.cat(values)


@pytest.mark.parametrize("precision", TOLERANCE)
@pytest.mark.parametrize("kind", TYPES)
def test_losses_and_gradients_are_those_of_a_cpu(kind, precision, folder, tokenizer, gpu):
    if precision == "bf16" and not torch.cuda.is_bf16_supported(including_emulation=False):
        pytest.skip("this GPU has no bf16")
    loss, gradient = loss_and_gradient(folder, tokenizer, kind, torch.device("cpu"), "fp32")
    allow_tf32(precision == "tf32")
    found, other = loss_and_gradient(folder, tokenizer, kind, gpu, "fp32" if precision == "tf32" else precision)
    assert found == pytest.approx(loss, rel=TOLERANCE[precision])
    assert torch.linalg.norm(other - gradient) / torch.linalg.norm(gradient) < 4 * TOLERANCE[precision]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_attention_by_bounds_is_that_of_each_sequence(dtype, gpu):
    lengths, heads, width = [5, 1, 64, 17, 33], 4, 32
    rng = np.random.default_rng(0)
    states = [
        torch.tensor(rng.normal(size=(1, heads, sum(lengths), width)), dtype=dtype, device=gpu, requires_grad=True)
        for _ in range(3)
    ]
    assert has_kernel(states[0][0].transpose(0, 1), 0.0)
    batch = {LENGTHS: torch.tensor(lengths), "input_ids": torch.zeros(len(lengths), max(lengths), device=gpu)}
    layout = layout_of(batch, heads * width)
    out, _ = attention(nn.Module(), *states, None, scaling=width**-0.5, layout=layout)
    wanted, start = [], 0
    for length in lengths:
        query, key, value = (part[0, :, start : start + length].double() for part in states)
        weights = (query @ key.transpose(-1, -2) * width**-0.5).softmax(-1)
        wanted.append((weights @ value).transpose(0, 1))
        start += length
    assert torch.allclose(out[0].double(), torch.cat(wanted), atol=4 * torch.finfo(dtype).eps, rtol=0)
    out.float().square().sum().backward()
    found = [part.grad.double() for part in states]
    for part in states:
        part.grad = None
    torch.cat(wanted).square().sum().backward()
    for mine, part in zip(found, states, strict=True):
        assert torch.linalg.norm(mine - part.grad) < 8 * torch.finfo(dtype).eps * torch.linalg.norm(part.grad)
