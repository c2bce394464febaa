"""Metrics of tagging, on tags joined by spaces: accuracy of tokens, and F1 of the spans that tags mark."""

import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.evaluation.metrics.classes import f1_ratio, ratio

Tags = list[str]


def token_accuracy(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return correct tags over all tags. Raises :class:`CodeStiltsError` if gold and prediction differ in length."""
    gold, predicted = tag_lists(predictions)
    correct = [sum(a == b for a, b in zip(*pair, strict=True)) for pair in zip(gold, predicted, strict=True)]
    return ratio(predictions.index, correct, [len(tags) for tags in gold])


def entity_f1(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the micro-averaged F1 of entities in BIO tags; type, start and end must be right (PAN-X, Pan et al. 2017).

    Entities are those of seqeval's default mode (Nakayama 2018), which follows conlleval: an ``I-`` that continues
    nothing starts an entity.
    """
    from seqeval.metrics.sequence_labeling import get_entities  # slow to import: it needs scikit-learn

    gold, predicted = ([set(get_entities(tags)) for tags in side] for side in tag_lists(predictions))
    return f1_ratio(predictions.index, gold, predicted)


def pos_f1(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the F1 of parts of speech as XTREME reports it (Hu et al. 2020, evaluate.py), not token accuracy.

    XTREME passes plain tags to seqeval, which takes them for chunks: a run of one tag is right only as a whole.
    """
    gold, predicted = ([runs(tags) for tags in side] for side in tag_lists(predictions))
    return f1_ratio(predictions.index, gold, predicted)


def runs(tags: Tags) -> set[tuple[str, int, int]]:
    """Return the tag, first token and end of each run of one tag; every ``SCONJ`` and ``SYM`` is a run of its own.

    This is how seqeval 0.0.12, which jiant and XTREME used, reads the tags of Universal Dependencies: their first
    letter is the prefix of a chunk, and S means a single token. Later versions also drop that letter from the type,
    which makes ``CCONJ`` and ``SCONJ`` the same.
    """
    starts = [i for i, tag in enumerate(tags) if i == 0 or tag != tags[i - 1] or tag.startswith("S")]
    return {(tags[start], start, end) for start, end in zip(starts, [*starts[1:], len(tags)], strict=True)}


def tag_lists(predictions: pd.DataFrame) -> tuple[list[Tags], list[Tags]]:
    """Return gold and predicted tags of each row. Raises :class:`CodeStiltsError` if the two differ in length."""
    gold, predicted = (predictions[name].str.split().tolist() for name in ("gold", "prediction"))
    for row, a, b in zip(predictions["id"], gold, predicted, strict=True):
        if len(a) != len(b):
            raise CodeStiltsError(
                f"predictions: row '{row}' has {len(b)} tags for {len(a)} tokens: predict one tag per token"
            )
    return gold, predicted
