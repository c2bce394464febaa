"""Does a study fit an encoder: lengths, blocks, layers for adapters? From its config and the names of its weights."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from codestilts.errors import CodeStiltsError, suggest

Record = dict[str, Any]

# Their positions are counted on from that of the padding token, so that the first ones have no place in a text
# (`padding_idx` of the position embeddings in transformers).
COUNTED_FROM_PADDING = {
    *("camembert", "data2vec-text", "ibert", "longformer", "mpnet", "roberta", "roberta-prelayernorm", "xlm-roberta"),
    *("xlm-roberta-xl", "xmod"),
}
WEIGHT = re.compile(r"(.*\.\d+\..*)\.weight$")  # of a layer in one of the blocks
LARGEST_HEADER = 100_000_000  # bytes, as the safetensors library has it


def check_unpacked(needs: Record, folder: Path) -> None:
    """Raise CodeStiltsError, one line a mistake, where the encoder published in ``folder`` does not meet ``needs``.

    These are what :func:`codestilts.config.preparation_settings.fit` gathers.
    """
    config = json.loads((folder / "config.json").read_bytes())
    with (folder / "model.safetensors").open("rb") as weights:
        found = list(problems(needs, config, linear_layers(weights)))
    if found:
        raise CodeStiltsError("\nerror: ".join(found))


def problems(needs: Record, config: Record, layers: set[str] | None) -> Iterator[str]:
    """What of the needs an encoder with this ``config.json`` and these linear layers (None: unknown) does not meet."""
    encoder, places = needs["encoder"], positions(config)
    for file, length in needs["lengths"].items():
        if places and length > places:
            yield f"{file}: max_length: encoder {encoder} has {places} positions, not {length}: lower it to {places}"
    blocks = config.get("num_hidden_layers", config.get("n_layers"))
    for where, asked in needs["blocks"].items():
        for block in asked:
            if isinstance(blocks, int) and block > blocks:
                yield f"{where}: encoder {encoder} has {blocks} blocks, so there is no block {block}"
    names = {layer.rpartition(".")[2] for layer in layers or ()}
    for where, modules in needs["modules"].items():
        for module in modules:
            if names and not any(f".{layer}".endswith(f".{module}") for layer in layers or ()):
                yield f"{where}: encoder {encoder} has no linear layer '{module}'; {suggest(module, names)}"


def positions(config: Record) -> int | None:
    """How many tokens a text may have, special ones included; None where nothing limits it."""
    places = config.get("max_position_embeddings")
    if not isinstance(places, int) or places < 1:
        return None
    padding: Any = config.get("pad_token_id", 1)
    return places - padding - 1 if config.get("model_type") in COUNTED_FROM_PADDING else places


def linear_layers(weights: IO[bytes]) -> set[str]:
    """Names of the linear layers in the blocks of a model, out of the header of its safetensors file."""
    size = int.from_bytes(weights.read(8), "little")
    header = json.loads(weights.read(min(size, LARGEST_HEADER)))
    names = {name: len(entry["shape"]) for name, entry in header.items() if name != "__metadata__"}
    return {found[1] for name, axes in names.items() if axes == 2 and (found := WEIGHT.match(name))}
