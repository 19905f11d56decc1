"""Vectors at half their size, as float16: of a unit vector's numbers that keeps three digits."""

from typing import cast

import numpy as np
import numpy.typing as npt

Halves = npt.NDArray[np.float16]
Floats = npt.NDArray[np.float32]

_MASK = np.uint32(0x8FFFFFFF).view(np.int32)
"""All but the three bits between the sign and what a float16 has of an exponent."""

_REBIASED = np.float32(2.0**112)
"""An exponent of float32 counts from 127, one of float16 from 15."""


def halve(values: Floats) -> Halves:
    """Rounds to float16, ties to even."""
    return values.astype(np.float16)


def widen(halves: Halves) -> Floats:
    """The same numbers as float32, in an array of its own; all must be finite.

    numpy's own conversion takes three times as long (300 microseconds against 95 for 256 vectors of
    384 numbers), and a query may have thousands of vectors compared.
    """
    bits = np.asarray(halves).view(np.int16).astype(np.int32)
    bits <<= np.int32(13)  # the sign, which came along in the bits above, stays on top
    bits &= _MASK
    wide = cast(Floats, bits.view(np.float32))
    wide *= _REBIASED
    return wide
