"""Tiny encoders of random weights in the layout of those that the paper study reads, with tokenizers of their own.

Beside what is read lie a pickle and a program, which no one may fetch, read or run.
"""

import json
from pathlib import Path

import torch
from hub.texts import SCRIPTS, function, random_for, sentence
from safetensors.torch import save_file
from tokenizers import ByteLevelBPETokenizer, SentencePieceUnigramTokenizer
from tokenizers.processors import TemplateProcessing
from transformers import RobertaConfig, RobertaModel, XLMRobertaConfig, XLMRobertaModel

ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "cls_token": "<s>", "unk_token": "<unk>"}
TOKENS |= {"pad_token": "<pad>", "mask_token": "<mask>", "model_max_length": 512}
SIZE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
SIZE |= {"max_position_embeddings": 514, "type_vocab_size": 1, "bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}
BYTE_LEVEL = ["microsoft/codebert-base", "microsoft/graphcodebert-base", "microsoft/unixcoder-base"]
MULTILINGUAL = ["FacebookAI/xlm-roberta-base"]


def write_encoders(folder: Path) -> None:
    """Write the encoders' repositories below ``folder``."""
    texts = [function(language, "encoder", n).code for language in ("python", "java", "cpp") for n in range(40)]
    texts += [sentence(random_for("encoder", code, n), code) for code in ["en", *SCRIPTS] for n in range(40)]
    for name in BYTE_LEVEL:
        byte_level(folder / name, texts)
    for name in MULTILINGUAL:
        multilingual(folder / name, texts)


def byte_level(folder: Path, texts: list[str]) -> None:
    """A RoBERTa with the two files of a byte-level BPE, as CodeBERT has them."""
    folder.mkdir(parents=True)
    tokenizer = ByteLevelBPETokenizer()
    tokenizer.train_from_iterator(texts, vocab_size=600, special_tokens=ROBERTA, show_progress=False)
    tokenizer.save_model(str(folder))
    config = RobertaConfig(vocab_size=tokenizer.get_vocab_size(), **SIZE)
    write_model(folder, RobertaModel(config), "RobertaTokenizer")


def multilingual(folder: Path, texts: list[str]) -> None:
    """An XLM-R with a unigram tokenizer in one file."""
    folder.mkdir(parents=True)
    tokenizer = SentencePieceUnigramTokenizer()
    tokenizer.train_from_iterator(texts, vocab_size=600, special_tokens=ROBERTA, unk_token="<unk>", show_progress=False)
    tokenizer._tokenizer.post_processor = TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    config = XLMRobertaConfig(vocab_size=tokenizer.get_vocab_size(), **SIZE)
    write_model(folder, XLMRobertaModel(config), "XLMRobertaTokenizer")


def write_model(folder: Path, model: torch.nn.Module, tokenizer_class: str) -> None:
    """The files of a repository beside its tokenizer's."""
    model.config.to_json_file(folder / "config.json")
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, folder / "model.safetensors",
              {"format": "pt"})  # fmt: skip
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": tokenizer_class, **TOKENS}))
    (folder / "README.md").write_text("---\nlicense: cc0-1.0\n---\n\nRandom weights, for tests.\n")
    (folder / "optimizer.pt").write_bytes(b"no one may read this")
    (folder / "modeling.py").write_text("raise SystemExit('no one may run this')\n")
