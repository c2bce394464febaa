"""Whether an encoder fits a study, by its ``config.json`` and the names of its weights."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from codestilts.errors import CodeStiltsError, suggest

# Models whose position ids start after the id of the padding token, so that the first positions are never used
# (`padding_idx` of the position embeddings in transformers).
OFFSET_POSITIONS = {
    *("camembert", "data2vec-text", "ibert", "longformer", "mpnet", "roberta", "roberta-prelayernorm", "xlm-roberta"),
    *("xlm-roberta-xl", "xmod"),
}
# Models of which transformers makes a decoder with cross-attention that the encoder's weights fit in (ESM's do not).
DECODER_TYPES = (
    *("bert", "bert-generation", "camembert", "data2vec-text", "electra", "ernie", "roberta", "roberta-prelayernorm"),
    *("xlm-roberta", "xlm-roberta-xl"),
)
BLOCKS = ("num_hidden_layers", "n_layers", "encoder_layers", "num_layers")  # names of the number of an encoder's blocks
BLOCK_WEIGHT = re.compile(r"(.*\.\d+\..*)\.weight$")  # of a layer in one of the blocks
MAX_HEADER_BYTES = 100_000_000  # the limit of the safetensors library (MAX_HEADER_SIZE)


@dataclass(frozen=True)
class EncoderRequirements:
    """What a study requires of an encoder's architecture.

    Attributes:
        encoder: The encoder's name.
        lengths: Key of a task file -> the tokens that its texts may have.
        blocks: Key of the config or of a task file -> the blocks whose states are read.
        modules: Key of the config -> names of the linear layers that get adapters.
        decoder: Whether the definition of the encoder says that it was pretrained with a decoder.
        new_decoders: Files of the tasks for which a decoder is made from its blocks.
    """

    encoder: str
    lengths: dict[str, int] = field(default_factory=dict)
    blocks: dict[str, tuple[int, ...]] = field(default_factory=dict)
    modules: dict[str, tuple[str, ...]] = field(default_factory=dict)
    decoder: bool = False
    new_decoders: tuple[str, ...] = ()


def validate_unpacked(requirements: EncoderRequirements, folder: Path) -> None:
    """Check an unpacked encoder.

    Raises:
        CodeStiltsError: The encoder in ``folder`` does not meet the requirements; one line for each.
    """
    config = json.loads((folder / "config.json").read_bytes())
    with (folder / "model.safetensors").open("rb") as weights:
        problems = list(unmet_requirements(requirements, config, linear_layers(weights)))
    if problems:
        raise CodeStiltsError("\nerror: ".join(problems))


def unmet_requirements(
    requirements: EncoderRequirements, config: Mapping[str, Any], layers: set[str] | None
) -> Iterator[str]:
    """Compare an encoder with what a study requires of it.

    Args:
        requirements: What the study requires.
        config: The encoder's ``config.json``.
        layers: Names of the linear layers in its blocks; None if unknown.

    Yields:
        One message for each requirement that is not met.
    """
    encoder, limit = requirements.encoder, max_tokens(config)
    for key, length in requirements.lengths.items():
        if limit and length > limit:
            yield f"{key}: encoder {encoder} has {limit} positions, not {length}: lower it to {limit}"
    if requirements.decoder != bool(config.get("is_encoder_decoder")):
        has, fix = ("no", "remove the key") if requirements.decoder else ("a", "write pretrained")
        yield f"definitions.encoders.{encoder}.decoder: encoder {encoder} has {has} pretrained decoder: {fix}"
    elif requirements.new_decoders and (kind := config.get("model_type")) and kind not in DECODER_TYPES:
        yield f"{', '.join(requirements.new_decoders)}: encoder {encoder} is {no_decoder(kind)}"
    blocks = next((config[name] for name in BLOCKS if name in config), None)
    for key, required in requirements.blocks.items():
        for block in required:
            if isinstance(blocks, int) and block > blocks:
                yield f"{key}: encoder {encoder} has {blocks} blocks, so there is no block {block}"
    names = {layer.rpartition(".")[2] for layer in layers or ()}
    for key, modules in requirements.modules.items():
        for module in modules:
            if names and not any(f".{layer}".endswith(f".{module}") for layer in layers or ()):
                yield f"{key}: encoder {encoder} has no linear layer '{module}'; {suggest(module, names)}"


def no_decoder(model_type: str) -> str:
    """Return the end of the message that no decoder can be made from encoders of a type."""
    return (
        f"of type {model_type}: transformers has no decoder of this architecture: for generation, use an encoder of "
        f"type {', '.join(DECODER_TYPES)}, or one that was pretrained with a decoder"
    )


def max_tokens(config: Mapping[str, Any]) -> int | None:
    """How many tokens a text may have, special tokens included; None if there is no limit."""
    positions = config.get("max_position_embeddings")
    if not isinstance(positions, int) or positions < 1:
        return None
    padding: Any = config.get("pad_token_id", 1)
    return positions - padding - 1 if config.get("model_type") in OFFSET_POSITIONS else positions


def linear_layers(weights: IO[bytes]) -> set[str]:
    """Names of the linear layers in the blocks of a model, read from the header of its safetensors file."""
    size = int.from_bytes(weights.read(8), "little")
    header = json.loads(weights.read(min(size, MAX_HEADER_BYTES)))
    axes = {name: len(entry["shape"]) for name, entry in header.items() if name != "__metadata__"}
    return {match[1] for name, count in axes.items() if count == 2 and (match := BLOCK_WEIGHT.match(name))}
