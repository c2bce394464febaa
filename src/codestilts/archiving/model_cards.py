"""Cards of the models that a study has kept, in the format of the Hugging Face hub: YAML metadata and Markdown."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from huggingface_hub import ModelCardData

from codestilts.archiving.data_cards import CATEGORIES, LEAKAGE
from codestilts.archiving.markdown import card, hub_language, hub_licence, markdown_table, render
from codestilts.columns import Record
from codestilts.config.study import Study
from codestilts.csv_tables import read_csv
from codestilts.provenance import file_digest
from codestilts.result_files import finished_files

TEMPLATE = "report/model_card.md.j2"
WEIGHTS = "encoder.safetensors"


def model_cards(study: Study, results: Path, root: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of a card for each encoder, arm and target, which has a row for each kept seed.

    Intermediate models have cards of their own. A model is kept if its weights are on the disk.
    """
    audit, scores = read_csv(results / "audit.csv"), read_csv(results / "scores.csv")
    for kind, pattern in (("intermediate", "*/*/*/*"), ("target", "*/*/*/*/*")):
        folders: dict[tuple[str, ...], list[Path]] = {}
        for path in finished_files(results / kind, f"{pattern}/{WEIGHTS}"):
            folders.setdefault(path.parent.relative_to(results / kind).parts[:-2], []).append(path.parent)
        for names, models in folders.items():
            name = "/".join([*names, *(["intermediate"] if kind == "intermediate" else [])])
            yield f"cards/models/{name}.md", model_card(study, models, audit, scores, root).encode()


def model_card(study: Study, models: Sequence[Path], audit: pd.DataFrame, scores: pd.DataFrame, root: Path) -> str:
    """Return the card of the models of some seeds, which are alike in everything else."""
    records = [json.loads((model / "run.json").read_text(encoding="utf-8")) for model in models]
    first: Record = records[0]
    encoder, arm, target = first["encoder"], first["arm"], first.get("target") or ""
    source = study.sources[study.source_of_encoder(encoder)]
    parent = study.parent_arm(arm)
    intermediate = study.arms[parent].tasks if parent else []
    trained = [target] if target else intermediate
    languages = {task: study.task_languages(task) for task in trained}
    name, details = hub_licence([source.licence])
    metadata = ModelCardData(
        license=name,
        license_name=details,
        base_model=source.id.partition("/")[2] if source.kind == "hub" else None,
        language=sorted({hub_language(name) for task in trained for name in languages[task]}),
        pipeline_tag=CATEGORIES[study.tasks[target].type] if target else None,
        tags=["intermediate-task-training", f"encoder:{encoder}", f"arm:{arm}"],
    )
    tested = [target] if target else study.targets
    related = audit[audit["trained_on"].isin([*trained, *intermediate]) & audit["tested_on"].isin(tested)]
    leaks = related[related["remaining"].astype(float) > 0]
    own = scores[(scores["encoder"] == encoder) & (scores["arm"] == arm) & (scores["target"] == target)]
    values: dict[str, Any] = {
        "study": study.name,
        "record": first,
        "settings": {key: value for key, value in first["settings"].items() if key not in ("tasks", "seeds")},
        "tasks": markdown_table(pd.DataFrame([_task_row(study, task, first) for task in trained])),
        "source": source,
        "arm": study.arms[arm],
        "parent": parent,
        "target": target,
        "models": markdown_table(pd.DataFrame(map(_model_row, models, records))),
        "scores": markdown_table(test_scores(own)) if len(own) else "",
        "leakage": markdown_table(leaks[LEAKAGE]) if len(leaks) else "",
    }
    return card(metadata, render(root / TEMPLATE, values))


def _model_row(model: Path, record: Record) -> Record:
    dev = ", ".join(f"{task} {100 * value:.1f}" for task, value in sorted(record.get("dev", {}).items()))
    return {
        "seed": record["seed"],
        "steps": record["steps"],
        "tokens": record["tokens"],
        "dev (points)": dev,
        "seconds": record["seconds"],
        f"sha256 of {WEIGHTS}": file_digest(model / WEIGHTS),
    }


def _task_row(study: Study, task: str, record: Record) -> Record:
    spec, drawn = study.tasks[task], record.get("drawn", {}).get(task, {})
    return {
        "task": task,
        "type": spec.type,
        "metric": spec.metric,
        "train rows": drawn.get("rows", ""),
        "drawn from": drawn.get("pool", ""),
        "defects": spec.defects,
        "licence": spec.licence,
    }


def test_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the mean over seeds of the test scores of each language, in points, and the number of test examples."""
    selected = scores[scores["checkpoint"] == scores["checkpoint"].iloc[0]]
    table = selected.groupby(["language", "metric"]).agg(
        value=("value", "mean"), seeds=("seed", "nunique"), n=("n", "max")
    )
    table["value"] = (100 * table["value"]).round(1)
    return table.rename(columns={"value": "points", "n": "test examples"}).reset_index()
