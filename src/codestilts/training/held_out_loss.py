"""What an encoder forgets: the loss of its own masked-language-model head on texts that are not trained on."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from codestilts.tasktypes.base import move_batch
from codestilts.tasktypes.mlm import Head, collate
from codestilts.training import models
from codestilts.training.inputs import EncodedTask
from codestilts.training.precision import autocast
from codestilts.training.tokenizers import load_tokenizer

BATCH = 32  # texts of a forward pass


def held_out_losses(
    published: Path, model: Path, tasks: Mapping[str, EncodedTask], device: torch.device, precision: str
) -> dict[str, float | None]:
    """Return the cross entropy of masked tokens in the dev texts of each task.

    The masked tokens are the same for every model. The head and its word embeddings are those of the published encoder,
    so the loss shows how far the encoder's states have moved from what this head expects.

    Args:
        published: folder of the published encoder.
        model: folder of the encoder that is measured, trained or not.
        tasks: encoded tasks of masked language modelling.
        device: where to compute.
        precision: the precision on a GPU.

    Returns:
        The mean loss by task; None if the encoder was published without a head or the task has no dev texts.
    """
    head = models.load_mlm_head(published)
    if head is None:
        return dict.fromkeys(tasks)
    encoder, _ = models.load_encoder(model)
    tokenizer = load_tokenizer(published)
    for module in (encoder, head):
        nn.Module.to(module, device).eval()
    found: dict[str, float | None] = {}
    for name, encoded in tasks.items():
        features = encoded.select(["dev"]).features
        read = Head(encoded.task, encoder.config, tokenizer.mask_token_id, 0.0, pretrained=head)
        losses = []
        for start in range(0, len(features), BATCH):
            batch = collate(features[start : start + BATCH], tokenizer, np.random.default_rng(start))
            with torch.inference_mode(), autocast(device, precision):
                losses.append(read(encoder, move_batch(batch, device)).float().cpu())
        found[name] = float(torch.cat(losses).mean()) if losses else None
    return found
