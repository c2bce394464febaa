"""A pretrained encoder out of a fetched archive: the few files that are data, none that would run code."""

import json
import shutil
import zipfile
from pathlib import Path

from safetensors.numpy import load_file, save_file

from codestilts.errors import CodeStiltsError
from codestilts.provenance import atomic, write_json

INDEX, EMBEDDINGS, ENCODER = "model.safetensors.index.json", "embeddings.safetensors", "encoder.safetensors"
NEEDED = ("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json")
PICKLE = "pytorch_model.bin"
OLDER = (PICKLE, "vocab.json", "merges.txt", "sentencepiece.bpe.model", "special_tokens_map.json", "added_tokens.json")
LARGEST_HEADER = 100_000_000  # bytes, as the safetensors library has it
SPECIAL = {f"{name.lower()}_token": f"[{name}]" for name in ("CLS", "SEP", "PAD", "MASK", "UNK")}


def unpack(archive: Path, folder: str, out: Path, tiny: int = 0) -> None:
    """Write config, safetensors weights and tokenizer of ``folder`` in the zip ``archive`` to the folder ``out``.

    Pickled weights stay behind where there are safetensors; where there are none, their tensors are read and
    nothing else of them (:func:`convert`). Python files always stay behind. Where the archive has no
    ``tokenizer_config.json``, one is made from ``tokenizer.json`` (BERT's names of the special tokens); where it
    has no ``tokenizer.json``, that is made from the files of the older format (``vocab.json`` and ``merges.txt``).
    ``tiny`` draws small random weights of so many blocks or more in place of the published ones. Raises
    CodeStiltsError if a file is missing or is not what its name says.
    """
    prefix = folder.strip("/") + "/" if folder.strip("./") else ""
    with zipfile.ZipFile(archive) as members:
        names = {name.removeprefix(prefix) for name in members.namelist() if name.startswith(prefix)}
        weights = {"model.safetensors", PICKLE} if tiny else {PICKLE} if "model.safetensors" in names else set()
        wanted = names.intersection(NEEDED + OLDER) - weights
        for name in sorted(wanted):
            with atomic(out / name) as temporary, members.open(prefix + name) as stream, temporary.open("wb") as file:
                shutil.copyfileobj(stream, file, 1 << 20)
    if PICKLE in wanted:
        convert(out / PICKLE, out / "model.safetensors")
    if "tokenizer.json" not in wanted and {"vocab.json", "merges.txt"} <= wanted:
        _renew_tokenizer(out)
    elif "tokenizer_config.json" not in wanted and "tokenizer.json" in wanted:
        (out / "tokenizer_config.json").write_bytes(_tokenizer_config((out / "tokenizer.json").read_bytes()))
    if tiny and "config.json" in wanted:
        draw_weights(out, tiny)
    missing = [name for name in NEEDED if not (out / name).exists()]
    try:
        if missing:
            where = "name the folder that holds the encoder in definitions.encoders"
            raise CodeStiltsError(f"{archive.name}: no {prefix}{missing[0]}: {where}")
        _check(archive, out)
    except CodeStiltsError:
        shutil.rmtree(out, ignore_errors=True)
        raise


def convert(pickled: Path, out: Path) -> None:
    """The tensors of a pickled checkpoint as safetensors, by torch's restricted reader, which runs no code of it."""
    import torch
    from safetensors.torch import save_file as save_tensors

    try:
        tensors = torch.load(pickled, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:  # whatever a damaged or hostile file makes the reader raise
        raise CodeStiltsError(f"{pickled.name}: holds more than tensors, or is damaged: {error}") from error
    with atomic(out) as temporary:
        whole = {name: value.clone().contiguous() for name, value in tensors.items()}
        save_tensors(whole, temporary, metadata={"format": "pt"})
    pickled.unlink()


def draw_weights(folder: Path, blocks: int) -> None:
    """Random weights of the architecture in ``config.json``, at least ``blocks`` deep but very narrow."""
    import torch
    from transformers import AutoConfig, AutoModelForMaskedLM

    config = AutoConfig.from_pretrained(folder, local_files_only=True)
    config.hidden_size, config.num_attention_heads, config.intermediate_size = 32, 2, 64
    config.num_hidden_layers = max(config.num_hidden_layers, blocks)
    torch.manual_seed(0)
    AutoModelForMaskedLM.from_config(config).save_pretrained(folder)


def _renew_tokenizer(folder: Path) -> None:
    """Write ``tokenizer.json`` from the files of a byte-level BPE tokenizer."""
    from transformers import AutoTokenizer

    AutoTokenizer.from_pretrained(folder, use_fast=True, local_files_only=True).save_pretrained(folder)


def _tokenizer_config(tokenizer: bytes) -> bytes:
    known = {token["content"] for token in json.loads(tokenizer).get("added_tokens", [])}
    special = {name: token for name, token in SPECIAL.items() if token in known}
    return json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", **special}, indent=2).encode()


def _check(archive: Path, folder: Path) -> None:
    """Config and tokenizer are JSON, the config names an architecture, and the weights have a safetensors header."""
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
    """Bring an encoder as published (config, one safetensors file, tokenizer) into a model folder (models).

    Its word embeddings go into a file of their own, which every model that leaves them as they are links to. A
    masked-language-model head stays with the rest: the MLM controls start from it. Raises CodeStiltsError where no
    single tensor is the table of word embeddings.
    """
    config = json.loads((source / "config.json").read_bytes())
    tensors = load_file(source / "model.safetensors")
    tables = [
        name
        for name, value in tensors.items()
        if value.ndim == 2 and len(value) == config.get("vocab_size") and "embed" in name
    ]
    if len(tables) != 1:
        raise CodeStiltsError(f"{source.name}: expected one table of word embeddings, found {tables or 'none'}")
    folder.mkdir(parents=True, exist_ok=True)
    parts = {EMBEDDINGS: tables, ENCODER: [name for name in tensors if name not in tables]}
    for file, names in parts.items():
        with atomic(folder / file) as temporary:
            save_file({name: tensors[name] for name in names}, temporary, metadata={"format": "pt"})
    where = {name: file for file, names in parts.items() for name in names}
    size = sum(value.nbytes for value in tensors.values())
    write_json(folder / INDEX, {"metadata": {"total_size": size}, "weight_map": where})
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copyfile(source / name, folder / name)
