"""Questions whose answer is a span of a passage, from tables of the hub (SQuAD and sets like it)."""

import pandas as pd

from codestilts.examples.builder_settings import BuilderSettings, Inputs
from codestilts.examples.readers.hub_tables import checked, read
from codestilts.examples.sampling import keep_rows, sample_rows


def questions(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Find the answer to a question in a passage.

    Fields: ``question``, ``context``, ``texts`` and ``starts`` (lists; empty where a question has no answer). The first
    answer is the one to train on.

    Returns:
        Questions with the span of their answer, all accepted ``answers``, and ``moved``: whether the given start was
        wrong (see :func:`locate_answers`).
    """
    return sample_rows(locate_answers(read(inputs, settings), settings), settings)


def locate_answers(frame: pd.DataFrame, settings: BuilderSettings) -> pd.DataFrame:
    """Correct the start of every answer, and drop and count the questions whose answer is not in the passage.

    Some copies on the hub have contexts whose outer white space was stripped without moving the starts (28 to 45 % of
    the rows of three languages of TyDiQA in XTREME). If an answer is not at its start, its nearest occurrence is taken.
    Questions without an answer are kept with the option ``keep_unanswerable`` only.

    Raises:
        CodeStiltsError: The texts or the starts of a row are no list.
    """
    frame = checked(frame, settings)
    located = [
        _locate(context, list(texts), list(starts))
        for context, texts, starts in zip(frame["context"], frame["texts"], frame["starts"], strict=True)
    ]
    frame = frame.drop(columns=["texts", "starts"])
    frame["answer_start"] = [start for start, _, _ in located]
    frame["answer_text"] = [texts[0] if texts else "" for _, texts, _ in located]
    frame["answers"] = pd.Series([list(dict.fromkeys(texts)) for _, texts, _ in located], index=frame.index)
    frame["moved"] = [moved for _, _, moved in located]
    frame = keep_rows(frame, frame["answer_start"] >= 0, "its answer is not in the passage", settings)
    if settings.options.keep_unanswerable:
        return frame
    return keep_rows(frame, frame["answer_text"] != "", "it has no answer", settings)


def _locate(context: str, texts: list[str], starts: list[int]) -> tuple[int, list[str], bool]:
    """The start of the first answer (0 if there is none, -1 if it is not found), the answers, whether it was moved."""
    if not texts:
        return 0, [], False
    text, start = texts[0], int(starts[0])
    if text and context[start : start + len(text)] == text:
        return start, texts, False
    occurrences = [index for index in range(len(context)) if text and context.startswith(text, index)]
    if not occurrences:
        return -1, [], True
    return min(occurrences, key=lambda index: abs(index - start)), texts, True
