import numpy as np

from waypost_server.core.halves import halve, widen


def test_every_finite_half_is_widened_as_numpy_does_it() -> None:
    halves = np.arange(2**16, dtype=np.uint16).view(np.float16)
    halves = halves[np.isfinite(halves)]
    for shaped in (halves, halves.reshape(-1, 4), halves[::3], halves[:0]):
        wide = widen(shaped)
        assert wide.dtype == np.float32
        np.testing.assert_array_equal(wide, shaped.astype(np.float32))
        np.testing.assert_array_equal(np.signbit(wide), np.signbit(shaped))
        np.testing.assert_array_equal(halve(wide), shaped)


def test_what_is_widened_is_a_copy() -> None:
    halves = np.ones((2, 3), dtype=np.float16)
    halves.flags.writeable = False
    widen(halves)[:] = 0
    assert (halves == 1).all()
