"""A tiny random BERT with a word-piece tokenizer of its own, and made-up examples of every task type."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
import pytest
import torch
from tokenizers import BertWordPieceTokenizer
from transformers import BertConfig, BertForMaskedLM, PreTrainedTokenizerFast

from codestilts.config.training_settings import (
    EncodingSettings,
    LoraSettings,
    RetrievalSettings,
    TaskOptions,
    TaskSettings,
    TrainingSettings,
)
from codestilts.tasktypes.base import Task
from codestilts.tasktypes.records import Records, Stored, store
from codestilts.tasktypes.registry import encode_rows, features_of
from codestilts.training import loop, prediction
from codestilts.training.checkpoints import TrainingState
from codestilts.training.curve import StepRecord
from codestilts.training.encode import PREDICTED, SPLITS, EncodingJob, encode_task
from codestilts.training.frozen_retrieval import RetrievalInputs
from codestilts.training.inputs import EncodedTask, TrainingInputs, prepare_inputs
from codestilts.training.models import TaskModel
from codestilts.training.pretrained import import_encoder
from codestilts.training.seed_jobs import TrainingJob

TEXT = "the cat sat on a mat while two dogs ran far away and one bird sang of rain in spring"
WORDS = TEXT.split()
SPECIAL = {f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")}
LETTERS = sorted(set("".join(WORDS)))
# Written down rather than trained: training breaks ties between pieces in another order each time.
PIECES = list(dict.fromkeys([*SPECIAL.values(), *LETTERS, *(f"##{letter}" for letter in LETTERS), *WORDS]))


def encoder_folder(folder: Path) -> Path:
    """An encoder folder as the workflow makes it."""
    published = folder / "published"
    pieces = BertWordPieceTokenizer({piece: number for number, piece in enumerate(PIECES)}, lowercase=True)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=pieces._tokenizer, **SPECIAL)
    tokenizer.save_pretrained(published)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    BertForMaskedLM(config).save_pretrained(published)
    import_encoder(published, folder / "encoder")
    return folder / "encoder"


def _common(count: int) -> dict[str, list[str]]:
    return {
        "id": [f"row{number}" for number in range(count)],
        "language": ["python"] * count,
        "split": ["train" if number % 4 < 2 else "dev" if number % 4 == 2 else "test" for number in range(count)],
        "cluster": [f"cluster{number}" for number in range(count)],
        "package": ["made-up"] * count,
    }


def _text(number: int, words: int = 6) -> str:
    return " ".join(WORDS[(number * 7 + place * place) % len(WORDS)] for place in range(words))


def examples(kind: str, count: int = 40) -> pd.DataFrame:
    """Made-up examples of a task type."""
    numbers = range(count)
    columns: dict[str, Any]
    if kind == "classification":
        columns = {
            "text_a": [("cat " if number % 3 else "rain ") + _text(number) for number in numbers],
            "text_b": [_text(number + 1) for number in numbers],
            "label": ["animal" if number % 3 else "weather" for number in numbers],
        }
    elif kind == "multiple_choice":
        columns = {
            "context": [_text(number) for number in numbers],
            "choices": [[_text(number + shift, 3) for shift in range(2 + number % 2)] for number in numbers],
            "label": [number % 2 for number in numbers],
        }
    elif kind == "tagging":
        tokens = [_text(number, 4 + number % 30).split() for number in numbers]
        columns = {"tokens": tokens, "tags": [["SHORT" if len(word) < 4 else "LONG" for word in row] for row in tokens]}
    elif kind == "span_qa":
        columns = {
            "question": [_text(number, 3) for number in numbers],
            "context": [f"{_text(number, 9)} zebra {_text(number + 3, 40)}" for number in numbers],
            "answer_text": ["zebra"] * count,
        }
        columns["answer_start"] = [text.index("zebra") for text in columns["context"]]
    elif kind == "retrieval":
        columns = {
            "query": [" ".join(random.Random(number).choices(WORDS, k=8)) for number in numbers],
            "document": [" ".join(random.Random(-number).choices(WORDS, k=9)) for number in numbers],
        }
    elif kind == "generation":
        columns = {
            "source": [_text(number, 8) for number in numbers],
            "reference": [_text(number, 2 + number % 3) for number in numbers],
            "output_language": ["english"] * count,
        }
    else:
        columns = {"text": [_text(number, 12) for number in numbers]}
    return pd.DataFrame(_common(count) | columns)


METRIC = {
    "classification": "accuracy",
    "multiple_choice": "accuracy",
    "tagging": "token_accuracy",
    "span_qa": "exact_match",
    "retrieval": "mrr",
    "generation": "exact_match",
    "mlm": "accuracy",
}
LABELS = {"classification": ("animal", "weather"), "tagging": ("SHORT", "LONG")}
LORA = LoraSettings(rank=2, alpha=4, modules=("query", "value"), learning_rate_factor=1.0)


def task_settings(kind: str, changes: dict[str, Any] | None = None, **options: Any) -> TaskSettings:
    """Settings of a task of a job, with ``changes`` of its fields and ``options``."""
    fields = {"metric": METRIC[kind], "labels": LABELS.get(kind, ()), "max_length": 24, **(changes or {})}
    return TaskSettings(type=kind, options=TaskOptions(**options), **fields)


def task(kind: str, changes: dict[str, Any] | None = None, **options: Any) -> Task:
    """A task named after its type."""
    return Task.from_settings(kind, task_settings(kind, changes, **options))


def encode_features(table: pd.DataFrame, tokenizer: Any, task: Task) -> Records[Any]:
    """Encode a table of examples, store the records and map them, as a study does."""
    with TemporaryDirectory() as folder:  # whose files stay mapped
        store([encode_rows(table, tokenizer, task)], Path(folder) / "rows")
        return features_of(Stored(Path(folder) / "rows"), tokenizer, task)


def encoded_task(name: str, table: pd.DataFrame, settings: TaskSettings, tokenizer: Any) -> EncodedTask:
    """A task with the table's examples, encoded."""
    task = Task.from_settings(name, settings, table)
    features = {split: encode_features(table[table["split"] == split], tokenizer, task) for split in SPLITS}
    return EncodedTask(task, features, table[table["split"].isin(PREDICTED)])


def predict(model: TaskModel, table: pd.DataFrame) -> pd.DataFrame:
    """Predict a table of examples."""
    return prediction.predict(model, table, encode_features(table, model.tokenizer, model.task))


def settings(tasks: dict[str, TaskSettings], **changes: Any) -> TrainingSettings:
    """Settings of a training job."""
    fields: dict[str, Any] = {
        "study": "tiny",
        "phase": "target",
        "encoder": "tiny",
        "arm": "none",
        "seeds": (0, 1),
        "steps": 8,
        "tokens_per_step": 96,
        "learning_rate": 5e-3,
        "warmup": 0.1,
        "weight_decay": 0.01,
        "clip": 1.0,
        "dropout": 0.1,
        "freeze_embeddings": True,
        "cap": 1000,
        "evaluations": 2,
        "checkpoint_minutes": 1000,
        "init": "pretrained",
        "precision": "fp32",
        "tf32": False,
    }
    return TrainingSettings(tasks=tasks, **fields | changes)


def inputs(tokenizer: Any, kinds: tuple[str, ...] = ("classification",), **changes: Any) -> TrainingInputs:
    """The inputs of a job with these task types, with what a test sets differently."""
    chosen = settings({kind: task_settings(kind) for kind in kinds}, **changes)
    encoded = [encoded_task(kind, examples(kind), chosen.tasks[kind], tokenizer) for kind in kinds]
    return prepare_inputs(chosen, tokenizer, encoded)


def retrieval_settings(tasks: dict[str, TaskSettings], **changes: Any) -> RetrievalSettings:
    """Settings of a frozen-retrieval job."""
    fields: dict[str, Any] = {"study": "tiny", "encoder": "tiny", "arm": "none", "seeds": (0,), "init": "pretrained"}
    fields |= {"layers": (), "precision": "fp32", "tf32": False}
    return RetrievalSettings(tasks=tasks, **fields | changes)


def retrieval_inputs(tokenizer: Any, tasks: dict[str, TaskSettings], **changes: Any) -> RetrievalInputs:
    """The inputs of a frozen-retrieval job."""
    return RetrievalInputs(retrieval_settings(tasks, **changes), tokenizer, torch.device("cpu"))


def train(
    folder: Path,
    tokenizer: Any,
    kinds: tuple[str, ...] = ("classification",),
    seed: int = 0,
    checkpoint: Path | None = None,
    **changes: Any,
) -> loop.Trained:
    """Train these task types, with what a test sets differently."""
    return loop.train(inputs(tokenizer, kinds, **changes), seed, folder, checkpoint)


def target_job(encoder: Path, home: Path, parent: Path | None = None, **changes: Any) -> TrainingJob:
    """A job that trains on the table ``classification.parquet`` of a folder, which gets all outputs."""
    encode(encoder, home, "classification")
    changes = {"target": "classification", "source_language": "python", "selection": ("last",)} | changes
    return TrainingJob(
        settings=settings({"classification": task_settings("classification")}, **changes),
        encoder=encoder,
        encoded=(home / "encoded/tiny/classification",),
        out=home / "out",
        parent=parent,
        predictions=home / "predictions.parquet",
        checkpoints=home / "work",
    )


def encode(encoder: Path, home: Path, kind: str) -> Path:
    """Encode the table of a task type in a folder, and return the encoded task."""
    out = home / "encoded/tiny" / kind
    chosen = task_settings(kind)
    settings = EncodingSettings(chosen.type, chosen.labels, chosen.max_length, chosen.options)
    encode_task(EncodingJob(settings, encoder, home / f"{kind}.parquet", out))
    return out


def encoded_in_memory(inputs: RetrievalInputs, name: str, table: pd.DataFrame) -> EncodedTask:
    """Encode a table in memory for frozen retrieval."""
    return encoded_task(name, table, inputs.settings.tasks[name], inputs.tokenizer)


def weights(trained: loop.Trained) -> torch.Tensor:
    """All weights of its encoder, in a row."""
    return torch.cat([value.flatten() for value in trained.encoder.state_dict().values()])


@contextmanager
def killed_after(step: int) -> Iterator[None]:
    """A training within this context leaves a checkpoint after ``step`` and is interrupted there."""

    def stop(self: TrainingState, steps: Sequence[StepRecord]) -> None:
        self.steps += steps
        if steps[-1].step == step:
            self.save()
            raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(TrainingState, "add", stop)
        yield
