"""Unpack a pretrained encoder from a fetched archive: configuration, weights and tokenizer, no code."""

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from codestilts.errors import CodeStiltsError, one_line
from codestilts.job_files import reading
from codestilts.provenance import atomic, usual_permissions, write_json

INDEX, EMBEDDINGS, ENCODER = "model.safetensors.index.json", "embeddings.safetensors", "encoder.safetensors"
NEEDED = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
PICKLE = "pytorch_model.bin"
PIECES = ("sentencepiece.bpe.model", "spiece.model")
OLDER = (PICKLE, "vocab.json", "merges.txt", *PIECES, "special_tokens_map.json", "added_tokens.json")
LARGEST_PADDING = 127  # rows after the last token that the word embeddings of published models have
LARGEST_HEADER = 100_000_000  # bytes: the limit of the safetensors library
# Tests compare their losses and outputs with those of transformers. Others scale states or scores in their own ways, or
# begin texts in another one: PLBART with the code of a language that ends its input.
ENCODER_DECODERS = (
    "bart",
    "bigbird_pegasus",
    "longt5",
    "m2m_100",
    "marian",
    "mbart",
    "mt5",
    "pegasus",
    "pegasus_x",
    "t5",
)
SPECIAL = {f"{name.lower()}_token": f"[{name}]" for name in ("CLS", "SEP", "PAD", "MASK", "UNK")}


def unpack(archive: Path, folder: str, out: Path, tiny: int = 0) -> None:
    """Write the configuration, the safetensors weights and the tokenizer of an encoder to a folder.

    Python files are never unpacked. Pickled weights (``pytorch_model.bin``) are skipped where there are safetensors;
    otherwise only their tensors are read (:func:`convert`). A missing ``tokenizer_config.json`` is made from
    ``tokenizer.json`` (BERT's names of the special tokens), a missing ``tokenizer.json`` from the files of the older
    formats (``vocab.json`` and ``merges.txt``, or a model of SentencePiece).

    Args:
        archive: the zip file.
        folder: the folder in it that holds the encoder.
        out: the folder that is written.
        tiny: draw small random weights of at least this number of blocks instead of the published ones; 0: do not.

    Raises:
        CodeStiltsError: a file is missing, damaged or of another kind than its name says.
    """
    prefix = folder.strip("/") + "/" if folder.strip("./") else ""
    with reading(archive, "zip"), zipfile.ZipFile(archive) as members:
        names = {name.removeprefix(prefix) for name in members.namelist() if name.startswith(prefix)}
        weights = {"model.safetensors", PICKLE} if tiny else {PICKLE} if "model.safetensors" in names else set()
        wanted = names.intersection(NEEDED + OLDER) - weights
        for name in sorted(wanted):
            with atomic(out / name) as temporary, members.open(prefix + name) as stream, temporary.open("wb") as file:
                shutil.copyfileobj(stream, file, 1 << 20)
    try:
        if PICKLE in wanted:
            convert(out / PICKLE, out / "model.safetensors")
        older = {"vocab.json", "merges.txt"} <= wanted or bool(wanted.intersection(PIECES))
        if "tokenizer.json" not in wanted and older:
            _convert_tokenizer(archive, out)
        elif "tokenizer_config.json" not in wanted and "tokenizer.json" in wanted:
            (out / "tokenizer_config.json").write_bytes(_tokenizer_config((out / "tokenizer.json").read_bytes()))
        if tiny and "config.json" in wanted:
            draw_weights(out, tiny)
        missing = [name for name in NEEDED if not (out / name).exists()]
        if missing:
            raise CodeStiltsError(
                f"{archive.name}: no {prefix}{missing[0]}: name the folder of the encoder in definitions.encoders"
            )
        _validate(archive, out)
    except Exception:
        shutil.rmtree(out, ignore_errors=True)
        raise


def convert(pickled: Path, out: Path) -> None:
    """Write the tensors of a pickled checkpoint as safetensors and delete the checkpoint.

    torch's restricted reader (``weights_only``) reads tensors only and runs no code of the file.
    """
    import torch
    from safetensors.torch import save_file as save_tensors

    try:
        tensors = torch.load(pickled, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # whatever a damaged or hostile file makes the reader raise
        raise CodeStiltsError(f"{pickled.name}: not a file of tensors only, or damaged: {error}") from error
    with atomic(out) as temporary:
        copies = {name: value.clone().contiguous() for name, value in tensors.items()}
        save_tensors(copies, temporary, metadata={"format": "pt"})
        usual_permissions(temporary)
    pickled.unlink()


# Sizes of random weights, by the names that architectures give them.
TINY = {"hidden_size": 32, "d_model": 32, "intermediate_size": 64, "d_ff": 64, "encoder_ffn_dim": 64}
TINY |= {"decoder_ffn_dim": 64, "num_attention_heads": 2, "num_heads": 2, "d_kv": 16, "encoder_attention_heads": 2}
TINY |= {"decoder_attention_heads": 2}


def draw_weights(folder: Path, blocks: int) -> None:
    """Draw random weights of the architecture in ``config.json``, at least ``blocks`` deep but very narrow."""
    import torch
    from transformers import AutoConfig, AutoModelForMaskedLM, AutoModelForSeq2SeqLM

    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    for name, size in TINY.items():
        if hasattr(config, name):
            setattr(config, name, size)
    config.num_hidden_layers = max(config.num_hidden_layers, blocks)
    torch.manual_seed(0)
    kind = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForMaskedLM
    kind.from_config(config).save_pretrained(folder)


def _convert_tokenizer(archive: Path, folder: Path) -> None:
    """Write ``tokenizer.json`` from the files of a byte-level BPE tokenizer or from a model of SentencePiece."""
    from transformers import AutoTokenizer

    try:
        AutoTokenizer.from_pretrained(folder, use_fast=True, local_files_only=True).save_pretrained(folder)
    except Exception as error:  # whatever damaged files, or an architecture without a fast tokenizer, raise
        raise CodeStiltsError(
            f"{archive.name}: its tokenizer cannot be converted to tokenizer.json ({one_line(error)}): fetch an "
            "archive that has tokenizer.json"
        ) from error


def _tokenizer_config(tokenizer: bytes) -> bytes:
    """Make a ``tokenizer_config.json`` that names the special tokens of ``tokenizer.json``."""
    known = {token["content"] for token in json.loads(tokenizer).get("added_tokens", [])}
    special = {name: token for name, token in SPECIAL.items() if token in known}
    return json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", **special}, indent=2).encode()


def _validate(archive: Path, folder: Path) -> None:
    """Require JSON configuration and tokenizer, an architecture, and weights with a safetensors header."""
    try:
        model_type = json.loads((folder / "config.json").read_bytes()).get("model_type")
        json.loads((folder / "tokenizer.json").read_bytes())["model"]
        with (folder / "model.safetensors").open("rb") as weights:
            size = int.from_bytes(weights.read(8), "little")
            tensors = json.loads(weights.read(min(size, LARGEST_HEADER)))
    except (ValueError, KeyError) as error:
        raise CodeStiltsError(f"{archive.name}: a file of the encoder is damaged: {error}: fetch it again") from error
    if not model_type or not tensors:
        raise CodeStiltsError(f"{archive.name}: config.json names no model_type, or the weights are empty")


def import_encoder(source: Path, folder: Path) -> None:
    """Turn a published encoder (configuration, one safetensors file, tokenizer) into an encoder folder.

    The word embeddings get a file of their own, to which models that do not change them link. A masked-language-model
    head stays with the rest: the MLM controls start from it. So does a decoder.

    Args:
        source: the folder of the published files.
        folder: the folder that is written (:mod:`codestilts.training.models`).

    Raises:
        CodeStiltsError: not exactly one tensor looks like the word embeddings, or a decoder has others than the tokens
            of its tokenizer, or none that begins an output, or is not one of :data:`ENCODER_DECODERS`.
    """
    config = json.loads((source / "config.json").read_bytes())
    tensors = load_file(source / "model.safetensors")
    size = config.get("vocab_size")
    if not isinstance(size, int):
        raise CodeStiltsError(
            f"{source.name}: config.json: vocab_size is {size!r}, not the number of word embeddings: fetch config.json "
            "of the model again"
        )
    if config.get("is_encoder_decoder"):
        if config.get("model_type") not in ENCODER_DECODERS:
            raise CodeStiltsError(
                f"{source.name}: config.json: model_type {config.get('model_type')!r}: its decoder is not supported; "
                f"use one of {', '.join(ENCODER_DECODERS)}"
            )
        _check_vocabulary(source, size)
        _check_start(source, size)
        _keep_one_table(source, tensors)
    embeddings = {
        name: len(value) for name, value in tensors.items() if value.ndim == 2 and ("embed" in name or "shared" in name)
    }
    tables = [name for name, length in embeddings.items() if length == size]
    if not tables:
        nearest = min(embeddings, key=lambda name: abs(embeddings[name] - size), default="none")
        raise CodeStiltsError(
            f"{source.name}: config.json says {size} word embeddings (vocab_size), but the weights have "
            f"{embeddings.get(nearest, 0)} ({nearest}): fetch config.json and the weights of one model"
        )
    if len(tables) > 1:
        raise CodeStiltsError(f"{source.name}: expected one table of word embeddings, found {', '.join(tables)}")
    folder.mkdir(parents=True, exist_ok=True)
    parts = {EMBEDDINGS: tables, ENCODER: [name for name in tensors if name not in tables]}
    for file, names in parts.items():
        with atomic(folder / file) as temporary:
            save_file({name: tensors[name] for name in names}, temporary, metadata={"format": "pt"})
            usual_permissions(temporary)
    weight_map = {name: file for file, names in parts.items() for name in names}
    total = sum(value.nbytes for value in tensors.values())
    write_json(folder / INDEX, {"metadata": {"total_size": total}, "weight_map": weight_map})
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(source / name, folder / name)


def _check_vocabulary(source: Path, size: int) -> None:
    """Require that a decoder can write the tokens of its tokenizer, and hardly others (rows that pad its table)."""
    from tokenizers import Tokenizer

    vocabulary = Tokenizer.from_file(str(source / "tokenizer.json")).get_vocab(with_added_tokens=True)
    tokens = max(vocabulary.values()) + 1
    if not tokens <= size <= tokens + LARGEST_PADDING:
        raise CodeStiltsError(
            f"{source.name}: the decoder has {size} word embeddings, but its tokenizer has {tokens} tokens: fetch "
            "config.json, the weights and the tokenizer of one model"
        )


def _check_start(source: Path, size: int) -> None:
    """Require that the config, or its architecture, says which token begins an output, and that there is one."""
    from transformers import AutoConfig

    config = AutoConfig.from_pretrained(source, local_files_only=True)
    start = getattr(config, "decoder_start_token_id", None)
    if not isinstance(start, int) or not 0 <= start < size:
        raise CodeStiltsError(
            f"{source.name}: config.json: decoder_start_token_id is {start!r}, not one of the {size} tokens: name the "
            "token that the decoder's outputs begin with"
        )


def _keep_one_table(source: Path, tensors: dict[str, np.ndarray]) -> None:
    """Name the word embeddings as the model does, and drop copies of them: pickles have one for each use."""
    import torch
    from transformers import AutoConfig, AutoModelForSeq2SeqLM

    with torch.device("meta"):
        model = AutoModelForSeq2SeqLM.from_config(AutoConfig.from_pretrained(source, local_files_only=True))
    words = model.get_input_embeddings().weight
    own = next(name for name, value in model.named_parameters() if value is words)
    names = [name for name in (own, *model.all_tied_weights_keys) if name in tensors]
    if names:
        table = tensors[names[0]]
        for name in names:
            if np.array_equal(tensors[name], table):
                del tensors[name]
        tensors[own] = table
