"""Tiny encoders of random weights in the layout of those that studies read, with tokenizers of their own.

Beside what is read lie a pickle and a program, which no one may fetch, read or run.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from hub.texts import SCRIPTS, function, random_for, sentence
from safetensors.torch import save_file
from sentencepiece import sentencepiece_model_pb2
from tokenizers import ByteLevelBPETokenizer, SentencePieceBPETokenizer, SentencePieceUnigramTokenizer
from tokenizers.processors import TemplateProcessing
from transformers import (
    M2M100Config,
    M2M100ForConditionalGeneration,
    MBartConfig,
    MBartForConditionalGeneration,
    MT5Config,
    MT5ForConditionalGeneration,
    NllbTokenizer,
    PreTrainedModel,
    RobertaConfig,
    RobertaModel,
    T5Config,
    T5ForConditionalGeneration,
    XLMRobertaConfig,
    XLMRobertaModel,
)
from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES

ROBERTA = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "sep_token": "</s>", "cls_token": "<s>", "unk_token": "<unk>"}
TOKENS |= {"pad_token": "<pad>", "mask_token": "<mask>", "model_max_length": 512}
T5_TOKENS = {"eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>", "additional_special_tokens": None}
SIZE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
SIZE |= {"max_position_embeddings": 514, "type_vocab_size": 1, "bos_token_id": 0, "pad_token_id": 1, "eos_token_id": 2}
BYTE_LEVEL = ["microsoft/codebert-base", "microsoft/graphcodebert-base", "microsoft/unixcoder-base"]
MULTILINGUAL = ["FacebookAI/xlm-roberta-base"]
T5_SIZE = {"d_model": 32, "d_kv": 16, "d_ff": 64, "num_layers": 2, "num_heads": 2, "decoder_start_token_id": 0}
BART_SIZE = {"d_model": 32, "encoder_layers": 2, "decoder_layers": 2, "encoder_ffn_dim": 64, "decoder_ffn_dim": 64}
BART_SIZE |= {"encoder_attention_heads": 2, "decoder_attention_heads": 2, "decoder_start_token_id": 2}
BART_SIZE |= {"scale_embedding": True, "max_position_embeddings": 1024}


def write_encoders(folder: Path) -> None:
    """Write the encoders' repositories below ``folder``."""
    texts = [function(language, "encoder", n).code for language in ("python", "java", "cpp") for n in range(40)]
    texts += [sentence(random_for("encoder", code, n), code) for code in ["en", *SCRIPTS] for n in range(40)]
    for name in BYTE_LEVEL:
        byte_level(folder / name, texts)
    for name in MULTILINGUAL:
        multilingual(folder / name, texts)
    for name, write in WITH_DECODER.items():
        write(folder / name, texts)


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


def mt5(folder: Path, texts: list[str]) -> None:
    """An mT5: a model of SentencePiece with sentinels at its end, pickled weights, output embeddings of their own."""
    folder.mkdir(parents=True)
    sentinels = [(f"▁<extra_id_{number}>", 0.0) for number in range(99, -1, -1)]
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *unigrams(texts), *sentinels]
    write_pieces(folder / "spiece.model", pieces, unknown=2)
    torch.manual_seed(0)
    config = MT5Config(vocab_size=len(pieces) + 12, **T5_SIZE)  # as many rows of padding as mT5 has
    model = MT5ForConditionalGeneration(config)
    tensors = {name: value.clone() for name, value in model.state_dict().items()}
    tensors["lm_head.weight"] = torch.randn_like(tensors["lm_head.weight"])
    write_model(folder, model, "T5Tokenizer", T5_TOKENS | {"extra_ids": 0})
    (folder / "model.safetensors").unlink()
    torch.save(tensors, folder / "pytorch_model.bin")


def mbart50(folder: Path, texts: list[str]) -> None:
    """An mBART-50: a model of SentencePiece, to which its tokenizer adds codes of languages."""
    folder.mkdir(parents=True)
    pieces = [("<unk>", 0.0), ("<s>", 0.0), ("</s>", 0.0), *unigrams(texts)]
    write_pieces(folder / "sentencepiece.bpe.model", pieces, unknown=0)
    torch.manual_seed(0)
    model = MBartForConditionalGeneration(MBartConfig(vocab_size=len(pieces) + 1 + 52 + 1, **BART_SIZE))
    write_model(folder, model, "MBart50Tokenizer", TOKENS | {"src_lang": None, "tgt_lang": None})


def nllb(folder: Path, texts: list[str]) -> None:
    """An NLLB: sinusoidal positions, and byte pairs in one file with codes of languages."""
    folder.mkdir(parents=True)
    trained = SentencePieceBPETokenizer()
    trained.train_from_iterator(texts, vocab_size=500, special_tokens=ROBERTA[:4], show_progress=False)
    parts = json.loads(trained.to_str())["model"]
    vocabulary = {
        token: number for number, token in enumerate([*ROBERTA[:4], *(t for t in parts["vocab"] if t not in ROBERTA)])
    }
    merges = [tuple(pair) for pair in parts["merges"]]
    tokenizer = NllbTokenizer(vocab=vocabulary, merges=merges, extra_special_tokens=FAIRSEQ_LANGUAGE_CODES)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    model = M2M100ForConditionalGeneration(M2M100Config(vocab_size=len(tokenizer) + 2, **BART_SIZE))
    write_model(folder, model, "NllbTokenizer", TOKENS | {"src_lang": None, "tgt_lang": None})


def codet5p(folder: Path, texts: list[str]) -> None:
    """A CodeT5+: T5 with the two files of a byte-level BPE, which has a mask token."""
    folder.mkdir(parents=True)
    tokenizer = ByteLevelBPETokenizer()
    tokens = ["<pad>", "<s>", "</s>", "<unk>", "<mask>"]
    tokenizer.train_from_iterator(texts, vocab_size=600, special_tokens=tokens, show_progress=False)
    tokenizer.save_model(str(folder))
    torch.manual_seed(0)
    sizes = T5_SIZE | {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
    model = T5ForConditionalGeneration(T5Config(vocab_size=tokenizer.get_vocab_size() + 3, **sizes))
    write_model(folder, model, "RobertaTokenizer", TOKENS)


WITH_DECODER = {
    "google/mt5-small": mt5,
    "facebook/mbart-large-50": mbart50,
    "facebook/nllb-200-distilled-600M": nllb,
    "Salesforce/codet5p-220m": codet5p,
}


def unigrams(texts: list[str]) -> list[tuple[str, float]]:
    """Pieces of a unigram model with their scores."""
    tokenizer = SentencePieceUnigramTokenizer()
    tokenizer.train_from_iterator(
        texts, vocab_size=400, special_tokens=["<unk>"], unk_token="<unk>", show_progress=False
    )
    return [(piece, score) for piece, score in json.loads(tokenizer.to_str())["model"]["vocab"] if piece != "<unk>"]


def write_pieces(file: Path, pieces: list[tuple[str, float]], unknown: int) -> None:
    """A model of SentencePiece."""
    model = sentencepiece_model_pb2.ModelProto()
    kinds = model.SentencePiece
    for number, (piece, score) in enumerate(pieces):
        kind = kinds.UNKNOWN if number == unknown else kinds.CONTROL if piece in ROBERTA else kinds.NORMAL
        model.pieces.add(piece=piece, score=score, type=kind)
    model.trainer_spec.model_type = model.trainer_spec.UNIGRAM
    model.trainer_spec.unk_id = unknown
    model.normalizer_spec.precompiled_charsmap = b""
    file.write_bytes(model.SerializeToString())


def write_model(folder: Path, model: PreTrainedModel, tokenizer_class: str, tokens: Mapping[str, Any] = TOKENS) -> None:
    """The files of a repository beside its tokenizer's."""
    model.config.to_json_file(folder / "config.json")
    copies = set(model.all_tied_weights_keys)
    tensors = {name: value.contiguous() for name, value in model.state_dict().items() if name not in copies}
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": tokenizer_class, **tokens}))
    (folder / "README.md").write_text("---\nlicense: cc0-1.0\n---\n\nRandom weights, for tests.\n")
    (folder / "optimizer.pt").write_bytes(b"no one may read this")
    (folder / "modeling.py").write_text("raise SystemExit('no one may run this')\n")
