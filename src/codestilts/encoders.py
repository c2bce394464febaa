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
SPECIAL = {f"{name.lower()}_token": f"[{name}]" for name in ("CLS", "SEP", "PAD", "MASK", "UNK")}


def unpack(archive: Path, folder: str, out: Path) -> None:
    """Write config, safetensors weights and tokenizer of ``folder`` in the zip ``archive`` to the folder ``out``.

    Pickled weights and Python files stay behind. Where the archive has no ``tokenizer_config.json``, one is made
    from ``tokenizer.json`` (BERT's names of the special tokens). Raises CodeStiltsError if a file is missing or
    is not what its name says.
    """
    prefix = folder.strip("/") + "/" if folder.strip("/") else ""
    with zipfile.ZipFile(archive) as members:
        found = {name: members.read(prefix + name) for name in NEEDED if prefix + name in members.namelist()}
    found.setdefault("tokenizer_config.json", _tokenizer_config(found.get("tokenizer.json", b"{}")))
    for name in NEEDED:
        if name not in found:
            raise CodeStiltsError(
                f"{archive.name}: no {prefix}{name}: name the folder that holds the encoder in definitions.encoders"
            )
    _check(archive, found)
    for name in NEEDED:
        with atomic(out / name) as temporary:
            temporary.write_bytes(found[name])


def _tokenizer_config(tokenizer: bytes) -> bytes:
    known = {token["content"] for token in json.loads(tokenizer).get("added_tokens", [])}
    special = {name: token for name, token in SPECIAL.items() if token in known}
    return json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", **special}, indent=2).encode()


def _check(archive: Path, files: dict[str, bytes]) -> None:
    """Config and tokenizer are JSON, the config names an architecture, and the weights have a safetensors header."""
    try:
        model_type = json.loads(files["config.json"]).get("model_type")
        json.loads(files["tokenizer.json"])["model"]
        size = int.from_bytes(files["model.safetensors"][:8], "little")
        tensors = json.loads(files["model.safetensors"][8 : 8 + size])
    except (ValueError, KeyError) as error:
        raise CodeStiltsError(f"{archive.name}: a file of the encoder is damaged: {error}: fetch it again") from error
    if not model_type or not tensors:
        raise CodeStiltsError(f"{archive.name}: config.json names no model_type, or the weights are empty")


def import_encoder(source: Path, folder: Path) -> None:
    """Bring an encoder as published (config, one safetensors file, tokenizer) into a model folder (codestilts.models).

    Its word embeddings go into a file of their own, which every model that leaves them as they are links to. A
    masked-language-model head stays with the rest: the MLM controls start from it. Raises CodeStiltsError where no
    single tensor is the table of word embeddings.
    """
    config = json.loads((source / "config.json").read_text())
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
