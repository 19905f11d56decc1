"""The decision from a query's encoding on; when to encode is the service's business."""

from collections.abc import Sequence

import numpy as np

from waypost_server.core.calibration import CalibrationMethod
from waypost_server.core.catalog import Catalog
from waypost_server.core.decision import Decision, decide
from waypost_server.core.errors import InvalidQueryError
from waypost_server.core.evidence import Floats
from waypost_server.core.exemplars import ExemplarTable
from waypost_server.core.ports import Encodings, ExemplarIndex, Neighbours, Rows
from waypost_server.core.query import Query, check_query
from waypost_server.core.ranking import Logits, rank_routes
from waypost_server.core.scoring import Scoring
from waypost_server.core.thresholds import DEFAULT_THRESHOLD

NEIGHBOURS = 16
"""Exemplars whose routes are compared in any case."""

SHORTLIST = 12
"""Routes that the head likes best and that are compared exemplar by exemplar."""

FEW = 4_000
"""Exemplars up to which all are compared: that takes no longer than to choose among them."""


class Router:
    """Decides about queries with one version of the routes; immutable and thread-safe."""

    def __init__(
        self, catalog: Catalog, exemplars: ExemplarTable, index: ExemplarIndex, scoring: Scoring
    ) -> None:
        self.catalog = catalog
        self.exemplars = exemplars
        self.index = index
        self.scoring = scoring

    def with_scoring(self, scoring: Scoring) -> "Router":
        """The same with another scoring."""
        return Router(self.catalog, self.exemplars, self.index, scoring)

    @property
    def calibration(self) -> CalibrationMethod:
        """What confidences were fitted on."""
        return self.scoring.calibration.method

    def threshold_of(self, route: str) -> float:
        """Similarity that a query must reach, in [-1, 1]."""
        by_hand = self.catalog.route(route).threshold
        return self.scoring.thresholds.get(route, DEFAULT_THRESHOLD if by_hand is None else by_hand)

    def check(self, query: Query) -> None:
        """Raises InvalidQueryError unless `query` keeps the limits and names routes that exist."""
        check_query(query, max_text_bytes=self.catalog.taxonomy.max_query_bytes)
        unknown = sorted(query.allowed_routes - self.catalog.routes.keys())
        if unknown:
            raise InvalidQueryError(
                f"allowed_routes names {unknown[0]!r}, which is not loaded; "
                f"the loaded routes are {', '.join(self.catalog.routes)}"
            )

    def search(self, encoding: Encodings) -> Neighbours:
        """The exemplars nearest to a query's encoding of shape (width,).

        None at all when every route is compared exemplar by exemplar anyway.
        """
        count = 0 if self._compares_all else NEIGHBOURS
        return self.index.search(encoding[: self.index.dimension], count)

    def decide(
        self,
        encoding: Encodings,
        neighbours: Neighbours,
        query: Query,
        *,
        logits: Logits | None = None,
    ) -> Decision:
        """The decision about a query with this encoding and these neighbours.

        Args:
            encoding: of the query, shape (width,).
            neighbours: what `search` found.
            query: the query.
            logits: what the head says of it, if it was asked already.
        """
        logits = logits or self.scoring.head.logits(encoding[np.newaxis])
        ranking = rank_routes(
            encoding,
            self._shortlist(logits[0][0], neighbours.rows, query),
            scoring=self.scoring,
            exemplars=self.exemplars,
            index=self.index,
            allowed=query.allowed_routes,
            count=query.candidate_count,
            logits=logits,
        )
        return decide(ranking, self.catalog)

    @property
    def _compares_all(self) -> bool:
        return len(self.exemplars.routes) <= SHORTLIST or len(self.exemplars.texts) <= FEW

    def _shortlist(self, logits: Floats, rows: Rows, query: Query) -> Sequence[int]:
        """Routes worth comparing exemplar by exemplar: what the head likes and what is near.

        What the query allows is among them, but others are too: they are part of the evidence.
        """
        names = self.exemplars.routes
        wanted = max(SHORTLIST, query.candidate_count)
        if self._compares_all or len(names) <= wanted:
            return range(len(names))
        chosen = np.zeros(len(names), dtype=bool)
        chosen[np.argpartition(-logits, wanted)[:wanted]] = True
        chosen[self.exemplars.route_ids[rows]] = True
        if query.allowed_routes:
            allowed = [i for i, name in enumerate(names) if name in query.allowed_routes]
            chosen[sorted(allowed, key=lambda i: -logits[i])[:wanted]] = True
        found: list[int] = np.flatnonzero(chosen).tolist()
        return found
