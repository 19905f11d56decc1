"""Counts on the hot path: plain numbers first, prometheus_client's own now and then.

To count one observation there takes 1.2 to 2.5 microseconds, and a decision makes nine of them.
"""

from bisect import bisect_left
from collections.abc import Sequence

from prometheus_client import Counter, Histogram


class Tally:
    """How often something happened since it was last written out.

    Attributes:
        count: to be counted up by whoever sees it happen.
    """

    __slots__ = ("_to", "count")

    def __init__(self, to: Sequence[Counter]) -> None:
        """Counts nothing yet; `to` are the series that each occurrence belongs to."""
        self.count = 0
        self._to = to

    def flush(self) -> None:
        """Writes it out."""
        if self.count:
            for counter in self._to:
                counter.inc(self.count)
            self.count = 0


class Spread:
    """Observations of one series since they were last written out."""

    __slots__ = ("_bounds", "_counts", "_sum", "_to")

    def __init__(self, to: Histogram, bounds: Sequence[float]) -> None:
        """Has seen none yet; `bounds` are those of `to`, without the infinite one."""
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._sum = 0.0
        self._to = to

    def observe(self, value: float) -> None:
        """Takes one in."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def flush(self) -> None:
        """Writes them out."""
        if not any(self._counts):
            return
        # There is no public call for many at once.
        for bucket, count in zip(self._to._buckets, self._counts, strict=True):
            if count:
                bucket.inc(count)
        self._to._sum.inc(self._sum)
        self._counts = [0] * len(self._counts)
        self._sum = 0.0
