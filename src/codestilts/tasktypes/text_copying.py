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
SMALLEST = 1e-30  # a probability whose logarithm still is a number


class Copies(NamedTuple):
    """What next tokens are copied from.

    Attributes:
        gate: logit of the probability that the decoder's own scores say the token, shape [...].
        attention: to the tokens of the input, shape [..., input tokens].
        tokens: these tokens, which broadcast to the shape of ``attention``.
    """

    gate: Tensor
    attention: Tensor
    tokens: Tensor

    def of(self, token: Tensor) -> Tensor:
        """Return the probability that each token, shape [...], is copied."""
        return (self.attention * (self.tokens == token.unsqueeze(-1))).sum(-1)

    def at(self, index: Any) -> "Copies":
        """Return those of some of the next tokens."""
        return Copies(self.gate[index], self.attention[index], self.tokens.expand_as(self.attention)[index])

    def split(self, size: int) -> list["Copies"]:
        """Return parts of up to ``size`` next tokens."""
        return [Copies(*part) for part in zip(*(values.split(size) for values in self), strict=True)]

    def add_to(self, probabilities: Tensor) -> Tensor:
        """Return the mixture with the probabilities by the decoder's own scores, shape [tokens, vocabulary]."""
        own = self.gate.sigmoid()[:, None]
        return (own * probabilities).scatter_add(1, self.tokens, (1 - own) * self.attention)

    def mix(self, log_probability: Tensor, token: Tensor) -> Tensor:
        """Return the log probability of tokens from that by the decoder's own scores, all of shape [...]."""
        copied = self.of(token).clamp(min=SMALLEST).log()
        return torch.logaddexp(F.logsigmoid(self.gate) + log_probability, F.logsigmoid(-self.gate) + copied)


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

    def keys(self, memory: Tensor) -> Tensor:
        """Project the states of the inputs' tokens, shape [outputs, input tokens, hidden]."""
        return self.key(memory)

    def forward(self, states: Tensor, last: Tensor, keys: Tensor, tokens: Tensor, mask: Tensor) -> Copies:
        """Find what the next tokens are copied from.

        Args:
            states: of the decoder, shape [outputs, tokens, width].
            last: the token before each next one, shape [outputs, tokens].
            keys: :meth:`keys` of the inputs, shape [outputs, input tokens, hidden].
            tokens: the inputs, shape [outputs, input tokens].
            mask: which of them are real, the same shape.
        """
        scores = self.query(states) @ keys.transpose(1, 2) * keys.shape[-1] ** -0.5
        before = F.pad(tokens[:, :-1], (1, 0), value=-1)
        scores = scores.float() + self.continuation * (before[:, None] == last[:, :, None])
        never = torch.isin(tokens, self.special) | (mask == 0)  # type: ignore[arg-type]
        attention = scores.masked_fill(never[:, None], torch.finfo(scores.dtype).min).softmax(-1)
        return Copies(self.gate(states).squeeze(-1).float(), attention, tokens[:, None])
