"""Test examples with the predictions of some arms, for readers of the report; drawn at random, solved or not."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from codestilts.config.analysis_settings import SampledTarget, SamplePredictionsSettings
from codestilts.display_names import counted, language_name
from codestilts.examples.text import spelling
from codestilts.job_files import read_parquet
from codestilts.seeding import derive_seed

GENERATED_LANGUAGES = 5  # whose outputs are shown of a target of generation, the source language among them
SHOWN_TAGS = 3  # that are wrong
GOLD_TAGS = 12  # of the right answer
MAX_CHARACTERS = 600  # of a text: about a screen of the report
RIGHT_LANGUAGE = "in the right language"
CRITERIA = {  # by task type: when an answer is right, and what it is otherwise
    "classification": ("it is the right label", "wrong"),
    "multiple_choice": ("it is the right choice", "wrong"),
    "tagging": ("every token has the right tag", "not all right"),
    "span_qa": ("it is exactly an accepted text", "another text"),
    "retrieval": ("the right document is ranked first", "not first"),
    "generation": ("it is an accepted text, white space and capitals aside", "another text"),
}
COLUMNS = ["target", "language", "id", "question", "text", "gold", "encoder", "arm", "prediction", "right", "note"]


def sample_predictions(
    examples: Iterable[Path], predictions: pd.DataFrame, settings: SamplePredictionsSettings
) -> pd.DataFrame:
    """Draw a test example of each target in the source language and in one unseen language; of generation in more.

    Mining targets are left out: their answers are pairs out of a whole collection.

    Args:
        examples: The examples of each target (``TARGET.parquet``).
        predictions: The predictions of the arms to be shown, of which one seed is taken.
        settings: The targets and languages.

    Returns:
        One row per example and arm (:func:`describe`).
    """
    first_seed = predictions["seed"] == predictions["seed"].min()
    predictions = predictions[first_seed & (predictions["split"] == "test")]
    source, seen = settings.source_language, settings.seen_languages
    tables = [pd.DataFrame(columns=COLUMNS)]
    for path in examples:
        target = settings.targets[path.stem]
        if target.protocol == "mining":
            continue
        table = read_parquet(path)
        tested = sorted(set(table.loc[table["split"] == "test", "language"]))
        unseen = [name for name in tested if name != source and name not in seen]
        others = unseen[: GENERATED_LANGUAGES - 1 if target.type == "generation" else 1]
        drawn = draw(table, path.stem, [name for name in [source, *others] if name in tested])
        own = predictions[predictions["target"] == path.stem]
        tables.append(describe(table, path.stem, target, own, drawn))
    return pd.concat(tables, ignore_index=True)


def draw(examples: pd.DataFrame, target: str, languages: Iterable[str], per_language: int = 1) -> pd.DataFrame:
    """Return the first test rows of each language, in an order drawn from their ids."""
    tested = examples[examples["split"] == "test"]
    # The name of the random stream is older than that of this module: another one would draw other examples.
    order = sorted(tested.index, key=lambda row: derive_seed("showcase", target, tested.at[row, "id"]))
    shuffled = tested.loc[order]
    return pd.concat([shuffled[shuffled["language"] == language].head(per_language) for language in languages])


def describe(
    examples: pd.DataFrame, target: str, kind: SampledTarget, predictions: pd.DataFrame, drawn: pd.DataFrame
) -> pd.DataFrame:
    """Return one row per drawn example and arm: the question, the right answer, the prediction and whether it is right.

    ``predictions`` are those of one seed of each arm.
    """
    by_id = examples[examples["split"] == "test"].drop_duplicates("id").set_index("id")
    described = []
    for example in drawn.to_dict("records"):
        question, text = question_of(example, kind.type)
        for row in predictions[predictions["id"] == example["id"]].to_dict("records"):
            gold, prediction, note = answer_of(example, row, kind, by_id)
            described.append(
                {
                    "target": target,
                    "language": example["language"],
                    "id": example["id"],
                    "question": shorten(question),
                    "text": shorten(text),
                    "gold": shorten(gold),
                    "encoder": row["encoder"],
                    "arm": row["arm"],
                    "prediction": shorten(prediction),
                    "right": is_right(row, kind.type),
                    "note": note or note_on_output(row),
                }
            )
    return pd.DataFrame(described, columns=COLUMNS)


def is_right(row: Mapping[Any, Any], task_type: str) -> bool:
    """Return whether a row's prediction is right by the criterion of its task type (:data:`CRITERIA`)."""
    same = spelling if task_type == "generation" else str
    answers = row.get("answers")  # beside rows with several accepted ones, others have a missing value
    golds = [row["gold"]] if answers is None or isinstance(answers, float) or len(answers) == 0 else answers
    return same(row["prediction"]) in map(same, golds)


def note_on_output(row: dict[Any, Any]) -> str:
    """Return in words whether a generated text is in the right language, and whether it was cut; "" for other answers.

    A text whose language cannot be told counts as one in the wrong language.
    """
    found = row.get("found_language")
    if not isinstance(found, str):  # beside generated texts, other answers have a missing value
        return ""
    wrong = f"in the wrong language: {language_name(found)}" if found else "in no language that can be told"
    language = RIGHT_LANGUAGE if found == row["output_language"] else wrong
    return f"{language}, cut" if row.get("cut") else language


def question_of(example: dict[Any, Any], task_type: str) -> tuple[str, str]:
    """Return the question and the text of an example; either may be empty."""
    if task_type == "tagging":
        return "", " ".join(example["tokens"])
    if task_type == "retrieval":
        return example["query"], ""
    if task_type == "span_qa":
        return example["question"], example["context"]
    if task_type == "generation":
        return "", example["source"]
    if task_type == "multiple_choice":
        return example["context"], "\n".join(example["choices"])
    return (example["text_a"], example["text_b"]) if example["text_b"] else ("", example["text_a"])


def answer_of(
    example: dict[Any, Any], row: dict[Any, Any], kind: SampledTarget, by_id: pd.DataFrame
) -> tuple[str, str, str]:
    """Return the right answer and the prediction in words, and how much of it is right if it may be right in part.

    Args:
        example: The example.
        row: Its row of predictions.
        kind: The target.
        by_id: The test rows of the target by id, among which documents are looked up.
    """
    gold, prediction = row["gold"], row["prediction"]
    if kind.type == "tagging":
        triples = list(zip(example["tokens"], gold.split(), prediction.split(), strict=False))
        wrong = [f"{token}: {tag} for {right}" for token, right, tag in triples if right != tag]
        shown = [f"{token}/{right}" for token, right, _ in triples[:GOLD_TAGS]]
        if cut := len(triples) - len(shown):
            shown.append(f"… {counted(cut, 'more token')}")
        gold = " ".join(shown)
        others = [f"{len(wrong) - SHOWN_TAGS} more"] if len(wrong) > SHOWN_TAGS else []
        words = "; ".join([*wrong[:SHOWN_TAGS], *others]) or "all tags are right"
        return gold, words, f"{len(triples) - len(wrong)} of {len(triples)} tokens right"
    if kind.protocol == "map":
        return gold, prediction, f"average precision {row['score']:.2f}"
    if kind.type == "retrieval":
        rank = f"rank {round(1 / max(row['score'], 1e-9))} of the right document"
        first = "the right document" if prediction == gold else by_id["document"].get(prediction, "another document")
        return example["document"], first, rank
    if kind.type == "multiple_choice":
        choices = list(example["choices"])
        return choices[int(gold)], choices[int(prediction)], ""
    return gold, prediction or "(nothing)", ""


def shorten(text: str, length: int = MAX_CHARACTERS) -> str:
    """Return a text, cut with an ellipsis if it has more than ``length`` characters."""
    return text if len(text) <= length else text[:length].rstrip() + " …"
