"""What the training scripts do: one batch of seeds, read from files, written to declared files."""

import json
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from torch import nn

from codestilts.code_digest import stage_digest
from codestilts.errors import CodeStiltsError
from codestilts.provenance import atomic, file_digest, write_json
from codestilts.tasktypes.base import Feature, Task
from codestilts.tasktypes.registry import task_type
from codestilts.training import distributed, loop, models
from codestilts.training.checkpoint_selection import select
from codestilts.training.checkpoints import thinned
from codestilts.training.launcher import compute
from codestilts.training.precision import allow_tf32
from codestilts.training.prediction import predict

FIRST = ["encoder", "arm", "target", "seed", "checkpoint"]  # columns of predictions


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
    predictions: Path | None = None,
    trials: Path | None = None,
    gpus: int = 0,
) -> None:
    """Train every seed of ``settings["seeds"]`` and write ``out/{seed}/`` (``models.FILES``) for each.

    In phase 3 the target's test rows are predicted too, all seeds into the table ``predictions``; with
    ``keep_models: false`` the weights are left out. ``trials`` is what :func:`try_rates` wrote: the best learning
    rate is taken. Finished seeds wait among the checkpoints until all are done, so that a killed job repeats none
    of them; they only count if settings, code, parents and examples are still the same. What a killed workflow has
    left running is waited for: it writes to the same place. ``gpus`` are those that the job asked for; several train
    each model together (:func:`codestilts.training.launcher.compute`).
    """
    work = checkpoints or out.with_name(f".{out.name}.work")
    if trials:
        settings = settings | {"learning_rate": best_rate(json.loads(trials.read_text(encoding="utf-8")))}
    about = (encoder, parent, examples, settings, out, work, predictions)
    compute(gpus, work, lambda device: _train_batch(*about, device, gpus))


def _train_batch(
    encoder: Path,
    parent: Path | None,
    examples: list[Path],
    settings: dict[str, Any],
    out: Path,
    work: Path,
    predictions: Path | None,
    device: torch.device,
    gpus: int,
) -> None:
    torch.set_num_threads(1)
    allow_tf32(settings["tf32"])
    tokenizer = models.load_tokenizer(encoder)
    tables = {path.stem: pd.read_parquet(path) for path in examples}
    origin = made_of(examples, digests({seed: start(encoder, parent, seed) for seed in settings["seeds"]}))
    if distributed.first(lambda: made_already(out, settings, origin, predictions)):
        print("done by the job of an earlier run, which went on without it", flush=True)
        return
    distributed.first(lambda: clear_unless_same(work, {"settings": settings, **origin}))
    features = None if settings["shuffle_labels"] else loop.encode(tables, tokenizer, settings)
    tested = Tested(tables, tokenizer, settings) if predictions else None
    for seed in settings["seeds"]:
        if distributed.first((work / str(seed) / "run.json").exists):
            continue
        begin, checks = start(encoder, parent, seed), work / f"{seed}.checks"
        on_check = tested.to(checks) if tested else None
        state = work / f"{seed}.state"
        trained = loop.train(begin, tables, tokenizer, settings, seed, state, features, on_check, device)
        if distributed.rank():
            continue  # the first process of a team writes for all
        with atomic(work / str(seed)) as folder:
            if settings.get("keep_models", True):
                models.save_encoder(trained.encoder, folder, out / str(seed), begin)
                models.save_heads(trained.heads, folder)
            folder.mkdir(exist_ok=True)
            if tested:
                tested.selected(checks, seed).to_parquet(work / f"{seed}.parquet", index=False)
            write_json(folder / "run.json", trained.record | origin | {"gpus": gpus, "curve": thinned(trained.curve)})
        for rest in (state, checks):
            shutil.rmtree(rest, ignore_errors=True)
    if distributed.rank():
        return
    if predictions:
        with atomic(predictions) as temporary:
            frames = [pd.read_parquet(work / f"{seed}.parquet") for seed in settings["seeds"]]
            pd.concat(frames, ignore_index=True).to_parquet(temporary, index=False)
    for seed in settings["seeds"]:
        (out / str(seed)).mkdir(parents=True, exist_ok=True)
        for path in sorted((work / str(seed)).iterdir()):
            shutil.move(path, out / str(seed) / path.name)
    shutil.rmtree(work)


class Tested:
    """The dev and test rows of a target, predicted at each evaluation that selection looks at."""

    def __init__(self, tables: dict[str, pd.DataFrame], tokenizer: Any, settings: dict[str, Any]) -> None:
        (self.target, table), *_ = tables.items()
        self.settings, self.tokenizer = settings, tokenizer
        self.task = Task.from_settings(self.target, settings["tasks"][self.target], table)
        self.only_last = settings["selection"] == ["last"]
        splits = ["test"] if self.only_last else ["dev", "test"]
        self.rows = table[table["split"].isin(splits)].reset_index(drop=True)
        self.features: list[Feature] = task_type(self.task.type).encode(self.rows, tokenizer, self.task)

    def to(self, folder: Path) -> loop.OnCheck:
        """What predicts at an evaluation and leaves a table a step in ``folder``, for a killed run to find again."""

        def on_check(step: int, last: bool, encoder: nn.Module, heads: nn.ModuleDict) -> None:
            if self.only_last and not last:
                return
            about = (self.rows, self.task, self.tokenizer, self.features, self.settings["precision"])
            found = predict(encoder, heads[self.target], *about)
            with atomic(folder / f"{step}.parquet") as temporary:
                found.to_parquet(temporary, index=False)

        return on_check

    def selected(self, folder: Path, seed: int) -> pd.DataFrame:
        """The test predictions of a run's selected checkpoints, with the columns that say which run it is."""
        run = {"encoder": self.settings["encoder"], "arm": self.settings["arm"], "target": self.target, "seed": seed}
        checks = {int(path.stem): pd.read_parquet(path).assign(**run) for path in folder.glob("*.parquet")}
        language = self.settings["source_language"]
        rows = select(checks, self.task.metric, self.settings["selection"], language)
        return rows[FIRST + [name for name in rows if name not in FIRST]]


def try_rates(
    encoder: Path, parent: Path | None, examples: Path, settings: dict[str, Any], out: Path, gpus: int = 0
) -> None:
    """Train the first seed once with each of ``settings["learning_rates"]``; ``out`` is the list of their records.

    A record has the ``learning_rate`` and ``dev``, the metric on the source language's dev rows at the last step. A
    rate at which the loss is not finite is a trial too: its ``dev`` is below every other. A killed job goes on where
    it was.
    """
    work = out.with_name(f".{out.stem}.work")
    compute(gpus, work, lambda device: _try_rates(encoder, parent, examples, settings, out, work, device))


def _try_rates(
    encoder: Path,
    parent: Path | None,
    examples: Path,
    settings: dict[str, Any],
    out: Path,
    work: Path,
    device: torch.device,
) -> None:
    torch.set_num_threads(1)
    allow_tf32(settings["tf32"])
    tokenizer = models.load_tokenizer(encoder)
    tables = {examples.stem: pd.read_parquet(examples)}
    features = loop.encode(tables, tokenizer, settings)
    (seed,) = settings["seeds"]
    begin = start(encoder, parent, seed)
    key = {"settings": settings, **made_of([examples], digests({seed: begin}))}
    distributed.first(lambda: clear_unless_same(work, key))
    files = [work / f"{rate:g}.json" for rate in settings["learning_rates"]]
    for rate, path in zip(settings["learning_rates"], files, strict=True):
        if distributed.first(path.exists):
            continue
        own = settings | {"learning_rate": rate}
        record: dict[str, Any] = {"learning_rate": rate, "seed": seed, "dev": -1.0, "error": None}
        try:
            state = path.with_suffix(".state")
            found = loop.train(begin, tables, tokenizer, own, seed, state, features, None, device).record
            record |= {"dev": found["dev"].get(examples.stem, 0.0), "seconds": found["seconds"], "settings": own}
        except CodeStiltsError as error:
            record["error"] = str(error)
        if not distributed.rank():
            write_json(path, record)
            shutil.rmtree(path.with_suffix(".state"), ignore_errors=True)
    if distributed.rank():
        return
    write_json(out, [json.loads(path.read_text(encoding="utf-8")) for path in files])
    shutil.rmtree(work)


def best_rate(trials: list[dict[str, Any]]) -> float:
    """The learning rate with the best dev metric; the smallest among equals."""
    ordered = sorted(trials, key=lambda trial: trial["learning_rate"])
    return float(max(ordered, key=lambda trial: trial["dev"])["learning_rate"])


def clear_unless_same(work: Path, key: dict[str, Any]) -> None:
    """Empty a folder of unfinished work, unless what was left there follows from the same settings, code and data."""
    noted = work / "key.json"
    if not noted.exists() or json.loads(noted.read_text(encoding="utf-8")) != key:
        shutil.rmtree(work, ignore_errors=True)
        write_json(noted, key)


def made_already(out: Path, settings: dict[str, Any], origin: dict[str, Any], predictions: Path | None) -> bool:
    """Whether another process has made the very same while this one waited for the folder.

    Snakemake deletes outputs before it starts a job, so what is there was made since.
    """
    records = [out / str(seed) / "run.json" for seed in settings["seeds"]]
    if not all(path.exists() for path in [*records, *filter(None, [predictions])]):
        return False
    key = {"settings": json.loads(json.dumps(settings)), **origin}
    return all(key.items() <= json.loads(path.read_text(encoding="utf-8")).items() for path in records)


def made_of(examples: list[Path], parents: dict[str, Any]) -> dict[str, Any]:
    """What a job's outputs follow from beside its settings, as digests: code, examples, weights it starts from."""
    code = stage_digest(Path(__file__).parents[3], __name__)
    data = {path.stem: file_digest(path) for path in examples}
    return {"code": code, "data": data, "parents": parents}


def digests(folders: dict[int, Path]) -> dict[str, str]:
    """The digest of the encoder in each seed's folder; a file that several seeds start from is read once."""
    once = cache(file_digest)
    return {str(seed): once(folder / models.ENCODER) for seed, folder in folders.items()}
