import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.clouds import labels_of
from waypost_server.core.sampling import evenly, ranks

SIZES = st.lists(st.integers(1, 60), min_size=1, max_size=12)


@given(sizes=SIZES, most=st.integers(1, 300))
def test_every_class_keeps_all_it_has_or_as_many_as_any_other(sizes: list[int], most: int) -> None:
    labels = labels_of(sizes)
    kept = np.bincount(labels[evenly(labels, most)], minlength=len(sizes))
    quota = kept.max()
    assert kept.tolist() == [min(size, quota) for size in sizes]
    assert kept.sum() <= max(most, len(sizes))
    if kept.sum() < len(labels) and quota > 1:  # one more of each would have been too many
        assert sum(min(size, quota + 1) for size in sizes) > most


@given(sizes=SIZES, most=st.integers(1, 300), seed=st.integers(0, 9))
def test_rows_ascend_and_are_none_twice_in_whatever_order_the_labels_are(
    sizes: list[int], most: int, seed: int
) -> None:
    labels = np.random.default_rng(seed).permutation(labels_of(sizes))
    rows = evenly(labels, most)
    assert (np.diff(rows) > 0).all()
    assert 0 <= rows[0] <= rows[-1] < len(labels)


def test_of_a_large_class_rows_from_all_over_it_are_kept() -> None:
    assert evenly(np.zeros(12, dtype=np.int32), 4).tolist() == [2, 5, 8, 11]


def test_ranks_count_within_each_class() -> None:
    rank, counts = ranks(np.array([2, 0, 2, 2, 0], dtype=np.int32))
    assert rank.tolist() == [0, 0, 1, 2, 1]
    assert counts.tolist() == [2, 0, 3]
