import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.clouds import Clouds, labels_of
from waypost_server.core.arrays import join
from waypost_server.core.crossfit import ENOUGH, HeldOut, hold_out, one_fold, split_folds
from waypost_server.core.head import Negatives

SIZES = st.lists(st.integers(1, 40), min_size=1, max_size=12)


def held_out(sizes: list[int], *, outside: int = 0, clouds: Clouds | None = None) -> HeldOut | None:
    clouds = clouds or Clouds(len(sizes))
    inputs = np.concatenate(
        [clouds.draw(labels_of(sizes), seed=3), clouds.strangers(outside, seed=3)]
    )
    return hold_out(inputs, labels_of([*sizes, outside]), len(sizes), dimension=clouds.dimension)


@given(sizes=SIZES, folds=st.integers(2, 10))
def test_folds_hold_as_many_of_each_class_give_or_take_one(sizes: list[int], folds: int) -> None:
    labels = labels_of(sizes)
    fold_of = split_folds(labels, folds)
    for label, size in enumerate(sizes):
        own = fold_of[labels == label]
        if size == 1:
            assert own.tolist() == [-1]
        else:
            counts = np.bincount(own, minlength=folds)
            assert counts.sum() == size
            assert counts.max() - counts.min() <= 1


def test_small_classes_do_not_all_fall_into_one_fold() -> None:
    fold_of = split_folds(labels_of([2] * 50), 10)
    assert np.bincount(fold_of, minlength=10).tolist() == [10] * 10


@given(sizes=SIZES)
def test_the_order_of_examples_within_the_table_decides_nothing_else(sizes: list[int]) -> None:
    labels = labels_of(sizes)
    shuffled = np.random.default_rng(0).permutation(labels)
    for label in range(len(sizes)):
        assert (
            np.bincount(split_folds(labels, 5)[labels == label] + 1, minlength=6).tolist()
            == np.bincount(split_folds(shuffled, 5)[shuffled == label] + 1, minlength=6).tolist()
        )


def test_a_held_out_exemplar_is_unknown_to_head_and_similarity_alike() -> None:
    # Each exemplar has an axis of its own: whoever knew it would recognise it with certainty, and
    # whoever does not can only guess between ten routes.
    count, routes = 60, 10
    axes = np.eye(count, dtype=np.float32)
    result = hold_out(np.hstack([axes, axes]), labels_of([6] * routes), routes, dimension=count)
    assert result is not None
    np.testing.assert_array_equal(result.similarity, np.zeros(count))
    np.testing.assert_array_equal(result.evidence.surroundings, np.zeros(count))
    assert result.right.mean() <= 0.3
    assert result.evidence.lead.max() < 1.0


def test_what_is_held_out_is_judged_as_a_stranger_would_be() -> None:
    clouds = Clouds(8, spread=1.2)
    result = held_out([10] * 8, clouds=clouds)
    assert result is not None
    fresh = clouds.draw(labels_of([50] * 8), seed=99)
    nearest = (fresh @ clouds.draw(labels_of([10] * 8), seed=3).T).max()
    assert 0.5 < result.right.mean() < 1
    assert result.similarity.max() <= nearest + 0.2


@pytest.mark.parametrize("sizes", [[1, 5, 1, 5], [1, 2], [3, 1, 1]])
def test_an_only_exemplar_is_never_held_out_but_every_other_is_once(sizes: list[int]) -> None:
    result = held_out(sizes)
    assert result is not None
    expected = labels_of([size if size > 1 else 0 for size in sizes])
    assert sorted(result.labels.tolist()) == expected.tolist()


@pytest.mark.parametrize("outside", [0, 7])
def test_where_every_route_has_one_exemplar_nothing_can_be_held_out(outside: int) -> None:
    assert held_out([1, 1, 1], outside=outside) is None


def test_examples_of_out_of_scope_teach_and_are_never_asked() -> None:
    result = held_out([6, 6], outside=30)
    assert result is not None
    assert sorted(result.labels.tolist()) == [0] * 6 + [1] * 6
    assert result.evidence.route.max() <= 1


def test_a_route_of_two_beside_one_of_hundreds_is_asked_both_times() -> None:
    result = held_out([2, 400])
    assert result is not None
    assert np.bincount(result.labels).tolist() == [2, 400]
    assert np.isfinite(result.evidence.logit).all()
    assert result.right[result.labels == 1].mean() > 0.95


def test_an_only_route_is_always_right_and_has_no_rival() -> None:
    result = held_out([12])
    assert result is not None
    assert result.right.all()
    assert (result.evidence.lead == 10).all()


def test_of_very_many_exemplars_only_enough_are_asked() -> None:
    clouds = Clouds(4, dimension=6, inner=0)
    result = held_out([1_500] * 4, clouds=clouds)
    assert result is not None
    assert ENOUGH <= len(result.labels) < 1.5 * ENOUGH
    counts = np.bincount(result.labels)
    assert counts.max() - counts.min() <= 12


def test_of_more_than_five_folds_hold_no_more_are_asked_either() -> None:
    result = held_out([9 * ENOUGH, 2, 40], clouds=Clouds(3, dimension=6, inner=0))
    assert result is not None
    assert ENOUGH <= len(result.labels) < 1.2 * ENOUGH
    assert result.right.mean() > 0.95


def test_folds_side_by_side_say_to_the_bit_what_each_says_alone() -> None:
    clouds, labels = Clouds(5), labels_of([30, 7, 12, 2, 20])
    inputs = clouds.draw(labels, seed=4)
    together = hold_out(inputs, labels, 5, dimension=clouds.dimension)
    fold_of = split_folds(labels, 10)
    alone = join(
        [
            one_fold(inputs, labels, 5, held=fold_of == fold, dimension=clouds.dimension)
            for fold in range(10)
        ]
    )
    assert together is not None
    np.testing.assert_array_equal(together.evidence.logit, alone.evidence.logit)
    np.testing.assert_array_equal(together.evidence.surroundings, alone.evidence.surroundings)
    np.testing.assert_array_equal(together.labels, alone.labels)


def test_the_same_exemplars_give_the_same_result_to_the_bit() -> None:
    one, other = held_out([5, 9, 3]), held_out([5, 9, 3])
    assert one is not None
    assert other is not None
    np.testing.assert_array_equal(one.evidence.logit, other.evidence.logit)
    np.testing.assert_array_equal(one.similarity, other.similarity)


def test_a_negative_that_is_held_out_as_an_exemplar_does_not_tell_the_answer() -> None:
    clouds, labels = Clouds(2, spread=2.0), labels_of([12, 12])
    inputs = clouds.draw(labels, seed=1)
    told = Negatives(inputs, (1 - labels).astype(np.int32))  # each the other route's negative
    plain = hold_out(inputs, labels, 2, dimension=clouds.dimension)
    found = hold_out(inputs, labels, 2, dimension=clouds.dimension, negatives=told)
    assert plain is not None
    assert found is not None
    assert not plain.right.all()
    assert found.right.mean() <= plain.right.mean() + 0.1


@pytest.mark.parametrize("times", [2, 3])
def test_a_text_that_stands_in_a_route_several_times_is_one_text(times: int) -> None:
    sizes = [8, 9, 10, 7]
    once = Clouds(4, spread=1.2).draw(labels_of(sizes), seed=3)
    plain = hold_out(once, labels_of(sizes), 4, dimension=24)
    labels = labels_of([times * size for size in sizes])
    first_of = np.arange(len(labels)) // times * times
    copied = hold_out(np.repeat(once, times, axis=0), labels, 4, dimension=24, first_of=first_of)
    assert plain is not None
    assert copied is not None
    np.testing.assert_allclose(
        copied.similarity[::times].mean(), plain.similarity.mean(), atol=0.05
    )
    assert copied.similarity.max() < 0.99
    # Nothing but copies of one text leaves nothing to recognise it by.
    alone = np.repeat(once[:1], 5, axis=0)
    both = np.concatenate([alone, once[8:17]])
    first_of = np.array([0] * 5 + [*range(5, 14)])
    left = hold_out(both, labels_of([5, 9]), 2, dimension=24, first_of=first_of)
    assert left is not None
    assert set(left.labels.tolist()) == {1}


def test_copies_of_a_text_fall_into_one_fold_and_count_as_one() -> None:
    labels = np.array([0, 0, 0, 0, 1, 1, 1], dtype=np.int32)
    first_of = np.array([0, 0, 2, 3, 4, 4, 4])
    fold_of = split_folds(labels, 5, first_of)
    assert fold_of[0] == fold_of[1]
    assert len({*fold_of[:4].tolist()}) == 3
    assert fold_of[4:].tolist() == [-1] * 3  # one text, though three times
    apart = split_folds(labels[[0, 2, 3, 4]], 5)
    assert fold_of[[0, 2, 3, 4]].tolist() == apart.tolist()
