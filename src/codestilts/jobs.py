"""What the training and predicting scripts do: one batch of seeds, read from files, written to declared files."""

import json
import shutil
import time
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from filelock import FileLock

from codestilts import models, training
from codestilts.codefiles import stage_digest
from codestilts.predicting import predict
from codestilts.provenance import atomic, environment, file_digest, peak_memory_mb, write_json
from codestilts.seeds import derive_seed
from codestilts.tasktypes import task_type
from codestilts.tasktypes.base import Task


def start(encoder: Path, parent: Path | None, seed: int) -> Path:
    """The model folder that a seed goes on from: ``parent/{seed}`` of phase 2, or the encoder if that was skipped."""
    return parent / str(seed) if parent else encoder


def train_batch(
    encoder: Path,
    parent: Path | None,
    examples: list[Path],
    settings: dict[str, Any],
    out: Path,
    checkpoints: Path | None = None,
) -> None:
    """Train every seed of ``settings["seeds"]`` and write ``out/{seed}/`` (``models.FILES``) for each.

    Finished seeds wait among the checkpoints until all are done, so that a killed job repeats none of them; they only
    count if settings, code, parents and examples are still the same. What a killed workflow has left running is waited
    for: it writes to the same place.
    """
    work = checkpoints or out.with_name(f".{out.name}.work")
    lock = work.with_suffix(".lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock):
        _train_batch(encoder, parent, examples, settings, out, work)
        lock.unlink(missing_ok=True)


def _train_batch(
    encoder: Path, parent: Path | None, examples: list[Path], settings: dict[str, Any], out: Path, work: Path
) -> None:
    torch.set_num_threads(1)
    tokenizer = models.load_tokenizer(encoder)
    tables = {path.stem: pd.read_parquet(path) for path in examples}
    made_of = _made_of(examples, _digests({seed: start(encoder, parent, seed) for seed in settings["seeds"]}))
    key = {"settings": settings, **made_of}
    if _read(work / "key.json") != key:
        shutil.rmtree(work, ignore_errors=True)
        write_json(work / "key.json", key)
    features = None if settings["shuffle_labels"] else training.encode(tables, tokenizer, settings)
    for seed in settings["seeds"]:
        if (work / str(seed) / "run.json").exists():
            continue
        begin = start(encoder, parent, seed)
        trained = training.train(begin, tables, tokenizer, settings, seed, work / f"{seed}.state", features)
        with atomic(work / str(seed)) as folder:
            models.save_encoder(trained.encoder, folder, out / str(seed), begin)
            models.save_heads(trained.heads, folder)
            trained.curve.to_csv(folder / "curve.csv", index=False)
            write_json(folder / "run.json", trained.record | made_of)
        shutil.rmtree(work / f"{seed}.state", ignore_errors=True)
    for seed in settings["seeds"]:
        (out / str(seed)).mkdir(parents=True, exist_ok=True)
        for path in sorted((work / str(seed)).iterdir()):
            shutil.move(path, out / str(seed) / path.name)
    shutil.rmtree(work)


def _read(path: Path) -> Any:
    return json.loads(path.read_text()) if path.exists() else None


def _made_of(examples: list[Path], parents: dict[str, Any]) -> dict[str, Any]:
    """What a job's outputs follow from beside its settings, as digests: code, examples, weights it starts from."""
    code = stage_digest(Path(__file__).parents[2], __name__)
    data = {path.stem: file_digest(path) for path in examples}
    return {"code": code, "data": data, "parents": parents}


def _digests(folders: dict[int, Path]) -> dict[str, str]:
    return {str(seed): file_digest(folder / models.ENCODER) for seed, folder in folders.items()}


def predict_batch(
    encoder: Path,
    parent: Path | None,
    trained: Path,
    examples: list[Path],
    settings: dict[str, Any],
    out: dict[str, Path],
    record: Path,
) -> None:
    """Predict every target with every seed's model; ``out`` maps a target to its table of predictions.

    A trained target uses its own model in ``trained/{target}/{seeds}/{seed}``, an untrained one the encoder as phase 2
    left it. Only dev and test rows are predicted. ``record`` gets the ``run.json`` of them all.
    """
    torch.set_num_threads(1)
    began = time.perf_counter()
    tokenizer = models.load_tokenizer(encoder)
    parents = {}
    for path in examples:
        target = path.stem
        if settings["tasks"][target].get("trained", True):
            folders = {seed: trained / target / out[target].stem / str(seed) for seed in settings["seeds"]}
        else:
            folders = {seed: start(encoder, parent, seed) for seed in settings["seeds"]}
        parents[target] = _digests(folders)
        result = _predict(target, pd.read_parquet(path), folders, tokenizer, settings)
        with atomic(out[target]) as temporary:
            result.to_parquet(temporary, index=False)
        print(f"{settings['encoder']} / {settings['arm']}  {target}: {len(result)} predictions", flush=True)
    made_of = _made_of(examples, parents)
    cost = {"seconds": round(time.perf_counter() - began, 2), "peak_memory_mb": peak_memory_mb()}
    write_json(record, {"settings": settings, **made_of, **cost, **environment("cpu", torch.get_num_threads())})


def _predict(
    target: str, table: pd.DataFrame, folders: dict[int, Path], tokenizer: Any, settings: dict[str, Any]
) -> pd.DataFrame:
    """The predictions of one target, seed after seed, each with the model or encoder in its folder."""
    task = Task.from_settings(target, settings["tasks"][target])
    wanted = ["dev", "test"] if task.options.get("protocol") == "mining" else ["test"]
    table = table[table["split"].isin(wanted)].reset_index(drop=True)
    features = task_type(task.type).encode(table, tokenizer, task)
    frames = []
    for seed, folder in folders.items():
        torch.manual_seed(training.initial_seed(settings["study"], seed))
        if settings["tasks"][target].get("trained", True):
            model, _ = models.load_encoder(folder)
            head = models.new_head(task, model, tokenizer, None, seed)
            models.load_head(head, target, folder)
        else:
            model, _ = models.load_encoder(folder, init=settings["init"])
            head = models.new_head(task, model, tokenizer, None, derive_seed(target, seed))
        rows = predict(model, head, table, task, tokenizer, features)
        frames.append(rows.assign(encoder=settings["encoder"], arm=settings["arm"], target=target, seed=seed))
    first = ["encoder", "arm", "target", "seed"]
    result = pd.concat(frames, ignore_index=True)
    return result[first + [name for name in result if name not in first]]
