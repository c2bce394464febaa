"""Decoders on top of an encoder: one that starts from the encoder's first blocks, or the one it was pretrained with.

Of a new decoder (Rothe et al. 2020, arXiv 1907.12461, BERT2BERT), self-attention, feed-forward layers and layer norms
are copies of the encoder's. Cross-attention and the layer before the vocabulary are new. Input and output embeddings
are the encoder's word embeddings, so that the decoder has no parameters of the size of the vocabulary but a bias.

A pretrained decoder belongs to the encoder: it is loaded, trained and saved with it.
"""

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

from codestilts.config.encoder_limits import DECODER_TYPES, no_decoder
from codestilts.errors import CodeStiltsError
from codestilts.tasktypes.base import init_like_transformers
from codestilts.tasktypes.token_states import first_position

# Positions whose scores over the vocabulary exist at a time: 128 MB in fp32 for the largest vocabulary, XLM-R's.
POSITIONS_AT_ONCE = 128


class Decoder(nn.Module):
    """States of the tokens of outputs, which attend to earlier ones and to the states of the input's tokens."""

    def __init__(self, encoder: nn.Module, layers: int, longest: int) -> None:
        """Copy the first ``layers`` blocks of an encoder, for outputs of at most ``longest`` tokens.

        Raises:
            CodeStiltsError: the encoder has fewer blocks or positions, or no decoder can be made of its type.
        """
        super().__init__()
        config: Any = copy.deepcopy(encoder.config)
        if config.model_type not in DECODER_TYPES:
            raise CodeStiltsError(f"an encoder {no_decoder(config.model_type)}")
        self.first_position = first_position(config)
        if longest > config.max_position_embeddings - self.first_position:
            raise CodeStiltsError(
                f"option output_tokens: {longest}: the encoder has {config.max_position_embeddings} positions: ask for "
                "shorter outputs"
            )
        if layers > config.num_hidden_layers:
            raise CodeStiltsError(
                f"option decoder_layers: {layers}: the encoder has {config.num_hidden_layers} blocks to start from: "
                "ask for fewer"
            )
        self.blocks, width = _new_blocks(config, layers), encoder.get_input_embeddings().embedding_dim  # type: ignore[operator]
        self.copied_names = _copy_weights(encoder, self.blocks)
        self.dense, self.norm = nn.Linear(config.hidden_size, width), nn.LayerNorm(width, eps=config.layer_norm_eps)
        init_like_transformers(self.dense, config)
        self.bias = nn.Parameter(torch.zeros(encoder.config.vocab_size))  # type: ignore[arg-type, union-attr]

    def copied(self) -> list[nn.Parameter]:
        """Return the parameters that were copied from the encoder."""
        return [value for name, value in self.blocks.named_parameters() if name in self.copied_names]

    def vocabulary(self, encoder: nn.Module) -> tuple[Tensor, Tensor | None]:
        """Return the output embeddings, shape [vocabulary, width], and their bias."""
        return encoder.get_input_embeddings().weight, self.bias  # type: ignore[operator]

    def forward(self, encoder: nn.Module, tokens: Tensor, memory: Tensor, mask: Tensor, cache: Any = None) -> Tensor:
        """Compute what the output embeddings are multiplied with.

        Args:
            encoder: the encoder.
            tokens: of the outputs, shape [outputs, tokens].
            memory: states of the inputs' tokens, shape [outputs, input tokens, hidden].
            mask: which of them are real, shape [outputs, input tokens].
            cache: keys and values of the tokens before these; those of these are added.

        Returns:
            Shape [outputs, tokens, width].
        """
        done = cache.get_seq_length() if cache is not None else 0
        positions = torch.arange(done, done + tokens.shape[1], device=tokens.device) + self.first_position
        states = self.blocks(
            inputs_embeds=encoder.get_input_embeddings()(tokens),  # type: ignore[operator]
            position_ids=positions.expand(len(tokens), -1),
            encoder_hidden_states=memory,
            encoder_attention_mask=mask,
            past_key_values=cache,
            use_cache=cache is not None,
        ).last_hidden_state
        return self.norm(F.gelu(self.dense(states)))


class PretrainedDecoder(nn.Module):
    """The decoder of a pretrained encoder-decoder, in the interface of :class:`Decoder`, without own parameters."""

    def __init__(self, encoder: nn.Module, longest: int) -> None:
        """Check that outputs may have ``longest`` tokens; else raise :class:`CodeStiltsError`.

        Which token begins an output is checked when the encoder is imported.
        """
        super().__init__()
        config: Any = encoder.config
        positions = getattr(config, "max_position_embeddings", None)
        if positions and longest > positions:
            raise CodeStiltsError(
                f"option output_tokens: {longest}: the decoder has {positions} positions: ask for shorter outputs"
            )

    def vocabulary(self, encoder: nn.Module) -> tuple[Tensor, Tensor | None]:
        """Return the output embeddings, shape [vocabulary, width], and their bias, if there is one."""
        bias = getattr(encoder, "final_logits_bias", None)
        return encoder.get_output_embeddings().weight, None if bias is None else bias.flatten()  # type: ignore[operator]

    def forward(self, encoder: nn.Module, tokens: Tensor, memory: Tensor, mask: Tensor, cache: Any = None) -> Tensor:
        """Compute what the output embeddings are multiplied with (see :class:`Decoder`)."""
        decoder, config = encoder.get_decoder(), encoder.config  # type: ignore[operator]
        states: Tensor = decoder(
            input_ids=tokens,
            encoder_hidden_states=memory,
            encoder_attention_mask=mask,
            past_key_values=cache,
            use_cache=cache is not None,
        ).last_hidden_state
        # T5 that shares its input and output embeddings scales the states in between.
        scaled: Any = getattr(config, "scale_decoder_outputs", False)
        return states * config.hidden_size**-0.5 if scaled else states  # type: ignore[operator, union-attr]


def has_decoder(encoder: nn.Module) -> bool:
    """Whether an encoder was pretrained with a decoder."""
    config: Any = encoder.config
    return bool(config.is_encoder_decoder)


def _new_blocks(config: Any, layers: int) -> nn.Module:
    """Make the model of a decoder without word embeddings and pooler."""
    from transformers import AutoModel

    config.num_hidden_layers, config.is_decoder, config.add_cross_attention = layers, True, True
    config.vocab_size = (config.pad_token_id or 0) + 1  # the table is dropped again
    config._attn_implementation = "sdpa"
    model: Any = AutoModel.from_config(config)
    model.set_input_embeddings(nn.Identity())
    model.pooler = None
    return model


def _copy_weights(encoder: nn.Module, blocks: nn.Module) -> frozenset[str]:
    """Copy all weights that both have; return their names."""
    own, weights = blocks.state_dict(), encoder.state_dict()
    shared = {name: weights[name] for name in own if name in weights}
    blocks.load_state_dict(shared, strict=False)
    return frozenset(shared)


def token_losses(states: Tensor, gold: Tensor, table: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor]:
    """Compute losses of tokens without the scores of all: they are computed again to go back.

    Args:
        states: what :class:`Decoder` returns, of the real tokens, shape [tokens, width].
        gold: the tokens, shape [tokens].
        table: output embeddings, shape [vocabulary, width].
        bias: shape [vocabulary], if there is one.

    Returns:
        The cross entropy of each token, and its mean over all tokens of the vocabulary as gold, each of shape [tokens].
    """

    def losses(part: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        scores = F.linear(part, table, bias).float()
        total = scores.logsumexp(1)
        return total - scores.gather(1, tokens[:, None]).squeeze(1), total - scores.mean(1)

    # All parts have one size, the last with zeros: memory that is freed fits what is asked for next.
    spare = -len(states) % POSITIONS_AT_ONCE
    parts = F.pad(states, (0, 0, 0, spare)).split(POSITIONS_AT_ONCE), F.pad(gold, (0, spare)).split(POSITIONS_AT_ONCE)
    found = [checkpoint(losses, *part, use_reentrant=False) for part in zip(*parts, strict=True)]
    if not found:
        return states.new_zeros(0), states.new_zeros(0)
    of_gold, of_all = (torch.cat(column)[: len(states)] for column in zip(*found, strict=True))
    return of_gold, of_all
