from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from waypost_server.core.arrays import is_finite, join, take


@dataclass(frozen=True, slots=True)
class Inner:
    matrix: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Outer:
    inner: Inner
    numbers: npt.NDArray[np.int64]
    nothing: npt.NDArray[np.int64] | None


def record(rows: list[int]) -> Outer:
    numbers = np.array(rows, dtype=np.int64)
    return Outer(Inner(numbers[:, np.newaxis] * np.array([1.0, 0.5])), numbers, None)


def content(of: Outer) -> tuple[list[int], list[list[float]], None]:
    assert of.nothing is None
    return of.numbers.tolist(), of.inner.matrix.tolist(), None


ROWS = st.lists(st.integers(-5, 5), max_size=6)


@given(st.lists(ROWS, min_size=1, max_size=4))
def test_joined_records_are_the_record_of_all_rows(parts: list[list[int]]) -> None:
    joined = join([record(part) for part in parts])
    assert content(joined) == content(record([row for part in parts for row in part]))


@given(ROWS, st.data())
def test_taken_rows_are_the_record_of_these(rows: list[int], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=5)) if rows else []
    found = take(record(rows), np.array(chosen, dtype=np.intp))
    assert content(found) == content(record([rows[i] for i in chosen]))
    assert content(take(record(rows), slice(1, 3))) == content(record(rows[1:3]))


@given(
    st.lists(
        st.one_of(
            st.floats(-(2.0**60), 2.0**60, width=32), st.sampled_from([np.inf, -np.inf, np.nan])
        ),
        max_size=8,
    )
)
def test_a_vector_is_finite_where_each_of_its_numbers_is(numbers: list[float]) -> None:
    vector = np.array(numbers, dtype=np.float32)
    assert is_finite(vector) == np.isfinite(vector).all()
