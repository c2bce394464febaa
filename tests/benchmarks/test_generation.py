"""How fast outputs are generated: against a bare loop of the same decoder steps."""

from typing import Any

import numpy as np
import pytest
import tiny
import torch
from measures import SIX_LAYERS, TINY, Measures, in_turns
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel
from transformers.cache_utils import DynamicCache, EncoderDecoderCache

from codestilts.tasktypes import generation
from codestilts.tasktypes.base import Batch
from codestilts.tasktypes.token_states import UNPADDED, token_states
from codestilts.training import models

pytestmark = pytest.mark.usefixtures("one_thread")

SHAPES = {"2 blocks of 128": TINY, "6 blocks of 384": SIX_LAYERS}
WORDS, EXAMPLES, INPUT, LONGEST = 30_000, 32, 96, 32
SHARE = 0.8  # of the speed of the bare loop


def bare_loop(encoder: Any, head: Any, batch: Batch) -> None:
    """The decoder's steps with a cache, its pointer's, and the most probable token of each: nothing else."""
    states = token_states(encoder, batch)
    memory, mask, table = states.padded(states.last), batch["attention_mask"], encoder.get_input_embeddings().weight
    cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
    last = torch.full((len(memory),), head.search.start)
    inputs = head.pointer.inputs(memory, batch["input_ids"], mask) if head.pointer else None
    for _ in range(LONGEST):
        out = head.decoder(F.embedding(last[:, None], table), memory, mask, cache)
        scores = F.linear(out[:, 0], table, head.bias)
        if head.pointer:
            copies = head.pointer(out, last[:, None], inputs)
            weights = (1 - copies.own) * copies.attention
            scores = (scores.softmax(1) * copies.own[:, 0]).scatter_add(1, batch["input_ids"], weights[:, 0])
        last = scores.argmax(1)


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("kind", ["published", "quick"])
def test_generating_is_nearly_as_fast_as_its_decoder_steps(
    name: str, kind: str, measures: Measures, tokenizer: Any
) -> None:
    torch.manual_seed(0)
    encoder = AutoModel.from_config(AutoConfig.for_model("bert", vocab_size=WORDS, **SHAPES[name])).eval()
    encoder.config._attn_implementation = UNPADDED
    task = tiny.task("generation", {"head": kind}, output_tokens=LONGEST)
    head = models.new_head(task, encoder, tokenizer, None, seed=0).eval()
    head.bias.data[head.search.end] = -1e4  # no output ends early in either
    rng = np.random.default_rng(0)
    ids = {"input_ids": rng.integers(5, WORDS, INPUT).astype(np.int32)}
    feature = {"sequences": [ids], "tokens": INPUT, "output": np.ones(2, dtype=np.int32)}
    batch = generation.collate([feature] * EXAMPLES, tokenizer)
    with torch.inference_mode():
        actions = {"bare": lambda _: bare_loop(encoder, head, batch), "search": lambda _: head(encoder, batch)}
        seconds = in_turns(actions, rounds=4, items=1)
    ratios = seconds["bare"].min() / seconds["search"]
    measures.add(
        f"generating against its decoder steps, {name}, {kind} head", ratios.flatten(), "ratio", f"at least {SHARE}"
    )
    assert ratios.max() >= SHARE
