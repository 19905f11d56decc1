"""The exemplar index in Milvus: for more exemplars than one machine's memory holds."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np

from waypost_server.core.errors import UnavailableError
from waypost_server.core.ports import Neighbours, Rows, Vectors

ROW = "row"
VECTOR = "vector"
METRIC = "IP"

EF = 512
"""Candidates that a search keeps, eight times as many as it is asked for: with four times, recall
at 64 among 30,000 crowded vectors was 0.989."""

AT_ONCE = 4096
"""Rows of one answer: 6 MB, where a gRPC message of Milvus may have 64."""

KEPT_BYTES = 128 * 2**20
"""Vectors that are kept: those of a thousand small routes. They never change."""

_log = logging.getLogger(__name__)


class MilvusIndex:
    """Inner product over unit vectors; implements core's ExemplarIndex. Thread-safe.

    Whatever needs Milvus raises UnavailableError while it does not answer, and works again once it
    does.
    """

    is_far = True

    def __init__(
        self,
        client: Any,  # noqa: ANN401  (pymilvus has no types)
        collection: str,
        *,
        size: int,
        dimension: int,
        timeout_seconds: float,
        kept_bytes: int = KEPT_BYTES,
    ) -> None:
        """Reaches for nothing yet.

        Args:
            client: of pymilvus.
            collection: the collection, loaded there, of `size` vectors with their row numbers.
            size: how many.
            dimension: length of a vector.
            timeout_seconds: how long an answer may take.
            kept_bytes: vectors that may be kept.
        """
        self._client = client
        self._collection = collection
        self._size = size
        self._dimension = dimension
        self._timeout_seconds = timeout_seconds
        self._kept: OrderedDict[tuple[int, int], Vectors] = OrderedDict()
        self._kept_bytes, self._most_kept = 0, kept_bytes
        self._lock = threading.Lock()
        self._failed = False

    @property
    def size(self) -> int:
        """How many exemplars it holds."""
        return self._size

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._dimension

    def rows(self, wanted: slice | Rows) -> Vectors:
        """The vectors of some exemplars, shape (how many, dimension)."""
        if isinstance(wanted, slice):
            return self.blocks([wanted])[0]
        found = np.empty((len(wanted), self._dimension), dtype=np.float32)
        for start in range(0, len(wanted), AT_ONCE):
            part = wanted[start : start + AT_ONCE]
            distinct, places = np.unique(part, return_inverse=True)
            where = f"{ROW} in {distinct.tolist()}"
            found[start : start + AT_ONCE] = self._fetch(where, len(distinct))[places]
        return found

    def blocks(self, wanted: Sequence[slice]) -> Sequence[Vectors]:
        """The vectors of several stretches; those not known yet in one answer, if it is not large.

        Stretches that may be asked for again, as those of routes are, are kept.
        """
        spans = [range(self._size)[each] for each in wanted]
        found: dict[range, Vectors] = {}
        missing = []
        for span in dict.fromkeys(spans):
            known = self._known(span)
            if known is None:
                missing.append(span)
            else:
                found[span] = known
        for together in _together(missing):
            vectors = self._fetch(_where(together), sum(map(len, together)))
            ends = np.cumsum([len(span) for span in together])
            for span, part in zip(together, np.split(vectors, ends), strict=False):
                found[span] = self._keep(span, part)
        for span in missing:
            if span not in found:
                parts = [span[i : i + AT_ONCE] for i in range(0, len(span), AT_ONCE)]
                found[span] = np.concatenate([self._fetch(_where([p]), len(p)) for p in parts])
        return [found[span] for span in spans]

    def search(self, vector: Vectors, k: int) -> Neighbours:
        """The min(k, size) nearest exemplars of a vector of shape (dimension,), or fewer."""
        k = min(k, self._size)
        if k == 0:
            return Neighbours(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))
        answer = self._asked(
            self._client.search,
            data=[vector.astype(np.float32).tolist()],
            anns_field=VECTOR,
            limit=k,
            search_params={"metric_type": METRIC, "params": {"ef": max(EF, 2 * k)}},
        )[0]
        rows = np.array([hit["id"] for hit in answer], dtype=np.int64)
        cosines = np.array([hit["distance"] for hit in answer], dtype=np.float32)
        return Neighbours(rows, cosines)

    def _fetch(self, where: str, count: int) -> Vectors:
        """The vectors that a condition describes, in order of their rows."""
        if count == 0:
            return np.empty((0, self._dimension), dtype=np.float32)
        answer = self._asked(self._client.query, filter=where, output_fields=[ROW, VECTOR])
        if len(answer) != count:
            _log.error("%s gave %d vectors, wanted %d", self._collection, len(answer), count)
            raise UnavailableError("exemplars are missing in Milvus; try again later")
        answer.sort(key=lambda hit: hit[ROW])
        return np.array([hit[VECTOR] for hit in answer], dtype=np.float32)

    def _asked(self, method: Any, **question: Any) -> Any:  # noqa: ANN401  (as above)
        try:
            answer = method(
                self._collection,
                timeout=self._timeout_seconds,
                retry_times=1,
                # What is asked never changes, and to wait for the newest would take half a second.
                consistency_level="Eventually",
                **question,
            )
        except Exception as error:  # noqa: BLE001  (pymilvus raises gRPC's errors, and its own)
            if not self._failed:
                self._failed = True
                _log.error("Milvus does not answer: %s", " ".join(str(error).split())[:300])
            raise UnavailableError("Milvus does not answer; try again later") from None
        if self._failed:
            self._failed = False
            _log.info("Milvus answers again")
        return answer

    def _known(self, span: range) -> Vectors | None:
        if not span:
            return np.empty((0, self._dimension), dtype=np.float32)
        with self._lock:
            vectors = self._kept.get((span.start, span.stop))
            if vectors is not None:
                self._kept.move_to_end((span.start, span.stop))
            return vectors

    def _keep(self, span: range, vectors: Vectors) -> Vectors:
        kept = vectors.copy()  # not the whole answer that it is a part of
        kept.flags.writeable = False
        with self._lock:
            if (span.start, span.stop) in self._kept:
                return kept
            self._kept[span.start, span.stop] = kept
            self._kept_bytes += kept.nbytes
            while self._kept_bytes > self._most_kept:
                self._kept_bytes -= self._kept.popitem(last=False)[1].nbytes
        return kept


def _where(spans: Sequence[range]) -> str:
    return " or ".join(f"({ROW} >= {span.start} and {ROW} < {span.stop})" for span in spans)


def _together(spans: Sequence[range]) -> list[list[range]]:
    """The spans in order of their rows, as many together as fit into one answer; none too large."""
    groups: list[list[range]] = []
    room = 0
    for span in sorted((s for s in spans if len(s) <= AT_ONCE), key=lambda s: s.start):
        overlaps = groups and groups[-1] and span.start < groups[-1][-1].stop
        if len(span) > room or overlaps:
            groups.append([])
            room = AT_ONCE
        groups[-1].append(span)
        room -= len(span)
    return groups
