"""Tables of scores, in points: by the block whose states are averaged, and by the checkpoint that is tested."""

from collections.abc import Mapping

import pandas as pd

from codestilts.columns import NONE

CHECKPOINTS = ["dev", "last", "oracle"]


def layer_scores(layers: pd.DataFrame) -> pd.DataFrame:
    """Return the scores of untrained targets (rows) by block (columns) without intermediate training.

    Values are means over seeds and languages.
    """
    none = layers[layers["arm"] == NONE]
    table = 100 * none.pivot_table(index="target", columns="layer", values="value", aggfunc="mean")
    return table.rename_axis(columns=None)


def checkpoint_scores(scores: pd.DataFrame, metrics: Mapping[str, str]) -> pd.DataFrame:
    """Return the scores of fine-tuned targets (rows) by checkpoint (columns).

    Values are means over zero-shot languages and all arms but controls. The table is empty if only one kind of
    checkpoint is tested.

    Args:
        scores: The score table.
        metrics: The main metric of each target.
    """
    main = scores[scores["metric"] == scores["target"].map(metrics)]
    trained = main[(main["checkpoint"] != "") & main["zero_shot"] & (main["family"] != "control")]
    table = 100 * trained.pivot_table(index="target", columns="checkpoint", values="value", aggfunc="mean")
    columns = [name for name in CHECKPOINTS if name in table]
    return table.loc[:, columns].rename_axis(columns=None) if len(columns) > 1 else table.iloc[:0, :0]
