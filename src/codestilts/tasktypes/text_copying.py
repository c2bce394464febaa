"""Tokens of the input as a source of the output: a pointer beside the scores of the vocabulary.

The probability of a token is a mixture (See et al. 2017, arXiv 1704.04368, section 2.2): that of the decoder's own
scores, and the attention to the places of the input where the token stands. New cross-attention needs far more steps
than a quick head has to learn to repeat a name; a pointer can from the start. It prefers the place after one with the
last token of the output, as the induction heads of language models do (Olsson et al. 2022, arXiv 2209.11895).
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CONTINUATION = 3.0  # at first: e^3 times as much attention to a place after the last token of the output
SMALLEST = 1e-30  # a probability that has a logarithm


class Inputs(NamedTuple):
    """The tokens of inputs that outputs may copy, each of shape [outputs, input tokens] and more.

    Attributes:
        tokens: the tokens.
        before: the token before each, -1 for the first.
        never: which are never copied.
        keys: what outputs attend to, shape [outputs, hidden, input tokens].
    """

    tokens: Tensor
    before: Tensor
    never: Tensor
    keys: Tensor


class Copies(NamedTuple):
    """What next tokens are copied from.

    Attributes:
        own: probability that the decoder's own scores say the token, shape [..., 1].
        attention: to the tokens of the input, shape [..., input tokens].
        tokens: these tokens, which broadcast to the shape of ``attention``.
    """

    own: Tensor
    attention: Tensor
    tokens: Tensor

    def at(self, index: Any) -> "Copies":
        """Return those of some of the next tokens."""
        return Copies(self.own[index], self.attention[index], self.tokens.expand_as(self.attention)[index])

    def split(self, size: int) -> list["Copies"]:
        """Return parts of up to ``size`` next tokens."""
        return [Copies(*part) for part in zip(*(values.split(size) for values in self), strict=True)]

    def mixed(self, probabilities: Tensor) -> Tensor:
        """Change the probabilities by the decoder's own scores, shape [tokens, vocabulary], to the mixture."""
        return probabilities.mul_(self.own).scatter_add_(1, self.tokens, (1 - self.own) * self.attention)

    def losses(self, losses: Tensor, gold: Tensor) -> Tensor:
        """Return the cross entropy of each token, shape [tokens], from that of the decoder's own scores."""
        copied = (self.attention * (self.tokens == gold[:, None])).sum(1)
        own = self.own.squeeze(1)
        return -(own * (-losses).exp() + (1 - own) * copied).clamp(min=SMALLEST).log()


class Pointer(nn.Module):
    """Attention of an output's tokens to those of the input, and the choice between both sources."""

    def __init__(self, width: int, hidden: int, special: list[int]) -> None:
        """Make a new pointer.

        Args:
            width: of the decoder's states.
            hidden: of the encoder's states.
            special: tokens that are never copied.
        """
        super().__init__()
        self.query, self.key = nn.Linear(width, hidden), nn.Linear(hidden, hidden, bias=False)
        self.gate = nn.Linear(width, 1)
        self.continuation = nn.Parameter(torch.tensor(CONTINUATION))
        self.register_buffer("special", torch.tensor(special, dtype=torch.int64), persistent=False)

    def inputs(self, memory: Tensor, tokens: Tensor, mask: Tensor) -> Inputs:
        """Prepare inputs.

        Args:
            memory: the encoder's states of the inputs' tokens, shape [outputs, input tokens, hidden].
            tokens: the tokens, shape [outputs, input tokens].
            mask: which of them are real, the same shape.
        """
        before = F.pad(tokens[:, :-1], (1, 0), value=-1)
        never = torch.isin(tokens, self.special) | (mask == 0)  # type: ignore[arg-type]
        keys = self.key(memory) * memory.shape[-1] ** -0.5
        return Inputs(tokens, before, never, keys.transpose(1, 2))

    def forward(self, states: Tensor, last: Tensor, inputs: Inputs) -> Copies:
        """Find what the next tokens are copied from.

        Args:
            states: of the decoder, shape [outputs, tokens, width].
            last: the token before each next one, shape [outputs, tokens].
            inputs: what may be copied.
        """
        scores = (self.query(states) @ inputs.keys).float()
        scores = scores + self.continuation * (inputs.before[:, None] == last[:, :, None])
        attention = scores.masked_fill(inputs.never[:, None], torch.finfo(scores.dtype).min).softmax(-1)
        own = self.gate(states).float().sigmoid()
        nothing = inputs.never.all(-1)[:, None, None]  # without it, attention to padding would be copied
        return Copies(own.masked_fill(nothing, 1.0), attention.masked_fill(nothing, 0.0), inputs.tokens[:, None])
