"""Cards of the data sets that a study has built, in the format of the Hugging Face hub: YAML metadata and Markdown."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
from huggingface_hub import DatasetCardData

from codestilts.archiving.licences import may_be_shared, sources_of_examples
from codestilts.archiving.markdown import CODE, card, hub_language, hub_licence, markdown_table, render
from codestilts.config.study import Study
from codestilts.csv_tables import read_csv
from codestilts.errors import CodeStiltsError
from codestilts.result_files import examples_of

TEMPLATE = "report/data_card.md.j2"
SPLITS = ["train", "dev", "test"]
# The hub's names of tasks (https://huggingface.co/docs/hub/datasets-cards), by task type.
CATEGORIES = {
    "classification": "text-classification",
    "multiple_choice": "multiple-choice",
    "tagging": "token-classification",
    "span_qa": "question-answering",
    "retrieval": "text-retrieval",
    "generation": "text-generation",
    "mlm": "fill-mask",
}
SIZES = {1_000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K", 1_000_000: "100K<n<1M", 10_000_000: "1M<n<10M"}
LABELS = {"classification": "label", "multiple_choice": "label", "tagging": "tags"}  # columns with labels
LEAKAGE = ["trained_on", "split", "tested_on", "tested", "clusters", "shared_texts", "left_out", "remaining"]


def data_cards(study: Study, results: Path, root: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the name and content of the card of each built data set.

    Raises:
        CodeStiltsError: The examples of a task are missing.
    """
    audit = read_csv(results / "audit.csv")
    for task in study.examples:
        path = results / examples_of(task)
        if not path.exists():
            raise CodeStiltsError(f"{path}: missing, and its data card says what is in it: run the study again")
        yield f"cards/data/{task}.md", data_card(study, task, path, audit, root).encode()


def data_card(study: Study, task: str, examples: Path, audit: pd.DataFrame, root: Path) -> str:
    """Return the card of a task's examples."""
    spec, label = study.tasks[task], LABELS.get(study.tasks[task].type, "")
    present = [name for name in ("language", "split", label) if name in pq.read_schema(examples).names]
    rows = pd.read_parquet(examples, columns=present)
    sources = [study.sources[name] for name in sources_of_examples(study, task, examples)]
    languages = sorted(map(str, rows["language"].unique()))
    name, details = hub_licence(source.licence for source in sources)
    metadata = DatasetCardData(
        pretty_name=task,
        license=name,
        license_name=details,
        language=sorted(set(map(hub_language, languages))),
        task_categories=[CATEGORIES[spec.type]],
        size_categories=[next((size for most, size in SIZES.items() if len(rows) < most), "n>10M")],
        tags=[f"programming-language:{name}" for name in languages if hub_language(name) == CODE] or None,
    )
    related = audit[(audit["trained_on"] == task) | (audit["tested_on"] == task)]
    found = related[(related[["clusters", "shared_texts", "left_out", "remaining"]].astype(float) > 0).any(axis=1)]
    values: dict[str, Any] = {
        "study": study.name,
        "task": spec,
        "role": study.role(task),
        "parts": study.parts(task),
        "sizes": markdown_table(sizes(rows)),
        "labels": markdown_table(balance(rows, label)) if label in rows else "",
        "sources": markdown_table(
            pd.DataFrame(
                {
                    "source": [source.name for source in sources],
                    "version": [source.version for source in sources],
                    "licence": [source.licence for source in sources],
                    "may be passed on": ["yes" if may_be_shared(source.licence) else "no" for source in sources],
                    "citation": [source.citation for source in sources],
                }
            )
        ),
        "compared": len(related),
        "leakage": markdown_table(found[LEAKAGE]) if len(found) else "",
        "left_out": study.leaves_out,
    }
    return card(metadata, render(root / TEMPLATE, values))


def sizes(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the number of examples by language and split, with sums."""
    table = pd.crosstab(rows["language"], rows["split"]).reindex(columns=SPLITS, fill_value=0)
    table.loc["all"] = table.sum()
    return table.rename_axis(None, axis=1).reset_index()


def balance(rows: pd.DataFrame, label: str) -> pd.DataFrame:
    """Return the share of each label (or tag) in each split, in percent, the most frequent first."""
    labels: Sequence[str] = [name for name in SPLITS if name in set(rows["split"])]
    long = rows.explode(label)
    shares = 100 * pd.crosstab(long[label].astype(str), long["split"], normalize="columns")[labels]
    order = shares.mean(axis=1).sort_values(ascending=False, kind="stable").index
    return shares.loc[order].round(1).rename_axis(None, axis=1).reset_index()
