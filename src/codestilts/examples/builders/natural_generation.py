"""Natural-language tasks whose answer is generated: answers to questions about a passage, and summaries of articles.

An output has to be in the language of its input, so a model that is fine-tuned on English and answers in English has
answered in the wrong language (Chirkova, Liang and Nikoulina 2023, arXiv 2310.09917).
"""

import pandas as pd

from codestilts.columns import EXAMPLE_COLUMNS
from codestilts.examples.builder_settings import BuilderSettings, Inputs
from codestilts.examples.builders.natural import read_tydiqa
from codestilts.examples.readers.hub_tables import checked, read
from codestilts.examples.sampling import drop_blank, sample_rows
from codestilts.examples.text import is_blank, most_similar, sentences


def answers(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Answer questions in words. Fields: ``question``, ``context`` and ``texts`` (a list)."""
    return _in_words(read(inputs, settings), settings)


def tydiqa_answers(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Answer the questions of TyDiQA in words (:func:`codestilts.examples.builders.natural.read_tydiqa`)."""
    return _in_words(read_tydiqa(inputs, settings), settings)


def _in_words(frame: pd.DataFrame, settings: BuilderSettings) -> pd.DataFrame:
    """Ask for the text of an answer instead of its place.

    The source has the question first, because a long passage is cut at its end. The accepted ``answers``, which metrics
    compare all, are the texts that are not blank; they need not be in the passage. The reference is the first. The
    baseline copies the sentence that is most like the question.

    Raises:
        CodeStiltsError: The texts of a row are no list.
    """
    frame = drop_blank(checked(frame, settings), ["question", "context"], settings)
    answers = [list(dict.fromkeys(text for text in texts if not is_blank(str(text or "")))) for texts in frame["texts"]]
    pairs = zip(frame["question"], map(sentences, frame["context"]), strict=True)
    frame = frame.assign(
        source=frame["question"] + "\n" + frame["context"],
        reference=[texts[0] if texts else "" for texts in answers],
        answers=pd.Series(answers, frame.index, dtype=object),
        copied=[parts[most_similar(question, parts)] for question, parts in pairs],
    )
    columns = ["source", "reference", "output_language", "answers", "copied", *(["unit"] if "unit" in frame else [])]
    return _generated(frame, settings)[[*EXAMPLE_COLUMNS, *columns]]


def summaries(inputs: Inputs, settings: BuilderSettings) -> pd.DataFrame:
    """Summarise articles (XL-Sum). Fields: ``source`` and ``reference``."""
    return _generated(read(inputs, settings), settings)


def _generated(frame: pd.DataFrame, settings: BuilderSettings) -> pd.DataFrame:
    """Leave out rows with an empty side, and sample the others."""
    frame = drop_blank(frame, ["source", "reference"], settings)
    return sample_rows(frame.assign(output_language=frame["language"]), settings)
