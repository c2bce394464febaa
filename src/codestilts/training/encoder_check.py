"""Whether an encoder's states of a text depend on the texts that it is batched with."""

from pathlib import Path

import numpy as np
import torch

from codestilts.config.encoder_limits import max_tokens
from codestilts.errors import CodeStiltsError, one_line
from codestilts.tasktypes.base import Feature, TokenIds, collate_sequences
from codestilts.tasktypes.token_states import token_states
from codestilts.training.models import load_encoder

LENGTHS = (12, 11, 10)  # tokens: so close that they are padded together
TOLERANCE = 1e-4  # of the largest state: rounding differs with the shape of a batch


def validate_states(folder: Path) -> None:
    """Load an encoder and require that padding does not change a text's states.

    Attention leaves padding out. A convolution or a Fourier transform over a batch does not (ConvBERT, FNet), so that
    a prediction would depend on the other rows. Nor may two passes differ (YOSO, whose attention is random).

    Args:
        folder: the encoder folder, named after the encoder.

    Raises:
        CodeStiltsError: the states of a text change with its batch, the encoder takes no texts, or its weights do not
            belong to its configuration.
    """
    encoder, _ = load_encoder(folder)
    encoder.eval()
    config = encoder.config
    longest = min(LENGTHS[0], max_tokens(config.to_dict()) or LENGTHS[0])
    pad, rng = config.pad_token_id or 0, np.random.default_rng(0)
    known = np.setdiff1d(np.arange(config.vocab_size), [pad])
    texts: list[TokenIds] = [{"input_ids": rng.choice(known, min(length, longest))} for length in LENGTHS]
    features: list[Feature] = [{"sequences": [text], "tokens": len(text["input_ids"])} for text in texts]
    try:
        with torch.no_grad():
            together = token_states(encoder, collate_sequences(features, pad)).last
            alone = torch.cat([token_states(encoder, collate_sequences([feature], pad)).last for feature in features])
    except Exception as error:  # whatever an architecture for other inputs raises
        raise CodeStiltsError(
            f"encoder {folder.name}: its architecture, {config.model_type}, cannot encode a batch of texts "
            f"({one_line(error)}): choose another encoder"
        ) from error
    difference, scale = float((together - alone).abs().max()), float(alone.abs().max())
    if not difference <= TOLERANCE * scale:
        raise CodeStiltsError(
            f"encoder {folder.name}: the states of a text change by {difference:.2g} (the largest is {scale:.2g}) "
            "with the texts that it is batched with, so predictions would too: its architecture, "
            f"{config.model_type}, is not supported"
        )
