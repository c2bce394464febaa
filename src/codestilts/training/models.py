"""Encoders and heads on disk, in the Hugging Face format.

A model folder is::

    config.json
    model.safetensors.index.json   which tensor is in which of the two files
    embeddings.safetensors         the word embeddings; a link to the parent's where training left them as they were
    encoder.safetensors            everything else of the encoder
    head.safetensors               the task's own parameters, apart: a phase never inherits another phase's head

``AutoModel.from_pretrained(folder)`` reads it. With frozen word embeddings (a setting), which are nine tenths of a
small encoder, hundreds of models cost little more than what was trained.
"""

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn
from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM, AutoTokenizer, PreTrainedModel
from transformers.utils import logging

from codestilts.errors import CodeStiltsError
from codestilts.provenance import write_json
from codestilts.seeding import derive_seed
from codestilts.tasktypes.base import Task
from codestilts.tasktypes.registry import task_type
from codestilts.training.pretrained import EMBEDDINGS, ENCODER, INDEX

logging.set_verbosity_error()
logging.disable_progress_bar()

HEAD = "head.safetensors"
FILES = ("config.json", INDEX, EMBEDDINGS, ENCODER, HEAD, "run.json")


def load_tokenizer(folder: str | Path) -> Any:
    """The tokenizer of an encoder folder (the fast one, for its character offsets)."""
    tokenizer = AutoTokenizer.from_pretrained(folder, use_fast=True)
    if not tokenizer.is_fast or tokenizer.mask_token_id is None or tokenizer.pad_token_id is None:
        raise CodeStiltsError(f"{folder}: the encoder needs a fast tokenizer with a mask and a padding token")
    tokenizer.deprecation_warnings["Asking-to-pad-a-fast-tokenizer"] = True
    return tokenizer


def load_encoder(
    folder: str | Path, *, init: str = "pretrained", dropout: float | None = None, mlm: bool = False
) -> tuple[PreTrainedModel, nn.Module | None]:
    """The encoder of a model folder and, with ``mlm``, its masked-language-model head.

    ``init: random`` keeps the architecture and draws new weights (from torch's seed). Every encoder tensor must be
    found in the folder: a phase that did not really start from its parent is a :class:`CodeStiltsError`.
    """
    config = AutoConfig.from_pretrained(folder)
    if dropout is not None:
        for name in ("hidden_dropout_prob", "attention_probs_dropout_prob", "attention_dropout", "embedding_dropout"):
            if hasattr(config, name):
                setattr(config, name, dropout)
    family = AutoModelForMaskedLM if mlm else AutoModel
    if init == "random":
        model = family.from_config(config)
    else:
        model, report = family.from_pretrained(
            folder, config=config, dtype=torch.float32, use_safetensors=True, output_loading_info=True
        )
        # No task type reads the pooler, and a checkpoint without a masked-language-model head gets a new one.
        prefix = f"{model.base_model_prefix}." if mlm else ""
        missing = sorted(key for key in report["missing_keys"] if key.startswith(prefix) and "pooler" not in key)
        if missing or report["mismatched_keys"]:
            raise CodeStiltsError(
                f"{folder}: {len(missing)} encoder tensors are missing ({', '.join(missing[:3])}) and "
                f"{len(report['mismatched_keys'])} misshapen: the weights do not belong to this configuration"
            )
    if not mlm:
        return model, None
    encoder = model.base_model
    head = nn.Sequential(*(child for child in model.children() if child is not encoder))
    return encoder, head


def add_adapters(encoder: PreTrainedModel, settings: dict[str, Any]) -> nn.Module:
    """The encoder with low-rank adapters, which are all of it that is trained (LoRA, Hu et al. 2022).

    ``settings``: rank, alpha, modules. The encoder itself is changed in place; :func:`merge_adapters` ends that.
    """
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        r=settings["rank"], lora_alpha=settings["alpha"], lora_dropout=0.0, target_modules=settings["modules"]
    )
    return get_peft_model(encoder, config)


def merge_adapters(encoder: nn.Module) -> PreTrainedModel:
    """The plain encoder with what its adapters have learnt added to its weights; one without adapters as it is."""
    return encoder.merge_and_unload() if hasattr(encoder, "merge_and_unload") else encoder  # type: ignore[operator, return-value]


def freeze_embeddings(encoder: PreTrainedModel) -> None:
    """Leave the word embeddings as they are."""
    encoder.get_input_embeddings().weight.requires_grad_(False)


def save_encoder(encoder: PreTrainedModel, folder: Path, home: Path, parent: Path) -> None:
    """Write the encoder's files to ``folder``; word embeddings equal to the parent's become a relative link to them.

    A link and not a copy: a study keeps hundreds of models. It is relative to ``home``, where the folder will be moved.
    Tensors are named as in ``parent``, an encoder folder or a model folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    encoder.config.save_pretrained(folder)
    embedding = encoder.get_input_embeddings().weight
    inner = next(name for name, value in encoder.named_parameters() if value is embedding)
    where = json.loads((parent / INDEX).read_bytes())["weight_map"]
    words = next(name for name, file in where.items() if file == EMBEDDINGS)
    prefix = words.removesuffix(inner)
    tensors = {prefix + name: value.detach().contiguous() for name, value in encoder.state_dict().items()}
    size = sum(value.numel() * value.element_size() for value in tensors.values())
    rest = {name: value for name, value in tensors.items() if name != words}
    save_file(rest, folder / ENCODER, metadata={"format": "pt"})
    if torch.equal(load_file(parent / EMBEDDINGS)[words], tensors[words].cpu()):
        source = (parent / EMBEDDINGS).resolve()
        (folder / EMBEDDINGS).symlink_to(os.path.relpath(source, home.resolve()))
    else:
        save_file({words: tensors[words]}, folder / EMBEDDINGS, metadata={"format": "pt"})
    where = dict.fromkeys(rest, ENCODER) | {words: EMBEDDINGS}
    write_json(folder / INDEX, {"metadata": {"total_size": size}, "weight_map": where})


def save_heads(heads: nn.ModuleDict, folder: Path) -> None:
    """All heads of a model in one file, tensors named ``task.parameter``; heads without parameters leave it empty.

    A masked-language-model head isn't kept: it shares the word embeddings and nothing reads it again.
    """
    tensors = {name: value.detach().contiguous() for name, value in heads.state_dict().items()}
    save_file({name: value for name, value in tensors.items() if ".pretrained." not in name}, folder / HEAD)


def load_head(head: nn.Module, task: str, folder: Path) -> None:
    """Fill ``head`` with the weights saved for ``task``; a missing or misshapen tensor raises RuntimeError."""
    prefix = f"{task}."
    saved = {name: value for name, value in load_file(folder / HEAD).items() if name.startswith(prefix)}
    head.load_state_dict({name.removeprefix(prefix): value for name, value in saved.items()})


def new_head(
    task: Task, encoder: PreTrainedModel, tokenizer: Any, mlm_head: nn.Module | None, seed: int, dropout: float = 0.0
) -> nn.Module:
    """A fresh head for a task, drawn from ``seed`` and the task's name alone: the same in every arm.

    ``dropout`` is that of published heads; ours have none.
    """
    torch.manual_seed(derive_seed(task.name, seed))
    extra = {"pretrained": mlm_head} if task.type == "mlm" else {}
    return task_type(task.type).Head(task, encoder.config, tokenizer.mask_token_id, dropout, **extra)
