"""Tags of tokens, joined by blanks: their accuracy, and the F1 of the pieces of text they mark."""

import pandas as pd

from codestilts.errors import CodeStiltsError
from codestilts.evaluation.metrics.classes import f1_ratio, ratio

Tags = list[str]


def token_accuracy(predictions: pd.DataFrame) -> pd.DataFrame:
    """Correct tags over all tags. Raises where gold and prediction differ in length."""
    gold, predicted = tag_lists(predictions)
    correct = [sum(a == b for a, b in zip(*pair, strict=True)) for pair in zip(gold, predicted, strict=True)]
    return ratio(predictions.index, correct, [len(tags) for tags in gold])


def entity_f1(predictions: pd.DataFrame) -> pd.DataFrame:
    """Micro-averaged F1 of entities in BIO tags, where type, start and end must be right (PAN-X, Pan et al. 2017).

    Entities are seqeval's in its default mode (Nakayama 2018), which follows conlleval: an ``I-`` that continues
    nothing starts one.
    """
    from seqeval.metrics.sequence_labeling import get_entities  # here, as it takes scikit-learn and a second along

    gold, predicted = ([set(get_entities(tags)) for tags in side] for side in tag_lists(predictions))
    return f1_ratio(predictions.index, gold, predicted)


def pos_f1(predictions: pd.DataFrame) -> pd.DataFrame:
    """F1 of parts of speech as XTREME reports it (Hu et al. 2020, evaluate.py), which is not the accuracy of tokens.

    XTREME hands bare tags to seqeval, which takes them for chunks: a run of one tag is right only as a whole.
    """
    gold, predicted = ([runs(tags) for tags in side] for side in tag_lists(predictions))
    return f1_ratio(predictions.index, gold, predicted)


def runs(tags: Tags) -> set[tuple[str, int, int]]:
    """Tag, first token and end of each run of one tag; every ``SCONJ`` and ``SYM`` is a run of its own.

    What seqeval 0.0.12, jiant's and the one of XTREME's time, makes of the tags of Universal Dependencies: it reads
    their first letter as the prefix of a chunk, and S means a single token. (Later versions drop that letter from the
    type as well, which makes ``CCONJ`` and ``SCONJ`` the same.)
    """
    starts = [i for i, tag in enumerate(tags) if i == 0 or tag != tags[i - 1] or tag.startswith("S")]
    return {(tags[start], start, end) for start, end in zip(starts, [*starts[1:], len(tags)], strict=True)}


def tag_lists(predictions: pd.DataFrame) -> tuple[list[Tags], list[Tags]]:
    """Gold and predicted tags of each row. Raises where the two differ in length."""
    gold, predicted = (predictions[name].str.split().tolist() for name in ("gold", "prediction"))
    for row, a, b in zip(predictions["id"], gold, predicted, strict=True):
        if len(a) != len(b):
            raise CodeStiltsError(
                f"predictions: row '{row}' has {len(b)} tags for {len(a)} tokens: predict one tag per token"
            )
    return gold, predicted
