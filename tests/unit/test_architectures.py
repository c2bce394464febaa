"""The encoders of the paper study by their published configurations, without their weights: does all of it fit them?"""

import json
from pathlib import Path
from typing import Any

import pytest
import tiny
import torch
from torch import nn
from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM, AutoModelForSeq2SeqLM, PretrainedConfig

from codestilts.config.schema import Lora
from codestilts.config.training_settings import LoraSettings
from codestilts.config.validation import load_study, read_configs
from codestilts.tasktypes.base import Task
from codestilts.tasktypes.registry import TYPES, task_type
from codestilts.training import models
from codestilts.workflow.architectures import PUBLISHED, Architecture, EncoderDecoder, parse_architecture

ROOT = Path(__file__).parents[2]
STUDY = load_study(read_configs([ROOT / "config.yaml", ROOT / "studies/paper.yaml"]), ROOT)
# Exactly, with the pooler, and as published: XLM-R, Conneau et al. 2020 (arXiv 1911.02116, table 1 and section 3);
# RoBERTa, Liu et al. 2019 (arXiv 1907.11692, section 5); CodeBERT, Feng et al. 2020 (arXiv 2002.08155, section 3), as
# large as RoBERTa Base, from which GraphCodeBERT (2009.08366) and UniXcoder (2203.03850) go on.
PARAMETERS = {
    "xlm-r-large": (559_890_432, 550e6),
    "xlm-r-base": (278_043_648, 270e6),
    "roberta-large": (355_359_744, 355e6),
    "roberta-base": (124_645_632, 125e6),
    "codebert": (124_645_632, 125e6),
    "graphcodebert": (124_645_632, 125e6),
    "unixcoder": (125_929_728, 125e6),
}


def published(encoder: str) -> Architecture:
    return PUBLISHED[STUDY.sources[STUDY.source_of_encoder(encoder)].id]


def config_of(shape: Architecture, **changes: Any) -> PretrainedConfig:
    """The configuration as its ``config.json`` has it, or with some numbers changed."""
    numbers = {name: value for name, value in vars(shape).items() if name != "model_type"} | changes
    special = {"pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2} if shape.model_type != "bert" else {}
    return AutoConfig.for_model(shape.model_type, **numbers, **special)


def on_meta(config: PretrainedConfig) -> nn.Module:
    """A model that has shapes and no weights."""
    with torch.device("meta"):
        return AutoModel.from_config(config)


def count(model: nn.Module) -> int:
    return sum(value.numel() for value in model.parameters())


def test_every_encoder_of_the_study_is_in_the_table() -> None:
    assert set(STUDY.encoders) == set(PARAMETERS)


@pytest.mark.parametrize("encoder", STUDY.encoders)
def test_parameters_are_as_many_as_published(encoder: str) -> None:
    shape, (exact, rounded) = published(encoder), PARAMETERS[encoder]
    model = on_meta(config_of(shape))
    assert count(model) == shape.parameters == exact
    assert exact == pytest.approx(rounded, rel=0.03)
    assert sum(count(block) for block in model.encoder.layer) == shape.blocks
    assert model.get_input_embeddings().weight.numel() == shape.word_embeddings


@pytest.mark.parametrize("place", [place for place in PUBLISHED if not place.startswith("models/")])
def test_small_encoders_too(place: str) -> None:
    assert count(on_meta(config_of(PUBLISHED[place]))) == PUBLISHED[place].parameters


# As their names say or as published: mT5, Xue et al. 2021 (arXiv 2010.11934, table 2). For mBART-50, the embeddings, 12
# blocks of 12.6M and 12 of 16.8M.
WITH_DECODER = {
    "models/google/mt5-small": 300e6,
    "models/google/mt5-base": 580e6,
    "models/Salesforce/codet5p-220m": 220e6,
    "models/facebook/mbart-large-50": 611e6,
    "models/facebook/nllb-200-distilled-600M": 600e6,
}
T5_SIZES = {"d_ff": "intermediate_size", "num_layers": "num_hidden_layers", "num_heads": "num_attention_heads"}
BART_SIZES = {"encoder_layers": "num_hidden_layers", "encoder_attention_heads": "num_attention_heads"}
BART_SIZES |= {"decoder_attention_heads": "num_attention_heads", "encoder_ffn_dim": "intermediate_size"}
BART_SIZES |= {"decoder_ffn_dim": "intermediate_size"}


def config_with_decoder(shape: EncoderDecoder) -> dict[str, Any]:
    """The sizes as a ``config.json`` has them."""
    sizes: dict[str, Any] = {"model_type": shape.model_type, "vocab_size": shape.vocab_size, "is_encoder_decoder": True}
    names = T5_SIZES if shape.model_type in ("t5", "mt5") else BART_SIZES
    sizes |= {"d_model": shape.hidden_size, **{name: getattr(shape, size) for name, size in names.items()}}
    if names is T5_SIZES:
        sizes |= {"d_kv": shape.d_kv, "feed_forward_proj": "gated-gelu" if shape.gated else "relu"}
        return sizes | {"num_decoder_layers": shape.decoder_layers, "tie_word_embeddings": shape.tied}
    return sizes | {"decoder_layers": shape.decoder_layers, "max_position_embeddings": 1024}


@pytest.mark.parametrize("place", WITH_DECODER)
def test_encoder_decoders_too(place: str) -> None:
    shape = PUBLISHED[place]
    assert isinstance(shape, EncoderDecoder)
    config = config_with_decoder(shape)
    assert parse_architecture(json.dumps(config).encode(), "config.json") == shape
    with torch.device("meta"):
        model = AutoModelForSeq2SeqLM.from_config(AutoConfig.for_model(**config))
    second_table = 0 if getattr(shape, "tied", True) else shape.word_embeddings  # transformers ties what has no weights
    assert count(model) + second_table == shape.parameters == pytest.approx(WITH_DECODER[place], rel=0.03)
    for part, found in ((model.get_encoder(), shape.blocks), (model.get_decoder(), shape.decoder_blocks)):
        blocks = part.block if hasattr(part, "block") else part.layers
        relative = sum(value.numel() for name, value in blocks.named_parameters() if "relative" in name)
        assert count(blocks) - relative == found


@pytest.mark.parametrize("encoder", STUDY.encoders)
def test_the_blocks_that_are_read_exist(encoder: str) -> None:
    own, blocks = STUDY.encoder(encoder), published(encoder).num_hidden_layers
    assert own.layer == -1 or 1 <= own.layer <= blocks
    assert own.layers and all(1 <= layer <= blocks for layer in own.layers)
    assert own.layers == sorted(own.layers) and own.layers[-1] == blocks
    options = [STUDY.tasks[task].options.layer or -1 for task in STUDY.untrained_targets]
    assert all(layer <= blocks for layer in options)


@pytest.mark.parametrize("encoder", STUDY.encoders)
def test_no_text_is_longer_than_there_are_positions(encoder: str) -> None:
    shape = published(encoder)
    places = shape.max_position_embeddings - 2  # positions begin after that of padding
    tasks = {*STUDY.intermediate_tasks, *STUDY.targets}
    assert max(STUDY.tasks[task].max_length for task in tasks) <= places


@pytest.mark.parametrize("encoder", STUDY.encoders)
def test_adapters_find_their_layers(encoder: str) -> None:
    shape, lora = published(encoder), LoraSettings(**Lora().model_dump())
    with torch.device("meta"):
        adapted = models.add_adapters(AutoModel.from_config(config_of(shape)), lora)
    trained = [value for value in adapted.parameters() if value.requires_grad]
    assert len(trained) == shape.num_hidden_layers * len(lora.modules) * 2
    each = 2 * shape.hidden_size * lora.rank
    assert sum(value.numel() for value in trained) == shape.num_hidden_layers * len(lora.modules) * each


@pytest.fixture(scope="module")
def narrow() -> dict[Architecture, tuple[nn.Module, nn.Module]]:
    """Each architecture with all its blocks, very narrow, and its masked-language-model head."""
    made = {}
    for shape in {published(encoder) for encoder in STUDY.encoders}:
        config = config_of(shape, hidden_size=16, intermediate_size=32, num_attention_heads=2, vocab_size=200)
        model = AutoModelForMaskedLM.from_config(config)
        made[shape] = (
            model.base_model,
            nn.Sequential(*(part for part in model.children() if part is not model.base_model)),
        )
    return made


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("chosen", ["published", "quick"])
@pytest.mark.parametrize("encoder", STUDY.encoders)
def test_every_head_learns_on_it(encoder: str, chosen: str, kind: str, narrow: Any, tokenizer: Any) -> None:
    body, mlm = narrow[published(encoder)]
    rows = tiny.examples(kind, 6)
    task = Task.from_settings(kind, tiny.task_settings(kind, {"head": chosen}), rows)
    head: Any = models.new_head(task, body, tokenizer, mlm, 0, 0.1)
    features = tiny.encode_features(rows, tokenizer, task)
    batch = task_type(kind).collate(features, tokenizer)
    if published(encoder).type_vocab_size == 1:
        batch.pop("token_type_ids", None)  # as their tokenizers leave them out
    loss = head.loss(head(body, batch), batch)
    loss.backward()
    assert torch.isfinite(loss)
    assert all(value.grad is not None for name, value in body.named_parameters() if "layer.0." in name)
    body.zero_grad()


@pytest.mark.parametrize("encoder", ["xlm-r-large", "unixcoder"])
def test_each_block_of_the_sweep_can_be_read(encoder: str, narrow: Any, tokenizer: Any) -> None:
    body, _ = narrow[published(encoder)]
    own = STUDY.encoder(encoder)
    rows = tiny.examples("retrieval", 4)
    for layer in {own.layer, *own.layers}:
        task = Task.from_settings("retrieval", tiny.task_settings("retrieval", layer=layer), rows)
        batch = task_type("retrieval").collate(tiny.encode_features(rows, tokenizer, task), tokenizer)
        batch.pop("token_type_ids", None)
        head = models.new_head(task, body, tokenizer, None, 0)
        assert head(body, batch).shape == (4, 2, 16)
