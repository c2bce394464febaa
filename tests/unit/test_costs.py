"""What a training job costs, in counts that do not depend on a clock."""

import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import tiny

from codestilts.tasktypes.sequence_layout import group_sequences
from codestilts.training import loop, models

HEAVY = ("datasets", "torch.nn.attention.varlen", "peft", "matplotlib", "snakemake", "sklearn", "tree_sitter")


@pytest.mark.parametrize("kind", ["classification", "multiple_choice", "tagging", "span_qa", "retrieval", "mlm"])
def test_a_step_is_one_pass_of_the_encoder_over_its_real_tokens(
    kind: str, folder: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    inputs = tiny.inputs(tokenizer, (kind,), steps=4, evaluations=1)
    passes: list[int] = []
    load = models.load_encoder

    def counted(*arguments: Any, **options: Any) -> Any:
        encoder, head = load(*arguments, **options)
        encoder.register_forward_pre_hook(
            lambda module, _, given: passes.append(given["input_ids"].numel()) if module.training else None,
            with_kwargs=True,
        )
        return encoder, head

    monkeypatch.setattr(models, "load_encoder", counted)
    trained = loop.train(inputs, 0, folder)
    assert passes == trained.curve["tokens"].tolist()


def test_loading_and_training_tokenise_nothing(folder: Any, tokenizer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    inputs = tiny.inputs(tokenizer, ("classification", "tagging"), steps=4)
    monkeypatch.setattr(type(tokenizer), "__call__", None)
    assert len(loop.train(inputs, 0, folder).curve) == 4


def test_groups_of_attention_pad_little() -> None:
    """Descriptions beside functions: padded to the longest of all, there would be 1.9 positions per token."""
    rng = np.random.default_rng(0)
    lengths = np.concatenate([rng.integers(6, 24, 40), rng.integers(24, 64, 40)])
    assert 80 * lengths.max() / lengths.sum() > 1.85
    padded = sum(len(rows) * lengths[rows].max() for rows in group_sequences(lengths, hidden=128))
    assert padded / lengths.sum() < 1.25


def test_a_training_job_imports_only_what_it_uses() -> None:
    code = f"import codestilts.training.seed_jobs, sys; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
