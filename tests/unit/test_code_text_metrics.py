"""Metrics of generated code, by hand."""

import pandas as pd
import pytest

from codestilts.evaluation.metrics.code_text import code_exact_match, code_similarity
from codestilts.examples.text import spelling


def table(*pairs):
    return pd.DataFrame(pairs, columns=["gold", "prediction"])


def test_white_space_capitals_and_accents_do_not_count():
    assert spelling("return\n thisÄValue ;") == "returnthisavalue;"
    rows = table(("return thisValue;", "return thisvalue ;"), ("a", "a b"), ("", " "), ("x_y", "x - y"))
    assert code_exact_match(rows)["numerator"].tolist() == [1, 0, 1, 0]
    assert code_exact_match(rows)["denominator"].tolist() == [1, 1, 1, 1]


def test_similarity_is_twice_the_common_characters_of_both():
    """abcd and bd: 2 common characters of 4 + 2; ab and cd: none; the last has nothing to differ in."""
    rows = table(("a b c d", "B D"), ("ab", "cd"), ("abc", "A b C"), ("abc", ""), ("", ""))
    assert code_similarity(rows)["numerator"].tolist() == pytest.approx([4 / 6, 0, 1, 0, 1])
