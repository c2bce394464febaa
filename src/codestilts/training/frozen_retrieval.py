"""Predictions without training on a target: retrieval with an encoder as phase 1 or 2 left it, and its layer sweep."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from codestilts.columns import LAYERS
from codestilts.errors import CodeStiltsError
from codestilts.provenance import atomic, environment, peak_memory_mb, write_json
from codestilts.seeding import derive_seed
from codestilts.tasktypes.base import Task
from codestilts.tasktypes.registry import task_type
from codestilts.training import models
from codestilts.training.checkpoint_selection import score
from codestilts.training.devices import device_name
from codestilts.training.loop import initial_seed
from codestilts.training.precision import allow_tf32
from codestilts.training.prediction import decoded, outputs_of
from codestilts.training.seed_jobs import FIRST, digests, made_of, start

LARGE = 100_000  # rows


def probe_batch(
    encoder: Path,
    parent: Path | None,
    examples: list[Path],
    settings: dict[str, Any],
    out: dict[str, Path],
    record: Path,
    sweep: Path,
    device: torch.device,
) -> None:
    """Predict every untrained target with every seed's encoder; ``out`` maps a target to its table of predictions.

    Dev rows are predicted where a protocol tunes a threshold on them. ``record`` gets the ``run.json`` of them all,
    ``sweep`` the value of each of ``settings["layers"]`` in each language (a table without rows if there are none), of
    the targets whose option ``sweep`` isn't false.
    """
    torch.set_num_threads(1)
    allow_tf32(settings["tf32"])
    began = time.perf_counter()
    tokenizer = models.load_tokenizer(encoder)
    folders = {seed: start(encoder, parent, seed) for seed in settings["seeds"]}
    swept: list[pd.DataFrame] = []
    alike = parent is None and settings["init"] == "pretrained"  # then no seed has anything random in it
    for path in examples:
        table = pd.read_parquet(path)
        frames: list[pd.DataFrame] = []
        for seed in settings["seeds"]:
            if frames and alike:
                frames.append(frames[0].assign(seed=seed))
                swept.append(swept[-1].assign(seed=seed))
                continue
            rows, layers = _predict(path.stem, table, folders[seed], tokenizer, settings, seed, device)
            frames.append(rows)
            swept.append(layers)
        result = pd.concat(frames, ignore_index=True)
        with atomic(out[path.stem]) as temporary:
            result[FIRST + [name for name in result if name not in FIRST]].to_parquet(temporary, index=False)
        print(f"{settings['encoder']} / {settings['arm']}  {path.stem}: {len(result)} predictions", flush=True)
    with atomic(sweep) as temporary:
        pd.concat([pd.DataFrame(columns=LAYERS), *swept], ignore_index=True).to_csv(temporary, index=False)
    cost = {"seconds": round(time.perf_counter() - began, 2), "peak_memory_mb": peak_memory_mb()}
    origin = made_of(examples, digests(folders))
    write_json(
        record, {"settings": settings, **origin, **cost, **environment(device_name(device), torch.get_num_threads())}
    )


def _predict(
    target: str,
    table: pd.DataFrame,
    folder: Path,
    tokenizer: Any,
    settings: dict[str, Any],
    seed: int,
    device: torch.device,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The predictions of one target with one encoder, and the value of each layer of the sweep."""
    task = Task.from_settings(target, settings["tasks"][target])
    wanted = ["dev", "test"] if task.options.get("protocol") == "mining" else ["test"]
    table = table[table["split"].isin(wanted)].reset_index(drop=True)
    torch.manual_seed(initial_seed(settings["study"], seed))
    model, _ = models.load_encoder(folder, init=settings["init"])
    model.to(device)  # type: ignore[arg-type]
    blocks = model.config.num_hidden_layers
    for layer in [task.options.get("layer", -1), *settings["layers"]]:
        if layer > blocks:
            raise CodeStiltsError(
                f"encoder {settings['encoder']} has {blocks} blocks, so there is no block {layer}: correct layer and "
                "layers of definitions.encoders"
            )
    run = {"encoder": settings["encoder"], "arm": settings["arm"], "target": target, "seed": seed}

    layers = settings["layers"] if task.options.get("sweep", True) else []
    sweep = [*layers, task.options.get("layer", -1)]
    own = replace(task, options=task.options | {"layers": sweep})
    head = models.new_head(own, model, tokenizer, None, derive_seed(target, seed))
    # Millions of sentences are compared language by language, where the encoder is.
    large = len(table) > LARGE
    parts = [part.reset_index(drop=True) for _, part in table.groupby("language")] if large else [table]
    frames, values = [], []
    for part in parts:
        features = task_type(task.type).encode(part, tokenizer, task)
        outputs = outputs_of(model, head, own, tokenizer, features, settings["precision"])
        outputs = [output.to(device) for output in outputs] if large else outputs
        for place, layer in enumerate(sweep):
            vectors = [output[:, :, place] for output in outputs] if len(sweep) > 1 else outputs
            found = decoded(vectors, part, task, features).assign(**run, checkpoint="")
            if place < len(layers):
                for language, rows in found.groupby("language", sort=True):
                    values.append(run | {"language": language, "layer": layer, "value": score(rows, task.metric)})
        frames.append(found)
    return pd.concat(frames, ignore_index=True), pd.DataFrame(values, columns=LAYERS)
