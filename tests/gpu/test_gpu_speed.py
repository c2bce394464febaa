"""How much of a GPU's peak training uses, against what ``make plan`` assumes."""

import time

import numpy as np
import pytest
import tiny
import torch
from measures import Measures
from random_encoders import config_of
from torch import nn
from transformers import AutoModel

from codestilts.tasktypes.base import move_batch, pin_batch
from codestilts.tasktypes.registry import task_type
from codestilts.tasktypes.token_states import UNPADDED
from codestilts.training import models
from codestilts.training.microbatches import backward
from codestilts.training.models import TaskModel
from codestilts.training.precision import gradient_scaler
from codestilts.workflow.architectures import parse_architecture
from codestilts.workflow.device_speed import GPUS, UTILISATION

STEPS, LENGTHS = 8, (32, 257)  # tokens of the sequences, as those of natural language inference and of functions
# Tokens of a step and dropout: what a GPU can reach, and how the lab and paper studies train. With dropout, attention
# is over padded groups, because torch's kernel for sequences of different lengths has none.
WORK = [("XLM-R Base", 32_768, 0.0), ("XLM-R Large", 16_384, 0.0)]
WORK += [("XLM-R Base", 4_096, 0.1), ("XLM-R Large", 4_096, 0.1)]


@pytest.mark.parametrize(("shape", "tokens", "dropout"), WORK)
def test_utilisation(shape: str, tokens: int, dropout: float, tokenizer, gpu: torch.device, measures: Measures) -> None:
    """One training in bf16: collating, forward, backward and update, with sequences of mixed lengths."""
    name = torch.cuda.get_device_name(gpu)
    peak = next((card.fp16 for key, card in GPUS.items() if key in name.replace(" ", "")), None)
    if peak is None:
        pytest.skip(f"the peak of {name} is unknown: add it to workflow/device_speed.py")
    torch.manual_seed(0)
    config = config_of(shape, tokenizer.pad_token_id, dropout)
    encoder = AutoModel.from_config(config).to(gpu).train()
    encoder.config._attn_implementation = UNPADDED
    task = tiny.task("classification")
    head = models.new_head(task, encoder, tokenizer, None, 0, dropout).to(gpu)
    values = [*encoder.parameters(), *head.parameters()]
    adamw, scaler = torch.optim.AdamW(values, lr=1e-5, fused=True), gradient_scaler(gpu, "bf16")
    model, rng = TaskModel(encoder, head, task, tokenizer, "bf16"), np.random.default_rng(0)
    batches: list[list[dict]] = []
    for _ in range(STEPS):
        rows, left = [], tokens
        while (size := int(rng.integers(*LENGTHS))) <= left:
            sequence = {"input_ids": rng.integers(5, len(tokenizer), size)}
            rows.append({"sequences": [sequence], "tokens": size, "label": len(rows) % 2})
            left -= size
        batches.append(rows)

    def step(item: int) -> None:
        batch = move_batch(pin_batch(task_type("classification").collate(batches[item], tokenizer)), gpu)
        backward(model, batch, 1, 0, scaler)
        nn.utils.clip_grad_norm_(values, 1.0)
        adamw.step()
        adamw.zero_grad(set_to_none=True)

    def round_of_steps() -> float:
        torch.cuda.synchronize()
        start = time.perf_counter()
        for item in range(STEPS):
            step(item)
        torch.cuda.synchronize()
        return time.perf_counter() - start

    seconds = np.array([round_of_steps() for _ in range(5)])[1:]  # the first round warms up
    architecture = parse_architecture(config.to_json_string(use_diff=False).encode(), shape)
    lengths = np.array([row["tokens"] for rows in batches for row in rows])
    flops = 3 * sum(float(size) * architecture.forward_flops(float(size)) for size in lengths)
    label = f"{shape}, {tokens:,} tokens a step, dropout {dropout:g}, bf16, {name}"
    measures.add(f"training, {label}", lengths.sum() / seconds, "tokens/s")
    measures.add(f"utilisation, {label}", flops / seconds / peak, "of the peak", f"{UTILISATION}")
    assert (flops / seconds / peak).max() > UTILISATION, "the planner assumes more than is reached"
