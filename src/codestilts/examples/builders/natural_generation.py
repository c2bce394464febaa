"""Natural-language tasks whose answer is generated: answers to questions about a passage, and summaries of articles.

An output has to be in the language of its input, so a model that is fine-tuned on English and answers in English has
answered in the wrong language (Chirkova, Liang and Nikoulina 2023, arXiv 2310.09917).
"""

import pandas as pd

from codestilts.columns import EXAMPLE_COLUMNS
from codestilts.examples.builder_settings import BuilderSettings, Inputs
from codestilts.examples.builders.extractive_qa import questions
from codestilts.examples.builders.natural import tydiqa
from codestilts.examples.readers.hub_tables import read
from codestilts.examples.sampling import keep_rows, sample_rows
from codestilts.examples.text import most_similar, sentences


def answers(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Answer questions in words: those of :func:`codestilts.examples.builders.extractive_qa.questions`."""
    return _in_words(questions(inputs, settings.without_sizes()), settings)


def tydiqa_answers(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Answer the questions of TyDiQA in words: those of :func:`codestilts.examples.builders.natural.tydiqa`."""
    return _in_words(tydiqa(inputs, settings.without_sizes()), settings)


def _in_words(frame: pd.DataFrame, settings: BuilderSettings) -> pd.DataFrame:
    """Ask for the text of an answer instead of its place.

    The source has the question first, because a long passage is cut at its end. The reference is the first of the
    accepted ``answers``, which metrics compare all. The baseline copies the sentence that is most like the question.
    """
    pairs = zip(frame["question"], map(sentences, frame["context"]), strict=True)
    frame = frame.assign(
        source=frame["question"] + "\n" + frame["context"],
        reference=frame["answer_text"],
        copied=[parts[most_similar(question, parts)] for question, parts in pairs],
    )
    columns = ["source", "reference", "output_language", "answers", "copied", *(["unit"] if "unit" in frame else [])]
    return _generated(frame, settings)[[*EXAMPLE_COLUMNS, *columns]]


def summaries(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Summarise articles (XL-Sum). Fields: ``source`` and ``reference``."""
    return _generated(read(inputs, settings), settings)


def _generated(frame: pd.DataFrame, settings: BuilderSettings) -> pd.DataFrame:
    """Leave out rows with an empty side, and sample the others."""
    for side in ("source", "reference"):
        frame = keep_rows(frame, frame[side].str.strip() != "", f"its {side} is empty", settings)
    return sample_rows(frame.assign(output_language=frame["language"]), settings)
