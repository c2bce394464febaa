"""States computed without padding are those that the encoder computes for each sequence alone."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.attention import varlen
from transformers import AutoConfig, AutoModel

from codestilts.tasktypes import token_states as module
from codestilts.tasktypes.base import Batch, collate_sequences
from codestilts.tasktypes.sequence_layout import GROUP_COST, group_sequences, layout_of
from codestilts.tasktypes.token_states import UNPADDED, UNPADDED_TYPES, pooled_states, token_states
from codestilts.training import models  # noqa: F401  (registers the attention function)

PAD, MASK = 1, 3
LENGTHS = [7, 1, 12, 3, 12, 5, 9]


def encoder_of(model_type: str, implementation: str) -> nn.Module:
    """A small encoder with random weights, the same for each implementation."""
    config = AutoConfig.for_model(
        model_type,
        vocab_size=60,
        hidden_size=16,
        num_hidden_layers=3,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=32,
        pad_token_id=PAD,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    torch.manual_seed(0)
    model = AutoModel.from_config(config)
    model.config._attn_implementation = implementation
    return model


def batch_of(lengths: list[int], types: bool = False) -> Batch:
    rng = np.random.default_rng(0)
    sequences: list[Any] = [{"input_ids": rng.integers(4, 60, size)} for size in lengths]
    if types:
        for sequence in sequences:
            sequence["token_type_ids"] = np.arange(len(sequence["input_ids"])) % 2
    return collate_sequences([{"sequences": [item], "tokens": len(item["input_ids"])} for item in sequences], PAD)


def alone(encoder: nn.Module, batch: Batch, layer: int) -> list[torch.Tensor]:
    """The states of each sequence when nothing else is in the batch."""
    names = [name for name in ("input_ids", "token_type_ids") if name in batch]
    found = []
    for row, size in enumerate(batch["lengths"].tolist()):
        inputs = {name: batch[name][row : row + 1, :size] for name in names}
        found.append(encoder(**inputs, output_hidden_states=True).hidden_states[layer][0])
    return found


@pytest.mark.parametrize("implementation", [UNPADDED, "sdpa"])
@pytest.mark.parametrize("model_type", sorted(UNPADDED_TYPES))
@pytest.mark.parametrize("lengths", [LENGTHS, [6, 6, 6], [4]])
def test_states_are_those_of_each_sequence_alone(model_type: str, implementation: str, lengths: list[int]) -> None:
    batch = batch_of(lengths, types=model_type == "bert")
    encoder = encoder_of(model_type, implementation)
    reference = encoder_of(model_type, "eager")
    found = token_states(encoder, batch, (1, -1))
    for layer, states in zip((1, -1), found.layers, strict=True):
        expected = torch.cat(alone(reference, batch, layer))
        torch.testing.assert_close(states, expected, atol=1e-5, rtol=1e-5)
    [last] = token_states(encoder, batch).layers
    torch.testing.assert_close(last, found.last)


@pytest.mark.parametrize("implementation", [UNPADDED, "sdpa"])
def test_gradients_are_those_of_each_sequence_alone(implementation: str) -> None:
    batch = batch_of(LENGTHS)
    encoder, reference = encoder_of("roberta", implementation), encoder_of("roberta", "eager")
    weights = torch.randn(sum(LENGTHS), 16)
    (token_states(encoder, batch).last * weights).sum().backward()
    (torch.cat(alone(reference, batch, -1)) * weights).sum().backward()
    for (name, value), expected in zip(encoder.named_parameters(), reference.parameters(), strict=True):
        if expected.grad is not None:
            torch.testing.assert_close(value.grad, expected.grad, atol=1e-4, rtol=1e-4, msg=name)


def test_a_padding_token_within_a_text_has_the_position_the_model_gives_it() -> None:
    batch = batch_of([6, 4])
    batch["input_ids"][0, 2] = PAD
    encoder, reference = encoder_of("xlm-roberta", UNPADDED), encoder_of("xlm-roberta", "eager")
    expected = reference(input_ids=batch["input_ids"][:1, :6], attention_mask=torch.ones(1, 6)).last_hidden_state[0]
    torch.testing.assert_close(token_states(encoder, batch).last[:6], expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("implementation", [UNPADDED, "sdpa"])
def test_pooling(implementation: str) -> None:
    batch = batch_of(LENGTHS)
    batch["input_ids"][2, [4, 8]] = MASK  # only the first mask of a text counts
    encoder = encoder_of("bert", implementation)
    states = alone(encoder_of("bert", "eager"), batch, -1)
    means = [state.mean(0) for state in states]
    expected = {
        "mean": (means, {}),
        "first": ([state[0] for state in states], {"first": True}),
        "mask": ([states[row][4] if row == 2 else mean for row, mean in enumerate(means)], {"mask_id": MASK}),
    }
    for rows, options in expected.values():
        found = pooled_states(encoder, batch, **options)
        torch.testing.assert_close(found, torch.stack(rows), atol=1e-5, rtol=1e-5)
    several = pooled_states(encoder, batch, (0, -1))
    torch.testing.assert_close(several[:, 1], torch.stack(means), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("implementation", [UNPADDED, "sdpa"])
@pytest.mark.parametrize("empty", [0, 3, 6])
def test_a_text_without_tokens_has_a_mean_of_zero(implementation: str, empty: int) -> None:
    lengths = [*LENGTHS[:empty], 0, *LENGTHS[empty + 1 :]]
    batch = batch_of(lengths)
    encoder = encoder_of("bert", implementation)
    found = pooled_states(encoder, batch)
    assert (found[empty] == 0).all() and torch.isfinite(found).all()
    states = token_states(encoder, batch)
    assert torch.isfinite(states.first(states.last)).all()
    found.sum().backward()
    assert all(torch.isfinite(value.grad).all() for value in encoder.parameters() if value.grad is not None)


@pytest.mark.parametrize("implementation", [UNPADDED, "sdpa"])
@pytest.mark.parametrize("lengths", [[0], [0, 0], [0, 3], [3, 0, 0, 2]])
def test_a_text_without_tokens_has_no_state_of_another(implementation: str, lengths: list[int]) -> None:
    encoder, batch = encoder_of("bert", implementation), batch_of(lengths)
    for options in ({}, {"first": True}, {"mask_id": MASK}, {"layers": (0, -1)}):
        found = pooled_states(encoder, batch, **options)
        assert [bool(state.any()) for state in found] == [size > 0 for size in lengths]


def test_padding_puts_values_of_tokens_into_the_rows_of_their_sequences() -> None:
    states = token_states(encoder_of("bert", UNPADDED), batch_of([2, 3]))
    values = torch.arange(5.0).unsqueeze(1)
    assert states.padded(values, -1).squeeze(-1).tolist() == [[0, 1, -1], [2, 3, 4]]
    weights = torch.tensor([0, 1, 1, 0, 1])
    assert states.mean(values, weights).squeeze(-1).tolist() == [1, 3]


def test_groups_pad_less_until_another_costs_more_than_it_saves() -> None:
    lengths = np.array([10] * 20 + [100] * 20)
    [short, long] = group_sequences(lengths, hidden=GROUP_COST // 100)  # a group costs 100 tokens, the padding 1,800
    assert sorted(short) == list(range(20)) and sorted(long) == list(range(20, 40))
    assert len(group_sequences(lengths, hidden=GROUP_COST // 2000)) == 1  # a group costs 2,000 tokens
    layout = layout_of(batch_of([5, 5]), 16)
    assert layout.pad is None and layout.groups[0].bias is None  # equal lengths: nothing is moved


def test_on_a_gpu_attention_takes_the_bounds_of_sequences(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel's interface, against attention of each sequence alone."""
    calls = []

    def by_bounds(query: Any, key: Any, value: Any, starts: Any, ends: Any, most: int, _: int, scale: float) -> Any:
        calls.append((starts.dtype, most))
        parts = [part.split(starts.diff().tolist()) for part in (query, key, value)]
        return torch.cat(
            [
                F.scaled_dot_product_attention(*(part.transpose(0, 1) for part in three), scale=scale).transpose(0, 1)
                for three in zip(*parts, strict=True)
            ]
        )

    batch, encoder = batch_of(LENGTHS), encoder_of("roberta", UNPADDED)
    expected = token_states(encoder, batch).last
    monkeypatch.setattr(varlen, "varlen_attn", by_bounds)
    monkeypatch.setattr(module, "has_kernel", lambda states, dropout: True)
    torch.testing.assert_close(token_states(encoder, batch).last, expected, atol=1e-5, rtol=1e-5)
    assert calls == [(torch.int32, 12)] * 3
