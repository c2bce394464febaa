"""Questions whose answer is a piece of a passage, out of tables of the hub (SQuAD and its kin)."""

import pandas as pd

from codestilts.examples.readers.hub_tables import read
from codestilts.examples.sampling import Inputs, Settings, sample_rows


def questions(inputs: Inputs, settings: Settings) -> pd.DataFrame:
    """Questions with the answer's place, all accepted ``answers``, and ``moved``: was the place put right?

    Fields: ``question``, ``context``, ``texts`` and ``starts`` (lists; empty where a question has no answer). The first
    answer is the one to train on. The hub's copies of some sets have contexts whose outer blanks were cut off without
    moving the places (28 to 45 % of three languages of TyDiQA in XTREME): an answer is looked for where it says it is,
    then at its nearest occurrence; an answer that is nowhere in its context takes its question along.
    """
    return sample_rows(locate_answers(read(inputs, settings), settings), settings)


def locate_answers(frame: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """The questions whose answer is in the passage, with its place; see :func:`answers`."""
    found = [
        _placed(context, list(texts), list(starts))
        for context, texts, starts in zip(frame["context"], frame["texts"], frame["starts"], strict=True)
    ]
    frame = frame.drop(columns=["texts", "starts"])
    frame["answer_start"] = [start for start, _, _ in found]
    frame["answer_text"] = [texts[0] if texts else "" for _, texts, _ in found]
    frame["answers"] = pd.Series([list(dict.fromkeys(texts)) for _, texts, _ in found], index=frame.index)
    frame["moved"] = [moved for _, _, moved in found]
    if not settings.get("keep_unanswerable"):
        frame = frame[frame["answer_text"] != ""]
    else:
        frame = frame[frame["answer_start"] >= 0]
    return frame.reset_index(drop=True)


def _placed(context: str, texts: list[str], starts: list[int]) -> tuple[int, list[str], bool]:
    """Start of the first answer (0 if there is none, -1 if it can't be found), the answers, whether it was moved."""
    if not texts:
        return 0, [], False
    text, start = texts[0], int(starts[0])
    if text and context[start : start + len(text)] == text:
        return start, texts, False
    places = [place for place in range(len(context)) if text and context.startswith(text, place)]
    if not places:
        return -1, [], True
    return min(places, key=lambda place: abs(place - start)), texts, True
