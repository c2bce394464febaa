"""Tokenizers of encoder folders. Light: encoding a task imports no model."""

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from codestilts.errors import CodeStiltsError

SENTINELS = ("<extra_id_0>", "▁<extra_id_0>")  # of T5 and of mT5


def load_tokenizer(folder: str | Path) -> Any:
    """Load the tokenizer of an encoder folder (the fast one, for its character offsets).

    T5's masks are its sentinels (Raffel et al. 2020, section 3.1.4). Of these, the first one stands for the mask token.
    """
    tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True)
    if not tokenizer.is_fast or tokenizer.pad_token_id is None:
        raise CodeStiltsError(f"{folder}: the encoder needs a fast tokenizer with a padding token")
    unknown = (None, tokenizer.unk_token_id)
    sentinel = next((name for name in SENTINELS if tokenizer.convert_tokens_to_ids(name) not in unknown), None)
    if tokenizer.mask_token is None and sentinel:
        tokenizer.add_special_tokens({"mask_token": sentinel})
    tokenizer.deprecation_warnings["Asking-to-pad-a-fast-tokenizer"] = True
    return tokenizer
