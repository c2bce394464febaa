"""A few test examples with what some arms predicted, for readers of the report; chosen by lot, not by
success.
"""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from codestilts.seeding import derive_seed

LONGEST = 600  # characters of a text
COLUMNS = ["target", "language", "id", "question", "text", "gold", "arm", "prediction", "right"]


def chosen(examples: pd.DataFrame, target: str, languages: Iterable[str], each: int = 1) -> pd.DataFrame:
    """The first ``each`` test rows of each language, in an order drawn from their ids."""
    tested = examples[examples["split"] == "test"]
    order = sorted(tested.index, key=lambda row: derive_seed("showcase", target, tested.at[row, "id"]))
    shuffled = tested.loc[order]
    return pd.concat([shuffled[shuffled["language"] == language].head(each) for language in languages])


def showcase(
    examples: pd.DataFrame, target: str, kind: str, predictions: pd.DataFrame, rows: pd.DataFrame
) -> pd.DataFrame:
    """One row per chosen example and arm: what was asked, the right answer, the prediction and whether it is
    right.

    ``kind`` is the task type; ``predictions`` are those of one seed of each arm to show.
    """
    by_id = examples[examples["split"] == "test"].drop_duplicates("id").set_index("id")
    found = []
    for example in rows.to_dict("records"):
        question, text = asked(example, kind)
        for answer in predictions[predictions["id"] == example["id"]].to_dict("records"):
            gold, said, right = told(example, answer, kind, by_id)
            about = {"target": target, "language": example["language"], "id": example["id"]}
            shown = {"question": short(question), "text": short(text), "gold": short(gold)}
            found.append({**about, **shown, "arm": answer["arm"], "prediction": short(said), "right": right})
    return pd.DataFrame(found, columns=COLUMNS)


def asked(example: dict[Any, Any], kind: str) -> tuple[str, str]:
    """The question and the text of an example (either may be empty)."""
    if kind == "tagging":
        return "", " ".join(example["tokens"])
    if kind == "retrieval":
        return example["query"], ""
    if kind == "span_qa":
        return example["question"], example["context"]
    if kind == "multiple_choice":
        return example["context"], "\n".join(example["choices"])
    return (example["text_a"], example["text_b"]) if example["text_b"] else ("", example["text_a"])


def told(example: dict[Any, Any], answer: dict[Any, Any], kind: str, by_id: pd.DataFrame) -> tuple[str, str, bool]:
    """The right answer and the prediction as a reader can understand them, and whether they agree."""
    gold, said = answer["gold"], answer["prediction"]
    if kind == "tagging":
        triples = list(zip(example["tokens"], gold.split(), said.split(), strict=False))
        wrong = [f"{token}: {tag} for {right}" for token, right, tag in triples if right != tag]
        count = f"{len(triples) - len(wrong)} of {len(triples)} right"
        gold = " ".join(f"{token}/{right}" for token, right, _ in triples[:12])
        return gold, "; ".join([count, *wrong[:3]]), not wrong
    if kind == "retrieval":
        first = by_id["document"].get(said, "") if said != gold else ""
        place = f"rank {round(1 / max(answer['score'], 1e-9))}"
        return example["document"], f"{place}; first was\n{first}" if first else place, said == gold
    if kind == "multiple_choice":
        choices = list(example["choices"])
        return choices[int(gold)], choices[int(said)], gold == said
    return gold, said or "(nothing)", gold == said


def short(text: str, longest: int = LONGEST) -> str:
    """The text, cut with an ellipsis after ``longest`` characters."""
    return text if len(text) <= longest else text[:longest].rstrip() + " …"
