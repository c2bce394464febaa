"""Compare the intermediate tasks of one form: sizes, lengths, labels, positions of answers, scores of trivial answers.

Tasks of a form should differ only in their texts. Any other difference could explain an effect of the domain.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pandas as pd

from codestilts.config.preparation_settings import BaselineSettings
from codestilts.evaluation.baselines import baseline_predictions
from codestilts.evaluation.generation_baselines import usual_text
from codestilts.evaluation.metrics.registry import row_sums, value
from codestilts.examples.text_clusters import parts

COLUMNS = ["form", "domain", "task", "train", "dev", "tokens", "labels", "places", "trivial"]
TOKEN = r"\w+|[^\w\s]"  # independent of encoders, so that the numbers are the same for all
# For each task type, the predictors that read nothing: the most frequent answer if there are labels.
TRIVIAL = {
    "classification": ("majority", "positive"), "tagging": ("majority",), "multiple_choice": ("majority",),
    "span_qa": ("random", "empty"), "retrieval": ("random",), "generation": ("frequent",),
}  # fmt: skip
QUARTERS = 4


def matched_tasks(specs: Mapping[str, Mapping[str, Any]], examples: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return one row for each task that declares a form and a domain, sorted by form.

    Columns: ``train`` and ``dev`` count examples, ``tokens`` is the mean number per example, ``labels`` the number of
    labels, tags or choices. ``places`` has the share (%) of each of these among the answers or, for spans, of each
    quarter of the passage. ``trivial`` is the score (0 to 1) of an answer that reads nothing, on the dev rows.

    Args:
        specs: The task files.
        examples: The examples of each task.
    """
    rows = []
    for task, frame in examples.items():
        spec = specs[task]
        if not (spec.get("form") and spec.get("domain") and spec["type"] in TRIVIAL):
            continue
        train = frame[frame["split"] == "train"]
        counts = answer_places(train, spec["type"])
        row = {"form": spec["form"], "domain": spec["domain"], "task": task, "train": len(train)}
        row |= {"dev": int((frame["split"] == "dev").sum()), "tokens": mean_tokens(train)}
        row |= {"labels": len(counts) if spec["type"] not in ("span_qa", "retrieval", "generation") else 0}
        rows.append(row | {"places": shares(counts), "trivial": trivial_score(task, frame, spec)})
    return pd.DataFrame(rows, columns=COLUMNS).sort_values(["form", "domain", "task"], ignore_index=True)


def mean_tokens(examples: pd.DataFrame) -> float:
    """Return the mean number of words and punctuation marks in the texts of an example."""
    texts = pd.Series([" ".join(texts) for texts in parts(examples)], dtype=object)
    return float(texts.str.count(TOKEN).mean())


def answer_places(examples: pd.DataFrame, kind: str) -> Counter[Any]:
    """Count the answers by label, tag or index, or by quarter of the passage; retrieval and generation have none."""
    if kind in ("retrieval", "generation"):
        return Counter()
    if kind == "tagging":
        return Counter(tag for tags in examples["tags"] for tag in tags)
    if kind == "span_qa":
        pairs = zip(examples["answer_start"], examples["context"], strict=True)
        found = Counter(QUARTERS * int(start) // max(len(context), 1) for start, context in pairs)
        return Counter({quarter: found[quarter] for quarter in range(QUARTERS)})
    return Counter(examples["label"])


def shares(counts: Mapping[Any, int]) -> str:
    """Return the shares in percent, in the order of the keys: ``75 25`` for three a and one b."""
    total = sum(counts.values())
    return " ".join(f"{100 * counts[key] / total:.0f}" for key in sorted(counts)) if total else ""


def trivial_score(task: str, examples: pd.DataFrame, spec: Mapping[str, Any]) -> float:
    """Return the score on the dev rows of the best answer that reads nothing."""
    if spec["type"] == "generation":  # whose other baselines search all train rows for the nearest one
        train, dev = (examples[examples["split"] == split] for split in ("train", "dev"))
        usual = usual_text(train["reference"].tolist())
        return float(value(row_sums(dev.assign(gold=dev["reference"], prediction=usual), spec["metric"])))
    shown = examples.assign(split=examples["split"].replace("dev", "test"))
    found = baseline_predictions(shown, task, BaselineSettings(spec["type"], metric=spec["metric"]))
    names = [f"baseline:{name}" for name in TRIVIAL[spec["type"]]]
    answers = [own for arm, own in found.groupby("arm") if arm in names]
    return max(float(value(row_sums(own, spec["metric"]))) for own in answers)
