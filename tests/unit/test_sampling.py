import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from codestilts.errors import CodeStiltsError
from codestilts.examples.sampling import cluster_splits, fair_shares, hash_uniform, shuffle_diverse


def test_draw_depends_on_the_words_alone():
    assert hash_uniform("a", 1) == hash_uniform("a", 1) != hash_uniform("a1")
    assert all(0 <= hash_uniform(number) < 1 for number in range(100))


def test_a_cluster_belongs_to_one_split():
    cluster = pd.Series(["a", "a", "b", "b", "c"])
    split = pd.Series(["train", "test", "intermediate", "dev", "train"])
    assert cluster_splits(cluster, split).tolist() == ["test", "test", "dev", "dev", "train"]


def test_unknown_split():
    with pytest.raises(CodeStiltsError, match="'training' is unknown"):
        cluster_splits(pd.Series(["a"]), pd.Series(["training"]))


@given(st.integers(0, 50), st.lists(st.integers(0, 30), min_size=1, max_size=5))
def test_fair_shares(total, available):
    shares = fair_shares(total, available)
    assert all(share <= most for share, most in zip(shares, available, strict=True))
    assert sum(shares) == min(total, sum(available))


@given(st.lists(st.tuples(st.sampled_from("pq"), st.integers(0, 9)), min_size=1, max_size=30))
def test_packages_take_turns_and_copies_come_last(rows):
    frame = pd.DataFrame(
        {
            "id": [str(n) for n in range(len(rows))],
            "package": [p for p, _ in rows],
            "cluster": [f"{p}{c}" for p, c in rows],
        }
    )
    order = shuffle_diverse(frame, "words")
    assert sorted(order["id"]) == sorted(frame["id"])
    for _, group in order.groupby("package"):
        first = ~group["cluster"].duplicated()
        assert first.tolist() == sorted(first, reverse=True)
    fewest = frame["package"].value_counts().min() if frame["package"].nunique() == 2 else 0
    assert (order.head(2 * fewest)["package"].value_counts() == fewest).all()
