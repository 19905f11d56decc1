"""Texts in pieces, for what reads streams."""

import itertools
from collections.abc import Iterable
from typing import Protocol

from hypothesis import strategies as st


class Filter(Protocol):
    def feed(self, piece: str) -> str: ...


def pieces_of(text: str, cuts: Iterable[int]) -> list[str]:
    """A text cut at some of its places; a cut may give an empty piece."""
    places = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(places)]


CUTS = st.one_of(st.lists(st.integers(0, 10_000), max_size=40), st.just(list(range(2_000))))
"""Where a text is cut; the last cuts it into characters."""


def fed(filter_: Filter, pieces: Iterable[str]) -> str:
    """What a filter shows of some pieces, before their end."""
    return "".join(filter_.feed(piece) for piece in pieces)
