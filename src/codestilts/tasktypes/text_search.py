"""Greedy and beam search of outputs, token by token, deterministic on a CPU."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from codestilts.tasktypes.text_copying import Copies

# Scores of the next token are computed for this many hypotheses at a time: 128 MB for the largest vocabulary, XLM-R's.
HYPOTHESES_AT_ONCE = 128


class Best(NamedTuple):
    """The most probable next tokens of hypotheses, the most probable first, each [hypotheses, count]."""

    log_probability: Tensor
    token: Tensor


@dataclass(frozen=True)
class Search:
    """How outputs are searched.

    Attributes:
        start: the token before the first one.
        end: the token that ends an output.
        longest: the maximum number of tokens, the end included.
        beams: the hypotheses that are kept for each output; 1 is greedy search.
        first: the token that outputs have to begin with, if any (the code of a language).
    """

    start: int
    end: int
    longest: int
    beams: int = 1
    first: int | None = None


Scorer = Callable[[Tensor, int], Best]
Reorder = Callable[[Tensor], None]


def best_tokens(states: Tensor, table: Tensor, bias: Tensor, count: int, copies: Copies | None = None) -> Best:
    """Return the ``count`` most probable tokens after each state, which may be copied if there are ``copies``."""
    parts = states.split(HYPOTHESES_AT_ONCE)
    sources = copies.split(HYPOTHESES_AT_ONCE) if copies else [None] * len(parts)
    found = [_best_tokens(part, table, bias, count, source) for part, source in zip(parts, sources, strict=True)]
    return Best(torch.cat([part.log_probability for part in found]), torch.cat([part.token for part in found]))


def _best_tokens(states: Tensor, table: Tensor, bias: Tensor, count: int, copies: Copies | None) -> Best:
    scores = F.linear(states, table, bias).float()
    if copies is None:
        values, tokens = _largest(scores, count)
        return Best(values - scores.logsumexp(1, keepdim=True), tokens)
    values, tokens = _largest(copies.mixed(scores.softmax(1)), count)
    return Best(values.log(), tokens)


def _largest(values: Tensor, count: int) -> tuple[Tensor, Tensor]:
    if count == 1:
        return values.max(dim=1, keepdim=True)  # several times faster than topk
    return values.topk(min(count, values.shape[1]), dim=1)


def search(
    outputs: int, settings: Search, score: Scorer, reorder: Reorder, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Find the most probable outputs.

    Of each output, the ``beams`` most probable unfinished hypotheses go on. The end token or the length limit finishes
    one. Of the finished ones, that with the highest mean log probability of a token wins (Wu et al. 2016, arXiv
    1609.08144, section 7, divide by a power of the length too). The search for an output stops when it has as many
    finished hypotheses as beams.

    Args:
        outputs: the number of outputs.
        settings: how they are searched.
        score: from the last tokens of all hypotheses, shape [outputs x beams], and a count, to their next tokens.
        reorder: called with the hypothesis that each one continues, shape [outputs x beams].
        device: where tokens are.

    Returns:
        The tokens of each output without the start, shape [outputs, longest], -1 after the end, and their mean log
        probability, shape [outputs].
    """
    run = _Run(outputs, settings, device)
    # Each hypothesis can end in one way only, so twice as many tokens leave enough that do not end.
    count = 1 if settings.beams == 1 else 2 * settings.beams
    for position in range(settings.longest):
        found = score(run.last, count)
        if position == 0 and settings.first is not None:
            found = Best(torch.zeros_like(found.log_probability), torch.full_like(found.token, settings.first))
        continued = run.extend(found, position)
        if bool((run.finished >= settings.beams).all()):
            break
        if settings.beams > 1:
            reorder(continued)
    return run.found, run.mean


class _Run:
    """The hypotheses of a search so far; those of an output are neighbours."""

    def __init__(self, outputs: int, settings: Search, device: torch.device) -> None:
        self.settings = settings
        count, longest = outputs * settings.beams, settings.longest
        self.tokens = torch.full((count, longest), -1, dtype=torch.int64, device=device)
        self.last = torch.full((count,), settings.start, dtype=torch.int64, device=device)
        self.total = torch.full((outputs, settings.beams), -torch.inf, device=device)
        self.total[:, 0] = 0.0  # at first, the hypotheses of an output are all the same
        self.finished = torch.zeros(outputs, dtype=torch.int64, device=device)
        self.found = torch.full((outputs, longest), -1, dtype=torch.int64, device=device)
        self.mean = torch.full((outputs,), -torch.inf, device=device)
        self.first = torch.arange(0, count, settings.beams, device=device)[:, None]  # hypothesis of each output

    def extend(self, best: Best, position: int) -> Tensor:
        """Add a token to each hypothesis; return the hypothesis that each one continues."""
        beams, outputs = self.settings.beams, len(self.total)
        values = (self.total.unsqueeze(2) + best.log_probability.view(outputs, beams, -1)).flatten(1)
        values, place = values.sort(dim=1, descending=True, stable=True)
        token = best.token.view(outputs, -1).gather(1, place)
        parent = self.first + place // best.token.shape[1]
        ends = token == self.settings.end if position + 1 < self.settings.longest else torch.ones_like(token) > 0
        self._finish(values, token, parent, ends, position)
        chosen = ends.to(torch.int8).sort(dim=1, stable=True).indices[:, :beams]  # the best that do not end
        self.total = values.gather(1, chosen).masked_fill(ends.gather(1, chosen), -torch.inf)
        continued = parent.gather(1, chosen).flatten()
        self.last = token.gather(1, chosen).flatten()
        self.tokens = self.tokens[continued]
        self.tokens[:, position] = self.last
        return continued

    def _finish(self, values: Tensor, token: Tensor, parent: Tensor, ends: Tensor, position: int) -> None:
        """Take the hypotheses that end among the best ones, unless their output has enough."""
        best = torch.arange(token.shape[1], device=token.device) < self.settings.beams
        done = ends & best & values.isfinite() & (self.finished < self.settings.beams)[:, None]
        mean, place = torch.where(done, values / (position + 1), -torch.inf).max(1)
        rows = (mean > self.mean).nonzero().flatten()
        self.mean[rows] = mean[rows]
        self.found[rows] = self.tokens[parent[rows, place[rows]]]
        self.found[rows, position] = token[rows, place[rows]]
        self.finished += done.sum(1)
