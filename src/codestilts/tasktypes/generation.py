"""A text for a text: documentation of a function, the missing line of a program, an answer in words.

The head is a decoder (:mod:`codestilts.tasktypes.text_decoder`): that of the encoder if it was pretrained with one,
else one that every phase makes anew from the encoder. It is trained with the right previous tokens (teacher forcing).
To predict, outputs are searched (:mod:`codestilts.tasktypes.text_search`).
"""

from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from codestilts.errors import CodeStiltsError
from codestilts.tasktypes.base import (
    IGNORE,
    TEXTS_PER_CALL,
    Batch,
    Feature,
    Task,
    collate_sequences,
    count_tokens,
    encode_texts,
    pad_labels,
    permutation,
    special_tokens,
)
from codestilts.tasktypes.language_codes import first_tokens, has_codes
from codestilts.tasktypes.records import Changed, Records
from codestilts.tasktypes.text_copying import Pointer
from codestilts.tasktypes.text_decoder import Decoder, PretrainedDecoder, has_decoder, token_losses
from codestilts.tasktypes.text_search import Best, Search, best_tokens, search
from codestilts.tasktypes.token_states import token_states

COLUMNS = ["source", "output_language", "answers"]  # of examples, which predictions keep; few have several answers


class GenerationFeature(Feature):
    """An example with the tokens of its output, the end included. ``tokens`` counts those of both texts.

    With a tokenizer that has codes of languages, the output begins with that of ``output_language``.
    """

    output: np.ndarray


def start_and_end(tokenizer: Any) -> tuple[int, int]:
    """Return the tokens before and after an output: those around a text, or what the tokenizer names as such.

    Raises:
        CodeStiltsError: the tokenizer has none.
    """
    before, after = special_tokens(tokenizer)
    starts = [*before[-1:], tokenizer.cls_token_id, tokenizer.bos_token_id, tokenizer.pad_token_id]
    ends = [*after[:1], tokenizer.sep_token_id, tokenizer.eos_token_id]
    start, end = (next((token for token in tokens if token is not None), None) for tokens in (starts, ends))
    if start is None or end is None:
        raise CodeStiltsError(
            "generation: the tokenizer has no token that begins or ends a text: name cls_token and sep_token in its "
            "tokenizer_config.json"
        )
    return start, end


def encode(examples: pd.DataFrame, tokenizer: Any, task: Task) -> list[GenerationFeature]:
    """Encode each row as one feature; outputs are cut to ``output_tokens`` tokens."""
    _, end = start_and_end(tokenizer)
    sources = encode_texts(tokenizer, examples["source"].tolist(), None, task.max_length)
    references = examples["reference"].tolist()
    outputs = [
        ids
        for start in range(0, len(references), TEXTS_PER_CALL)
        for ids in tokenizer(references[start : start + TEXTS_PER_CALL], add_special_tokens=False)["input_ids"]
    ]
    begins = first_tokens(examples["output_language"], tokenizer, task.name)
    features: list[GenerationFeature] = []
    for source, first, ids in zip(sources, begins, outputs, strict=True):
        output = np.array([*first, *ids, end][: task.options.output_tokens], dtype=np.int32)
        features.append({"sequences": [source], "tokens": count_tokens([source]) + len(output), "output": output})
    return features


def cut_outputs(features: Records[GenerationFeature], tokenizer: Any, task: Task) -> int:
    """Count the features whose output has been cut: it has ``output_tokens`` tokens, and the last is no end."""
    _, end = start_and_end(tokenizer)
    longest = np.flatnonzero(features.lengths("output") == task.options.output_tokens)
    return sum(int(features[int(index)]["output"][-1] != end) for index in longest)


def collate(features: list[GenerationFeature], tokenizer: Any, rng: Any = None) -> Batch:
    """Batch the features with ``output``, shape [examples, most output tokens]."""
    batch = collate_sequences(features, tokenizer.pad_token_id)
    batch["output"] = pad_labels([feature["output"] for feature in features])
    return batch


def needs(encoder: nn.Module, tokenizer: Any, mlm_head: nn.Module | None) -> dict[str, Any]:
    """Give the head the encoder, which its decoder starts from, and the tokenizer, which names the end of a text."""
    return {"encoder": encoder, "tokenizer": tokenizer}


class Head(nn.Module):
    """The decoder and, if it is new in a quick head, a pointer to the input (:mod:`codestilts.tasktypes.text_copying`).

    In training, ``forward`` returns the loss of each example summed over its tokens, and their number: [examples, 2].
    Otherwise it returns the mean log probability of each output's tokens and the tokens, -1 after the end: [examples,
    1 + output tokens].
    """

    def __init__(
        self, task: Task, config: Any, mask_id: int, dropout: float, encoder: nn.Module, tokenizer: Any
    ) -> None:
        super().__init__()
        options = task.options
        self.decoder: Decoder | PretrainedDecoder
        start, end = start_and_end(tokenizer)
        if has_decoder(encoder):
            self.decoder, start = PretrainedDecoder(encoder, options.output_tokens), config.decoder_start_token_id
        else:
            self.decoder = Decoder(encoder, options.decoder_layers, options.output_tokens)
        self.smoothing, self.codes = options.label_smoothing, has_codes(tokenizer)
        width = encoder.get_input_embeddings().embedding_dim  # type: ignore[operator]
        copies = task.head == "quick" and not has_decoder(encoder)
        self.pointer = Pointer(width, config.hidden_size, tokenizer.all_special_ids) if copies else None
        self.search = Search(start, end, options.output_tokens, options.beams)

    def forward(self, encoder: nn.Module, batch: Batch) -> Tensor:
        states = token_states(encoder, batch)
        memory = states.padded(states.last)
        return self._losses(encoder, memory, batch) if self.training else self._outputs(encoder, memory, batch)

    def _losses(self, encoder: nn.Module, memory: Tensor, batch: Batch) -> Tensor:
        output, (table, bias) = batch["output"], self.decoder.vocabulary(encoder)
        real, gold = output != IGNORE, output.clamp(min=0)
        previous = torch.cat([torch.full_like(output[:, :1], self.search.start), gold[:, :-1]], 1)
        # Padding needs no mask: it comes last, and no token attends to later ones.
        mask = batch["attention_mask"]
        states = self.decoder(encoder, previous, memory, mask)
        losses, of_all = token_losses(states[real], output[real], table, bias)
        if self.pointer:
            copies = self.pointer(states, previous, self.pointer.inputs(memory, batch["input_ids"], mask))
            losses = copies.at(real).losses(losses, output[real])
        losses = (1 - self.smoothing) * losses + self.smoothing * of_all
        example = real.nonzero()[:, 0]
        totals = losses.new_zeros(len(output)).index_add(0, example, losses)
        return torch.stack([totals, real.sum(1).to(totals.dtype)], 1)

    def _outputs(self, encoder: nn.Module, memory: Tensor, batch: Batch) -> Tensor:
        from transformers.cache_utils import DynamicCache, EncoderDecoderCache

        table, bias = self.decoder.vocabulary(encoder)
        beams, outputs = self.search.beams, len(memory)
        cache = EncoderDecoderCache(DynamicCache(), DynamicCache())
        memory, mask = memory.repeat_interleave(beams, 0), batch["attention_mask"].repeat_interleave(beams, 0)
        given = batch["input_ids"].repeat_interleave(beams, 0)
        inputs = self.pointer.inputs(memory, given, mask) if self.pointer else None
        first = (slice(None), 0)  # of the one token for which states are computed at a time

        def score(last: Tensor, count: int) -> Best:
            states = self.decoder(encoder, last[:, None], memory, mask, cache)
            copies = self.pointer(states, last[:, None], inputs).at(first) if self.pointer else None
            return best_tokens(states[first], table, bias, count, copies)

        def reorder(continued: Tensor) -> None:
            # The hypotheses of an output have the same input, whose keys and values stay where they are.
            cache.self_attention_cache.reorder_cache(continued)  # type: ignore[arg-type]

        codes = batch["output"][:, 0] if self.codes else None
        tokens, mean = search(outputs, self.search, score, reorder, memory.device, codes)
        return torch.cat([mean[:, None].float(), tokens.float()], 1)

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Average over the tokens of all outputs."""
        return outputs[:, 0].sum() / outputs[:, 1].sum()


def decode(
    outputs: list[Tensor], features: list[GenerationFeature], examples: pd.DataFrame, task: Task, tokenizer: Any
) -> pd.DataFrame:
    """Turn tokens into texts; ``score`` is the mean log probability of a token, ``cut`` an output without an end.

    Where weights are not finite, an output has no token and its score is -inf.
    A text is as the tokenizer writes it: many know no capitals and put spaces around marks, which metrics allow for.
    """
    rows = torch.cat(outputs)
    tokens = [row[row >= 0].tolist() for row in rows[:, 1:].long()]
    _, end = start_and_end(tokenizer)
    written = tokenizer.batch_decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
    columns = {
        "gold": examples["reference"],
        "prediction": [text.strip() for text in written],
        "score": rows[:, 0].tolist(),
        "cut": [ids[-1:] != [end] for ids in tokens],
    }
    return pd.DataFrame(columns, index=examples.index).join(examples[[name for name in COLUMNS if name in examples]])


def finish(predictions: pd.DataFrame, source_language: str) -> pd.DataFrame:
    """Add ``found_language``, the language that each output was found to be in."""
    from codestilts.evaluation.output_language import found_languages  # the parsers of all languages

    return predictions.assign(found_language=found_languages(predictions, source_language))


def shuffle(features: Records[GenerationFeature], seed: int, tokenizer: Any, task: Task) -> Records[GenerationFeature]:
    """Give each row the output of another row."""
    order, inputs = permutation(len(features), seed), features.tokens()
    lengths = features.lengths("output")

    def changes(index: int) -> dict[str, Any]:
        other = int(order[index])
        return {"output": features[other]["output"], "tokens": int(inputs[index] - lengths[index] + lengths[other])}

    return Changed(features, changes, inputs - lengths + lengths[order])
