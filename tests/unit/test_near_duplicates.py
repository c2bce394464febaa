import numpy as np
import pandas as pd
from functions_table import function
from hypothesis import given
from hypothesis import strategies as st

from codestilts.examples.near_duplicates import cluster, components, equal_pairs, hash_words, shingles, signatures

LONG = " + ".join(f"part{chr(97 + n)}" for n in range(24))


def clusters_of(*rows):
    found = cluster(pd.DataFrame(rows)).set_index("id")
    return [found["cluster"][row["id"]] for row in rows], found


def test_the_same_but_for_the_style_of_names():
    one = function("p", "train", "one", {"aValue": ""}, f"return getNode(aValue) + {LONG}", "")
    two = function("q", "test", "two", {"a_value": ""}, f"return get_node(a_value) + {LONG}", "")
    other = function("q", "test", "other", {"x": ""}, "return [x, x, x] - {x, x} / 3 - x[0:3]", "")
    (first, second, third), found = clusters_of(one, two, other)
    assert first == second != third
    assert set(found["split"]) == {"test"}  # the train member may not be used


def test_the_same_shape_with_all_names_changed():
    code = "return " + " + ".join(f"{{0}}{n}({{1}}{n})" for n in range(9))
    rows = [function("p", "train", f"n{x}", {"x": ""}, code.format(*x), "") for x in ("ab", "cd")]
    (first, second), _ = clusters_of(*rows)
    assert first == second


def test_short_functions_of_one_shape_stay_apart():
    rows = [function("p", "train", f"get_{x}", {"self": ""}, f"return self.{x}", "") for x in ("colour", "weight")]
    (first, second), _ = clusters_of(*rows)
    assert first != second


def test_same_name_and_documentation():
    one = function("p", "train", "getNode", {"x": ""}, "return x + 1 * 2 - 3 / x", "Returns the node.")
    two = function("q", "dev", "get_node", {"y": ""}, "if not y: return g[y, 0]", "returns the node")
    (first, second), found = clusters_of(one, two)
    assert first == second == min(one["id"], two["id"])
    assert set(found["split"]) == {"dev"}


def test_order_of_the_input_does_not_matter():
    rows = [function("p", "train", f"n{n}", {"x": ""}, f"return x{n} + {LONG}", "") for n in range(5)]
    assert cluster(pd.DataFrame(rows)).equals(cluster(pd.DataFrame(rows[::-1])))


def test_shingles_stay_within_a_text():
    together, starts = shingles(hash_words(list("abcdefgh")), np.array([3, 5]))
    alone, _ = shingles(hash_words(list("defgh")), np.array([5]))
    assert starts.tolist() == [0, 3]
    assert together[3:].tolist() == alone.tolist()


@given(st.lists(st.sampled_from("abcdefghij"), min_size=12, max_size=40), st.integers(0, 11))
def test_signatures_estimate_jaccard_similarity(words, drop):
    changed = words[:drop] + words[drop + 1 :]
    lengths = np.array([len(words), len(changed)])
    both = hash_words(words + changed)
    hashes, starts = shingles(both, lengths)
    one, two = set(hashes[: starts[1]].tolist()), set(hashes[starts[1] :].tolist())
    estimate = (signatures(both, lengths)[0] == signatures(both, lengths)[1]).mean()
    assert abs(estimate - len(one & two) / len(one | two)) < 0.3


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9))))
def test_components_are_named_by_their_smallest_member(pairs):
    found = components(10, np.array(pairs, dtype=np.int64).reshape(-1, 2))
    assert all(found[one] == found[two] for one, two in pairs)
    assert all(found[name] == name for name in found)
    assert (found <= np.arange(10)).all()


def test_missing_keys_join_nothing():
    assert equal_pairs(pd.Series(["a", None, "a", None, "b"])).tolist() == [[0, 2]]
