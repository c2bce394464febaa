"""Encoders and heads, in memory and on disk in the Hugging Face format.

A model folder is::

    config.json
    model.safetensors.index.json   which tensor is in which of the two files
    embeddings.safetensors         the word embeddings; a link to the parent's where training did not change them
    encoder.safetensors            everything else of the encoder
    head.safetensors               the tasks' own parameters: a phase never inherits another phase's heads

``AutoModel.from_pretrained(folder)`` reads it. A pretrained decoder is a part of the encoder here: it is carried over
with it, and only tasks of generation train it. With frozen word embeddings (a setting), which are nine tenths of a
small encoder, hundreds of models take little more space than the weights that were trained.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import (
    AttentionInterface,
    AutoConfig,
    AutoModel,
    AutoModelForMaskedLM,
    AutoModelForSeq2SeqLM,
    PreTrainedModel,
)
from transformers.utils import logging

from codestilts.config.training_settings import LoraSettings
from codestilts.errors import CodeStiltsError
from codestilts.job_files import reading_weights
from codestilts.provenance import usual_permissions, write_json
from codestilts.seeding import derive_seed
from codestilts.tasktypes import registry
from codestilts.tasktypes.base import Task
from codestilts.tasktypes.text_decoder import Decoder, PretrainedDecoder, has_decoder
from codestilts.tasktypes.token_states import UNPADDED, UNPADDED_TYPES, attention
from codestilts.training.pretrained import EMBEDDINGS, ENCODER, INDEX

logging.set_verbosity_error()
logging.disable_progress_bar()
AttentionInterface.register(UNPADDED, attention)

HEAD = "head.safetensors"
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}  # of stored weights
# Names of dropout in configurations: of BERT and its relatives, of ModernBERT, of Funnel, of DistilBERT, of T5, of BART
# and its relatives.
DROPOUT = (
    *("hidden_dropout_prob", "attention_probs_dropout_prob", "attention_dropout", "embedding_dropout", "mlp_dropout"),
    *("hidden_dropout", "dropout", "dropout_rate", "activation_dropout"),
)
LAYER_DROPOUT = ("encoder_layerdrop", "decoder_layerdrop")  # of whole blocks in pretraining
FILES = ("config.json", INDEX, EMBEDDINGS, ENCODER, HEAD, "run.json")


@dataclass(frozen=True)
class TaskModel:
    """An encoder with the head of one task, and what makes its inputs; ``precision`` is that of GPUs."""

    encoder: nn.Module
    head: nn.Module
    task: Task
    tokenizer: Any
    precision: str = "fp32"


@dataclass(frozen=True)
class Model:
    """An encoder with the heads of several tasks."""

    encoder: nn.Module
    heads: nn.ModuleDict
    tasks: Mapping[str, Task]
    tokenizer: Any
    precision: str = "fp32"

    def of_task(self, name: str) -> TaskModel:
        """Return the encoder with the head of one task."""
        return TaskModel(self.encoder, self.heads[name], self.tasks[name], self.tokenizer, self.precision)

    def parameters(self) -> list[nn.Parameter]:
        """Return each parameter once: a masked-language-model head shares the encoder's word embeddings."""
        return list(dict.fromkeys([*self.encoder.parameters(), *self.heads.parameters()]))


def load_encoder(
    folder: str | Path, *, init: str = "pretrained", dropout: float | None = None, mlm: bool = False
) -> tuple[PreTrainedModel, nn.Module | None]:
    """Load the encoder of a model folder, with the decoder that it was pretrained with, if any.

    Args:
        folder: the model folder.
        init: ``random`` keeps the architecture and draws new weights (from torch's seed).
        dropout: replaces the dropout of the configuration.
        mlm: load the masked-language-model head too.

    Raises:
        CodeStiltsError: a file is damaged, or an encoder tensor is missing or misshapen, so that the model would not
            start from its parent.
    """
    config = AutoConfig.from_pretrained(folder)
    if dropout is not None:
        for name in DROPOUT + LAYER_DROPOUT:
            if hasattr(config, name):
                setattr(config, name, 0.0 if name in LAYER_DROPOUT else dropout)
    auto_class: Any = AutoModelForMaskedLM if mlm else AutoModel
    if config.is_encoder_decoder:
        if mlm:
            raise CodeStiltsError(f"{folder}: an encoder with a decoder has no head of masked language modelling")
        auto_class = AutoModelForSeq2SeqLM
    if init == "random":
        model = auto_class.from_config(config)
    else:
        with reading_weights(folder):
            model, report = auto_class.from_pretrained(
                folder, config=config, dtype=torch.float32, use_safetensors=True, output_loading_info=True
            )
        # No task type reads the pooler, a checkpoint without a masked-language-model head gets a new one, and one of an
        # encoder-decoder without a bias of output embeddings gets zeros.
        prefix = f"{model.base_model_prefix}." if mlm else ""
        unread = ("pooler", "final_logits_bias")
        names = (key for key in report["missing_keys"] if key.startswith(prefix))
        missing = sorted(key for key in names if not any(part in key for part in unread))
        if missing or report["mismatched_keys"]:
            raise CodeStiltsError(
                f"{folder}: {len(missing)} encoder tensors are missing ({', '.join(missing[:3])}) and "
                f"{len(report['mismatched_keys'])} misshapen: the weights do not belong to this configuration"
            )
    encoder = model if config.is_encoder_decoder else model.base_model
    if config.model_type in UNPADDED_TYPES:
        encoder.config._attn_implementation = UNPADDED
    if not mlm:
        return encoder, None
    head = nn.Sequential(*(child for child in model.children() if child is not encoder))
    return encoder, head


def load_mlm_head(folder: Path) -> nn.Module | None:
    """Load the masked-language-model head of a published encoder; None if the encoder was published without one."""
    if AutoConfig.from_pretrained(folder).is_encoder_decoder:
        return None
    with reading_weights(folder):
        model, report = AutoModelForMaskedLM.from_pretrained(
            folder, dtype=torch.float32, use_safetensors=True, output_loading_info=True
        )
    if any(not key.startswith(f"{model.base_model_prefix}.") for key in report["missing_keys"]):
        return None
    return nn.Sequential(*(child for child in model.children() if child is not model.base_model))


def weights_seed(study: str, seed: int) -> int:
    """Return torch's seed before an encoder is loaded, from which random weights, if any, are drawn."""
    return derive_seed(study, "weights", seed)


def add_adapters(encoder: PreTrainedModel, settings: LoraSettings) -> nn.Module:
    """Add low-rank adapters, the only part of the encoder that is then trained (LoRA, Hu et al. 2022).

    The encoder itself is changed in place; :func:`merge_adapters` ends that.
    """
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=settings.rank, lora_alpha=settings.alpha, lora_dropout=0.0, target_modules=list(settings.modules)
    )
    return get_peft_model(encoder, config)


def merge_adapters(encoder: nn.Module) -> PreTrainedModel:
    """Add the adapters' products to the weights and return the plain encoder; one without adapters stays as it is."""
    return encoder.merge_and_unload() if hasattr(encoder, "merge_and_unload") else encoder  # type: ignore[operator, return-value]


def freeze_embeddings(encoder: PreTrainedModel) -> None:
    """Exclude the word embeddings from training."""
    encoder.get_input_embeddings().weight.requires_grad_(False)


def freeze_decoders(encoder: nn.Module, heads: nn.ModuleDict) -> None:
    """Exclude pretrained weights of decoders from training: the encoder's own decoder, or what others have copied."""
    frozen = [value for head in heads.modules() if isinstance(head, Decoder) for value in head.copied()]
    if has_decoder(encoder):
        words = encoder.get_input_embeddings().weight  # type: ignore[operator]
        frozen += [value for value in decoder_parameters(encoder) if value is not words]
    for parameter in frozen:
        parameter.requires_grad_(False)


def decoder_parameters(encoder: nn.Module) -> list[nn.Parameter]:
    """Return the parameters of the decoder that an encoder was pretrained with."""
    parts = [encoder.get_decoder(), encoder.get_output_embeddings()] if has_decoder(encoder) else []  # type: ignore[operator]
    return [value for part in parts for value in part.parameters()]


def trained_parts(encoder: nn.Module, heads: nn.ModuleDict) -> list[str]:
    """Name what training changes: the encoder, the decoder that it was pretrained with, heads."""
    own = set(decoder_parameters(encoder)) - {encoder.get_input_embeddings().weight}  # type: ignore[operator]
    generates = any(isinstance(head, PretrainedDecoder) for head in heads.modules())
    trained = {
        "encoder": any(value.requires_grad for value in encoder.parameters() if value not in own),
        "decoder": generates and any(value.requires_grad for value in own),
        "heads": any(value.requires_grad for value in heads.parameters()),
    }
    return [name for name, is_trained in trained.items() if is_trained]


def state_of(module: nn.Module) -> dict[str, torch.Tensor]:
    """Return the tensors of a module's state, each once: an encoder shares its word embeddings with its decoder."""
    found: dict[int, str] = {}
    state = module.state_dict()
    for name, value in state.items():
        found.setdefault(value.data_ptr() if value.numel() else id(value), name)
    return {name: state[name] for name in found.values()}


def save_encoder(
    encoder: PreTrainedModel, folder: Path, home: Path, parent: Path, dtype: torch.dtype = torch.float32
) -> None:
    """Write the encoder's files to ``folder``.

    Word embeddings equal to the parent's become a relative link to them instead of a copy: a study keeps hundreds of
    models.

    Args:
        encoder: the encoder.
        folder: where its files are written.
        home: where the folder will be moved; the link is relative to it.
        parent: the encoder folder or model folder that training started from; tensors are named as in it.
        dtype: the type of the stored weights. Whatever it is, they are loaded as fp32.
    """
    folder.mkdir(parents=True, exist_ok=True)
    encoder.config.save_pretrained(folder)
    embedding = encoder.get_input_embeddings().weight
    inner_name = next(name for name, value in encoder.named_parameters() if value is embedding)
    weight_map = json.loads((parent / INDEX).read_bytes())["weight_map"]
    words = next(name for name, file in weight_map.items() if file == EMBEDDINGS)
    prefix = words.removesuffix(inner_name)
    tensors = {prefix + name: value for name, value in state_of(encoder).items()}
    unchanged = torch.equal(load_file(parent / EMBEDDINGS)[words].to(tensors[words].dtype), tensors[words].cpu())
    tensors = _stored_as(dtype, tensors)
    size = sum(value.numel() * value.element_size() for value in tensors.values())
    rest = {name: value for name, value in tensors.items() if name != words}
    _write_weights(rest, folder / ENCODER)
    if unchanged:
        source = (parent / EMBEDDINGS).resolve()
        (folder / EMBEDDINGS).symlink_to(os.path.relpath(source, home.resolve()))
    else:
        _write_weights({words: tensors[words]}, folder / EMBEDDINGS)
    weight_map = dict.fromkeys(rest, ENCODER) | {words: EMBEDDINGS}
    write_json(folder / INDEX, {"metadata": {"total_size": size}, "weight_map": weight_map})


def _write_weights(tensors: dict[str, torch.Tensor], path: Path) -> None:
    save_file(tensors, path, metadata={"format": "pt"})
    usual_permissions(path)


def _stored_as(dtype: torch.dtype, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return tensors for a file, with numbers of this type; integers stay as they are."""
    return {
        name: (value.to(dtype) if value.is_floating_point() else value).detach().contiguous()
        for name, value in tensors.items()
    }


def save_heads(heads: nn.ModuleDict, folder: Path, dtype: torch.dtype = torch.float32) -> None:
    """Write all heads of a model to one file with tensors named ``task.parameter``, empty if there are none.

    A masked-language-model head is left out: it shares the word embeddings, and nothing reads it again.
    """
    tensors = _stored_as(dtype, heads.state_dict())
    _write_weights({name: value for name, value in tensors.items() if ".pretrained." not in name}, folder / HEAD)


def new_head(
    task: Task, encoder: PreTrainedModel, tokenizer: Any, mlm_head: nn.Module | None, seed: int, dropout: float = 0.0
) -> nn.Module:
    """Draw a new head for a task from ``seed`` and the task's name alone, so that it is the same in every arm.

    ``dropout`` is that of published heads; quick heads have none.
    """
    torch.manual_seed(derive_seed(task.name, seed))
    return registry.new_head(task, encoder, tokenizer, mlm_head, dropout)
