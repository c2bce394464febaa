"""Encoders of random weights in the sizes of published ones; words are those of the tiny encoder's tokenizer."""

import shutil
from pathlib import Path

import torch
from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

from codestilts.training.pretrained import import_encoder

# XLM-R (Conneau et al. 2020, arXiv 1911.02116, table 10) with its vocabulary; and one of six layers, as MiniLM's.
SHAPES = {
    "six layers": {"hidden_size": 384, "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536},
    "XLM-R Base": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12, "intermediate_size": 3072},
    "XLM-R Large": {"hidden_size": 1024, "num_hidden_layers": 24, "num_attention_heads": 16, "intermediate_size": 4096},
}
WORDS = {"six layers": 30_522}
XLM_R_WORDS = 250_002


def config_of(shape: str, pad: int, dropout: float = 0.0) -> XLMRobertaConfig:
    """The configuration of a shape."""
    return XLMRobertaConfig(
        vocab_size=WORDS.get(shape, XLM_R_WORDS),
        max_position_embeddings=514,
        pad_token_id=pad,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
        **SHAPES[shape],
    )


def encoder_folder(shape: str, tiny: Path, pad: int, home: Path) -> Path:
    """An encoder folder as the workflow makes it, with the tokenizer of the tiny encoder."""
    published = home / "published"
    torch.manual_seed(0)
    XLMRobertaForMaskedLM(config_of(shape, pad)).save_pretrained(published)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy2(tiny / name, published)
    import_encoder(published, home / "encoder")
    return home / "encoder"
