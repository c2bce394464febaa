"""Tokenizers of encoder folders. Light: encoding a task imports no model."""

from pathlib import Path
from typing import Any

from transformers import AutoTokenizer

from codestilts.errors import CodeStiltsError


def load_tokenizer(folder: str | Path) -> Any:
    """Load the tokenizer of an encoder folder (the fast one, for its character offsets)."""
    tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True)
    if not tokenizer.is_fast or tokenizer.mask_token_id is None or tokenizer.pad_token_id is None:
        raise CodeStiltsError(f"{folder}: the encoder needs a fast tokenizer with a mask and a padding token")
    tokenizer.deprecation_warnings["Asking-to-pad-a-fast-tokenizer"] = True
    return tokenizer
