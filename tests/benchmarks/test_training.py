"""How fast training is: against the encoder alone and the usual recipe, in bf16, and from the start of a process."""

import json
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
import torch
from measures import SIX_LAYERS, TINY, Measures, cpu_seconds, in_turns
from projects import ROOT
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel

from codestilts.config.settings_json import to_json
from codestilts.config.training_settings import TaskOptions, TaskSettings
from codestilts.tasktypes.base import Batch, Feature, Task, TokenIds
from codestilts.tasktypes.records import Held, Records
from codestilts.tasktypes.registry import task_type
from codestilts.tasktypes.span_qa import Windows
from codestilts.tasktypes.token_states import UNPADDED, token_states
from codestilts.training import models
from codestilts.training.batching import plan_batches
from codestilts.training.microbatches import backward
from codestilts.training.models import TaskModel
from codestilts.training.precision import autocast, gradient_scaler, supported

pytestmark = pytest.mark.usefixtures("one_thread")

CPU = torch.device("cpu")
TOKENS = 1024  # of a step
FULL = 64  # tokens of the sequences that the encoder alone gets
STEPS = 6
WORDS = 2000
# Tokens of functions: in the pocket study's 11 languages the medians are 71 to 170, and the standard deviations of the
# logarithm .65 to .87.
MEDIAN, SPREAD = 85, 0.75


def encoder_of(shape: dict[str, int], implementation: str) -> nn.Module:
    """An encoder without dropout, with frozen word embeddings, as the pocket study trains it."""
    torch.manual_seed(0)
    dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    model = AutoModel.from_config(AutoConfig.for_model("bert", vocab_size=WORDS, **shape, **dropout))
    model.config._attn_implementation = implementation
    models.freeze_embeddings(model)
    return model.train()


def sequence(rng: np.random.Generator, length: int) -> TokenIds:
    return {"input_ids": rng.integers(5, WORDS, length), "token_type_ids": np.zeros(length, dtype=np.int64)}


def features_of(kind: str, longest: int, rng: np.random.Generator, tokenizer: Any, task: Task) -> Records[Any]:
    """Features with the lengths of functions, cut at the longest, and of short descriptions."""
    lengths = np.minimum(longest, rng.lognormal(np.log(MEDIAN), SPREAD, 600).astype(int) + 5)
    if kind == "span_qa":
        return Windows([span_row(rng, length - 20) for length in np.maximum(lengths, 30)], tokenizer, task)
    found = []
    for number, length in enumerate(lengths):
        short = min(longest, int(rng.integers(6, 24)))
        sizes = [short, int(length)] if kind in ("retrieval", "dual") else [int(length)]
        feature: dict[str, Any] = {"sequences": [sequence(rng, size) for size in sizes], "tokens": sum(sizes)}
        labels = {
            "tagging": {"labels": rng.integers(0, 2, length), "example": number},
            "retrieval": {"cluster": number},
        }
        found.append(feature | labels.get(kind, {"label": number % 2}))
    return Held(found)


def span_row(rng: np.random.Generator, length: int) -> dict[str, np.ndarray | None]:
    ends = np.arange(1, length + 1) * 4
    candidates = np.sort(rng.choice(length, size=max(1, length // 6), replace=False))
    spans = np.stack([candidates, candidates], 1).astype(np.int32)
    return {
        "question": rng.integers(5, WORDS, 12).astype(np.int32),
        "context": rng.integers(5, WORDS, length).astype(np.int32),
        "offsets": np.stack([ends - 4, ends], 1).astype(np.int32),
        "answer": spans[:1],
        "spans": spans,
    }


def task_of(kind: str, longest: int) -> Task:
    options = TaskOptions(pairs="dual") if kind == "dual" else TaskOptions()
    labels = ("a", "b") if kind in ("dual", "cross", "tagging") else ()
    name = "classification" if kind in ("dual", "cross") else kind
    return Task.from_settings(kind, TaskSettings(name, "accuracy", labels, longest, options))


def optimiser(*modules: nn.Module) -> Callable[[], None]:
    """The update of a step: clipping and AdamW."""
    values = [value for module in modules for value in module.parameters() if value.requires_grad]
    adamw = torch.optim.AdamW(values, lr=1e-4, fused=True)

    def update() -> None:
        nn.utils.clip_grad_norm_(values, 1.0)
        adamw.step()
        adamw.zero_grad(set_to_none=True)

    return update


def our_step(features: Records[Any], batches: list[list[int]], task: Task, tokenizer: Any) -> Callable[[int], None]:
    """A step of training, from the features to the update."""
    encoder = encoder_of(TINY, UNPADDED)
    head = models.new_head(task, encoder, tokenizer, None, 0)
    model, update = TaskModel(encoder, head, task, tokenizer), optimiser(encoder, head)
    scaler = gradient_scaler(CPU, "fp32")

    def step(item: int) -> None:
        batch = task_type(task.type).collate([features[index] for index in batches[item]], tokenizer)
        backward(model, batch, 1, 0, scaler)
        update()

    return step


def usual_step(features: Records[Any], batches: list[list[int]], task: Task, tokenizer: Any) -> Callable[[int], None]:
    """Every sequence padded to ``max_length``, in one pass, by transformers' own attention, without a head."""
    encoder = encoder_of(TINY, "sdpa")
    head = models.new_head(task, encoder, tokenizer, None, 0)
    update = optimiser(encoder, head)

    def step(item: int) -> None:
        rows: list[Feature] = [features[index] for index in batches[item]]
        batch = task_type(task.type).collate(rows, tokenizer)
        states: Tensor = encoder(**padded(batch, task.max_length)).last_hidden_state
        states.mean().backward()
        update()

    return step


def padded(batch: Batch, length: int) -> Batch:
    names = ("input_ids", "attention_mask", "token_type_ids")
    return {name: nn.functional.pad(batch[name], (0, length - batch[name].shape[1])) for name in names if name in batch}


def alone_step(length: int = FULL) -> Callable[[int], None]:
    """The encoder alone, on full sequences: no padding, no head."""
    encoder, rng = encoder_of(TINY, "sdpa"), np.random.default_rng(0)
    update = optimiser(encoder)
    ids = [torch.from_numpy(rng.integers(5, WORDS, (TOKENS // length, length))) for _ in range(STEPS)]

    def step(item: int) -> None:
        encoder(input_ids=ids[item]).last_hidden_state.mean().backward()
        update()

    return step


@pytest.mark.parametrize(
    ("kind", "longest"),
    [("dual", 64), ("tagging", 128), ("span_qa", 96), ("retrieval", 64), ("cross", 256), ("cross", 512)],
)
def test_training_speed(kind: str, longest: int, tokenizer: Any, measures: Measures) -> None:
    rng, task = np.random.default_rng(0), task_of(kind, longest)
    features = features_of(kind, longest, rng, tokenizer, task)
    tokens = features.tokens()
    batches = plan_batches({kind: tokens.tolist()}, [kind] * STEPS, TOKENS, 0)
    actions = {"ours": our_step(features, batches, task, tokenizer)}
    actions |= {"usual": usual_step(features, batches, task, tokenizer), "alone": alone_step()}
    seconds = in_turns(actions, 6, STEPS)
    read = np.array([tokens[batch].sum() for batch in batches])
    best = {name: values[1:].min(0).sum() for name, values in seconds.items()}  # the first round warms up
    by_turn = {name: values[1:].sum(1) for name, values in seconds.items()}
    label = f"{kind}, up to {longest} tokens"
    if longest <= 128:
        ratios = read.sum() / by_turn["ours"] / (TOKENS * STEPS / by_turn["alone"])
        measures.add(f"training against the encoder alone: {label}", ratios, "ratio of tokens/s", "at least 0.9")
        assert read.sum() / best["ours"] > 0.5 * TOKENS * STEPS / best["alone"]
    sequences = sum(len(features[index]["sequences"]) for batch in batches for index in batch)
    measures.add(f"tokens padded to max_length per token: {label}", [sequences * longest / read.sum()], "ratio")
    usual = by_turn["usual"] / by_turn["ours"]
    measures.add(
        f"training against padding to max_length: {label}", usual, "ratio of tokens/s", "at least 2; 2.5 from 256"
    )
    # Functions cut at 96 tokens are hardly padded, and only ours has a head.
    assert best["usual"] > (0.7 if longest <= 128 else 1.0) * best["ours"]


def test_longer_sequences_need_more_attention(measures: Measures) -> None:
    """What training on longer sequences could reach: the encoder alone on them, without padding and a head."""
    lengths = (FULL, 96, 128)
    seconds = in_turns({str(length): alone_step(length) for length in lengths}, 6, STEPS)
    speed = {length: TOKENS // length * length / seconds[str(length)][1:].sum(1) for length in lengths}
    for length in lengths[1:]:
        measures.add(
            f"encoder alone on {length} against {FULL} tokens", speed[length] / speed[FULL], "ratio of tokens/s"
        )


def test_bf16_on_a_cpu(measures: Measures) -> None:
    if supported(CPU, "bf16") != "bf16":
        pytest.skip("the processor has no units for bf16")
    encoder = encoder_of(SIX_LAYERS, UNPADDED)
    update, rng = optimiser(encoder), np.random.default_rng(0)
    rows = [sequence(rng, int(size)) for size in rng.integers(32, 97, 16)]
    batch = task_type("mlm").collate([{"sequences": [row], "tokens": 0} for row in rows], FakeTokenizer())
    tokens = int(batch["lengths"].sum())

    def train(precision: str) -> None:
        with autocast(CPU, precision):
            loss = token_states(encoder, batch).last.float().mean()
        loss.backward()
        update()

    def predict(precision: str) -> None:
        with torch.inference_mode(), autocast(CPU, precision):
            token_states(encoder, batch)

    for name, action, goal in (("training", train, "at least 2.5"), ("prediction", predict, "")):
        seconds = in_turns({precision: partial(by_item, action, precision) for precision in ("fp32", "bf16")}, 6, 1)
        ratios = (seconds["fp32"] / seconds["bf16"])[1:, 0]
        measures.add(f"bf16 against fp32, six layers: {name}", ratios, "ratio of tokens/s", goal)
        measures.add(f"bf16, six layers: {name}", tokens / seconds["bf16"][1:, 0], "tokens/s")


def by_item(action: Callable[[str], None], precision: str, item: int) -> None:
    """Call an action for :func:`in_turns`, whose items it does not need."""
    action(precision)


class FakeTokenizer:
    """What masking asks of a tokenizer."""

    pad_token_id, mask_token_id, vocab_size, all_special_ids = 0, 4, WORDS, (0, 1, 2, 3, 4)


def test_from_start_to_the_first_step(folder: Path, tmp_path: Path, measures: Measures) -> None:
    """One step of one seed, and no predictions worth mentioning: what a job takes before it trains."""
    tiny.examples("classification").to_parquet(tmp_path / "classification.parquet", index=False)
    encoded = tiny.encode(folder, tmp_path, "classification")
    changes = {"seeds": (0,), "steps": 1, "evaluations": 1, "target": "classification", "selection": ("last",)}
    settings = tiny.settings({"classification": tiny.task_settings("classification")}, **changes)
    outputs = ["--predictions", str(tmp_path / "predictions.parquet"), "--out", str(tmp_path / "out")]
    command = [sys.executable, "scripts/train_target.py", "--encoder", str(folder), "--encoded", str(encoded)]
    command += ["--settings", to_json(settings), *outputs]
    seconds = []
    for _ in range(3):
        seconds.append(cpu_seconds(command, ROOT))
        assert json.loads((tmp_path / "out/0/run.json").read_text())["steps"] == 1
        shutil.rmtree(tmp_path / "out")
        (tmp_path / "predictions.parquet").unlink()
    measures.add("start of a training job, with one step and its predictions", seconds, "CPU s", "at most 4")
    names = "pandas", "pyarrow.parquet", "torch", "transformers.modeling_utils"
    code = f"from codestilts.errors import run; run(lambda: [__import__(name) for name in {names}])"
    imports = [sys.executable, "-c", code]
    measures.add(
        "of which: imports of pandas, torch, transformers", [cpu_seconds(imports, ROOT) for _ in range(3)], "CPU s"
    )
