"""The encoder's states of the real tokens of a batch, computed without padding.

Except for attention, an encoder computes each token separately. The tokens of a batch are therefore concatenated as
one sequence, and only :func:`attention` sees where sequences begin: on a GPU by a kernel that takes their bounds, on a
CPU padded in groups of similar length. Encoders whose code does not pass this on to its attention (those not in
:data:`UNPADDED_TYPES`) compute padded groups instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from codestilts.config.encoder_limits import OFFSET_POSITIONS
from codestilts.tasktypes.base import Batch, encoder_inputs
from codestilts.tasktypes.sequence_layout import Group, Layout, group_sequences, layout_of

UNPADDED = "codestilts_unpadded"  # the name under which transformers knows :func:`attention`
# Model types whose attention gets what the model is called with, and whose positions can be given.
UNPADDED_TYPES = frozenset({"bert", "roberta", "xlm-roberta", "xlm-roberta-xl", "camembert", "roberta-prelayernorm"})


class _Pad(torch.autograd.Function):
    """Rows at ``pad``. Gradients of padding are 0, so going back takes the real rows alone, without adding."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, pad: Tensor, unpad: Tensor) -> Tensor:
        ctx.save_for_backward(unpad)
        return values.index_select(0, pad)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (unpad,) = ctx.saved_tensors
        return gradients[0].index_select(0, unpad), None, None


class _Unpad(torch.autograd.Function):
    """Rows at ``unpad``; the gradients of all other rows are 0."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, unpad: Tensor) -> Tensor:
        ctx.save_for_backward(unpad)
        ctx.rows = len(values)
        return values.index_select(0, unpad)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (unpad,) = ctx.saved_tensors
        padded = gradients[0].new_zeros(ctx.rows, *gradients[0].shape[1:])
        return padded.index_copy_(0, unpad, gradients[0]), None


def attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    *,
    layout: Layout,
    dropout: float = 0.0,
    scaling: float | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Self-attention within each sequence, in the signature that transformers gives its attention functions.

    Args:
        module: the attention layer (unused).
        query: states of shape [1, heads, tokens, width].
        key: the same shape.
        value: the same shape.
        attention_mask: None.
        layout: the sequences.
        dropout: the probability of dropping an attention weight.
        scaling: the factor of the scores.

    Returns:
        States of shape [1, tokens, heads, width], and None for the weights.
    """
    states = [part[0].transpose(0, 1) for part in (query, key, value)]
    if has_kernel(states[0], dropout):
        from torch.nn.attention import varlen  # takes more than a second to import

        most = int(layout.lengths.max())
        kernel: Any = varlen.varlen_attn
        return kernel(*states, layout.starts, layout.starts, most, most, scale=scaling).unsqueeze(0), None
    heads = states[0].shape[1]
    rows = [part.reshape(len(part), -1) for part in states]
    if layout.pad is not None and layout.unpad is not None:
        rows = [_Pad.apply(part, layout.pad, layout.unpad) for part in rows]
    sizes = [group.sequences * group.length for group in layout.groups]
    parts = zip(*(part.split(sizes) for part in rows), strict=True) if len(sizes) > 1 else [rows]
    found = [
        _group_attention(group, list(part), heads, dropout, scaling)
        for group, part in zip(layout.groups, parts, strict=True)
    ]
    out = torch.cat(found) if len(found) > 1 else found[0]
    if layout.unpad is not None:
        out = _Unpad.apply(out, layout.unpad)
    return out.view(1, len(out), heads, -1), None


def has_kernel(states: Tensor, dropout: float) -> bool:
    """Whether torch has attention by bounds of sequences for these states: on a GPU, in half precision."""
    return states.is_cuda and states.dtype in (torch.float16, torch.bfloat16) and not dropout


def _group_attention(group: Group, rows: Sequence[Tensor], heads: int, dropout: float, scaling: float | None) -> Tensor:
    """Attention of a group: three tensors of shape [padded tokens, heads x width] -> the same shape."""
    query, key, value = (part.view(group.sequences, group.length, heads, -1).transpose(1, 2) for part in rows)
    bias = None if group.bias is None else group.bias.to(query.dtype)
    if query.dtype == torch.bfloat16 and not query.is_cuda:
        # On a CPU the backward pass of torch's own attention takes 43 % of a training step in bf16.
        scores = query @ key.transpose(-1, -2) * (scaling or query.shape[-1] ** -0.5)
        weights = (scores if bias is None else scores + bias).softmax(-1, dtype=torch.float32).to(query.dtype)
        out = F.dropout(weights, dropout) @ value
        return out.transpose(1, 2).reshape(group.sequences * group.length, -1)
    out = F.scaled_dot_product_attention(query, key, value, attn_mask=bias, dropout_p=dropout, scale=scaling)
    return out.transpose(1, 2).reshape(group.sequences * group.length, -1)


@dataclass(frozen=True)
class TokenStates:
    """The states of the real tokens of a batch, end to end, of one or several blocks, each [tokens, hidden]."""

    layers: list[Tensor]
    layout: Layout

    @property
    def last(self) -> Tensor:
        """The states of the last of the blocks."""
        return self.layers[-1]

    def padded(self, values: Tensor, fill: float = 0.0) -> Tensor:
        """Pad values of tokens: [tokens, width] -> [sequences, most tokens, width]."""
        sequences, length = self.layout.shape
        grid = values.new_full((sequences * length, values.shape[1]), fill)
        return grid.index_copy(0, self.layout.in_grid, values).view(sequences, length, -1)

    def mean(self, states: Tensor, weights: Tensor | None = None) -> Tensor:
        """Average over each sequence's tokens, or over those of weight 1: [tokens, hidden] -> [sequences, hidden]."""
        counts = self.layout.starts.diff().to(states.dtype)
        if weights is not None:
            counts = torch.zeros_like(counts).index_add(0, self.layout.sequence, weights.to(states.dtype))
            states = states * weights.unsqueeze(-1).to(states.dtype)
        total = states.new_zeros(len(counts), states.shape[1]).index_add(0, self.layout.sequence, states)
        return total / counts.clamp(min=1).unsqueeze(-1)

    def first(self, states: Tensor) -> Tensor:
        """Return the state of each sequence's first token: [tokens, hidden] -> [sequences, hidden]."""
        found = self._at(states, self.layout.starts[:-1])
        return found * (self.layout.starts.diff() > 0).unsqueeze(1)  # not the next sequence's where there is no token

    def at_mask(self, states: Tensor, batch: Batch, mask_id: int) -> Tensor:
        """Return the state of the first mask token where a text has one (cloze), else the mean over its tokens."""
        is_mask = batch["input_ids"] == mask_id
        column = is_mask.to(torch.int8).argmax(1)
        found = self._at(states, self.layout.starts[:-1] + column)
        return torch.where(is_mask.any(1, keepdim=True), found, self.mean(states))

    def _at(self, states: Tensor, positions: Tensor) -> Tensor:
        """States at positions, of which those of an empty sequence may be one too far; zeros if there is no token."""
        if not len(states):
            return states.new_zeros(len(positions), states.shape[1])
        return states[positions.clamp(max=len(states) - 1)]


def token_states(encoder: nn.Module, batch: Batch, layers: Sequence[int] = (-1,)) -> TokenStates:
    """Encode a batch.

    Args:
        encoder: the encoder.
        batch: its inputs (:func:`codestilts.tasktypes.base.collate_sequences`).
        layers: the blocks whose states are returned; -1 is the last, 0 the embeddings.
    """
    config: Any = encoder.config
    layout = layout_of(batch, config.hidden_size)
    if not layout.lengths.any():  # texts without a token, of a tokenizer that adds none
        empty = next(encoder.parameters()).new_zeros(0, config.hidden_size)
        return TokenStates([empty for _ in layers], layout)
    if config.is_encoder_decoder:
        encoder = encoder.get_encoder()  # type: ignore[operator]
    if config._attn_implementation != UNPADDED:
        return TokenStates(_padded_states(encoder, batch, layers, layout), layout)
    inputs = {
        name: values.flatten()[layout.in_grid].unsqueeze(0)
        for name, values in encoder_inputs(batch).items()
        if name != "attention_mask"
    }
    positions = _positions(batch["input_ids"], config).flatten()[layout.in_grid].unsqueeze(0)
    states = _forward(encoder, layers, position_ids=positions, layout=layout, **inputs)
    return TokenStates([state[0] for state in states], layout)


def _forward(encoder: nn.Module, layers: Sequence[int], **inputs: Any) -> list[Tensor]:
    """Return the outputs of blocks; their states are only kept where others than the last are asked for."""
    if tuple(layers) == (-1,):
        return [encoder(**inputs).last_hidden_state]
    states = encoder(**inputs, output_hidden_states=True).hidden_states
    return [states[layer] for layer in layers]


def first_position(config: Any) -> int:
    """Return the position id of the first token of a text."""
    return config.pad_token_id + 1 if config.model_type in OFFSET_POSITIONS else 0


def _positions(input_ids: Tensor, config: Any) -> Tensor:
    """Return the position ids of a padded batch as the model itself would count them."""
    if config.model_type not in OFFSET_POSITIONS:
        return torch.arange(input_ids.shape[1], device=input_ids.device).expand_as(input_ids)
    real = (input_ids != config.pad_token_id).long()
    return real.cumsum(1) * real + config.pad_token_id


def _padded_states(encoder: nn.Module, batch: Batch, layers: Sequence[int], layout: Layout) -> list[Tensor]:
    """Encode sequences of similar length together, each group cut to the longest among them."""
    found: list[list[Tensor]] = []
    order: list[np.ndarray] = []
    starts = layout.starts.tolist()
    for rows in group_sequences(layout.lengths, encoder.config.hidden_size):  # type: ignore[union-attr, arg-type]
        length = max(1, int(layout.lengths[rows].max()))
        real = torch.from_numpy(np.flatnonzero(np.arange(length) < layout.lengths[rows][:, None]))
        group = {name: values[torch.from_numpy(rows), :length] for name, values in encoder_inputs(batch).items()}
        states = _forward(encoder, layers, **group)
        found.append([state.flatten(0, 1)[real.to(state.device)] for state in states])
        order += [np.arange(starts[row], starts[row + 1]) for row in rows]
    back = torch.from_numpy(np.argsort(np.concatenate(order))).to(found[0][0].device)
    return [torch.cat(parts)[back] for parts in zip(*found, strict=True)]


def pooled_states(
    encoder: nn.Module, batch: Batch, layers: Sequence[int] = (-1,), mask_id: int | None = None, first: bool = False
) -> Tensor:
    """Return one state per sequence.

    Args:
        encoder: the encoder.
        batch: its inputs.
        layers: the blocks whose states are pooled.
        mask_id: pool as :meth:`TokenStates.at_mask` does; without it, average over the tokens.
        first: take the state of the first token instead, unless the encoder was pretrained with a decoder: T5 has no
            token that stands for a text, and the mean serves better (Ni et al. 2022, arXiv 2108.08877).

    Returns:
        States of shape [sequences, hidden], or [sequences, layers, hidden] for several blocks.
    """
    states = token_states(encoder, batch, layers)
    if first and not encoder.config.is_encoder_decoder:  # type: ignore[union-attr]
        pooled = [states.first(layer) for layer in states.layers]
    elif mask_id is None:
        pooled = [states.mean(layer) for layer in states.layers]
    else:
        pooled = [states.at_mask(layer, batch, mask_id) for layer in states.layers]
    return pooled[0] if len(pooled) == 1 else torch.stack(pooled, 1)
