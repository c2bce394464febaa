"""The languages of generated texts, as shares of the outputs: of the runs, and of trials of learning rates. Light."""

import pandas as pd

from codestilts.columns import CUT, OTHER_LANGUAGE, RIGHT_LANGUAGE

WRONG_LANGUAGE, UNKNOWN_LANGUAGE = "wrong_language", "unknown_language"
SHARES = [WRONG_LANGUAGE, UNKNOWN_LANGUAGE, CUT]  # of outputs, in percent
MEASURES = ["quality", *SHARES]


def shares_of_outputs(means: pd.DataFrame) -> pd.DataFrame:
    """Return :data:`SHARES` in percent from the metrics :data:`OF_OUTPUTS`, columns of means between 0 and 1.

    An output in the wrong language is one that is found to be in another one; of an unknown one it cannot be told.
    """
    unknown = 1 - means[RIGHT_LANGUAGE] - means[OTHER_LANGUAGE]
    shares = {WRONG_LANGUAGE: means[OTHER_LANGUAGE], UNKNOWN_LANGUAGE: unknown, CUT: means[CUT]}
    return 100 * pd.DataFrame(shares)
