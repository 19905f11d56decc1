"""The decision from a query's encoding on; when to encode is the service's business."""

from functools import cached_property

import numpy as np

from waypost_server.core.calibration import CalibrationMethod
from waypost_server.core.catalog import Catalog
from waypost_server.core.decision import Decision, decide, decide_at_limit
from waypost_server.core.evidence import SHORTLIST
from waypost_server.core.exemplars import ExemplarTable
from waypost_server.core.fields import check_loaded
from waypost_server.core.ports import Encodings, ExemplarIndex, Neighbours
from waypost_server.core.query import Query, check_query
from waypost_server.core.ranking import COMPARED, rank_routes
from waypost_server.core.scoring import Scoring
from waypost_server.core.shortlist import Shortlist, ask_head
from waypost_server.core.thresholds import DEFAULT_THRESHOLD

NEIGHBOURS = 64
"""Exemplars that a search finds, where there is one: of 10,000 routes their own is then among those
of the nearest exemplars as often as among all that the head could like."""

NO_NEIGHBOURS = Neighbours(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))

EXPLAINED = 3
"""Nearest exemplars of each candidate that `explain` names."""

MANY_ROUTES = 1_000
"""Routes up to which the head is asked about all of them; beyond, about those of the neighbours."""


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
        check_loaded("allowed_routes", query.allowed_routes, self.catalog.routes)
        check_loaded("rejected_routes", query.rejected_routes, self.catalog.routes)

    def unsearched(self, query: Query) -> Decision | None:
        """The decision about a query that is rerouted too often to be looked at; None otherwise."""
        return decide_at_limit(query, self.catalog)

    def search(self, encoding: Encodings) -> Neighbours:
        """The exemplars nearest to a query's encoding of shape (width,).

        None at all where every exemplar of a liked route is compared anyway.
        """
        if not self.searches:
            return NO_NEIGHBOURS
        return self.index.search(self._unit(encoding), NEIGHBOURS)

    def shortlist(self, encoding: Encodings, neighbours: Neighbours | None = None) -> Shortlist:
        """What the head says of a query with this encoding and, where that counts, neighbours."""
        if not self._many_routes:
            return ask_head(self.scoring.head, encoding)
        near = self.search(encoding) if neighbours is None else neighbours
        routes = np.unique(self.exemplars.route_ids[near.rows])
        # Of fewer, the best would have no rival, and be surer than it should.
        return ask_head(self.scoring.head, encoding, routes if len(routes) >= SHORTLIST else None)

    def decide(
        self,
        encoding: Encodings,
        neighbours: Neighbours,
        query: Query,
        *,
        shortlist: Shortlist | None = None,
    ) -> Decision:
        """The decision about a query with this encoding and these neighbours.

        Args:
            encoding: of the query, shape (width,).
            neighbours: what `search` found.
            query: the query.
            shortlist: what the head says of it, if it was asked already.
        """
        restricted = bool(query.allowed_routes or query.rejected_routes)
        if query.off.routes and not restricted:
            shortlist = shortlist or self.shortlist(encoding, neighbours)
            restricted = self._meets(shortlist, query)
        if restricted and self._many_routes:
            shortlist = ask_head(self.scoring.head, encoding)  # any route may be the best one left
        ranking = rank_routes(
            self._unit(encoding),
            shortlist or self.shortlist(encoding, neighbours),
            scoring=self.scoring,
            exemplars=self.exemplars,
            index=self.index,
            neighbours=neighbours,
            choosable=query.choosable(self.exemplars.positions) if restricted else None,
            count=query.candidate_count,
            shown=EXPLAINED if query.explain else 1,
        )
        return decide(ranking, self.catalog, query)

    def _meets(self, shortlist: Shortlist, query: Query) -> bool:
        """Whether a route that is switched off could be a candidate; mostly none could."""
        if query.candidate_count > len(shortlist.liked):
            return True
        names = self.exemplars.routes
        return any(names[route] in query.off.routes for route, _ in shortlist.liked)

    def _unit(self, encoding: Encodings) -> Encodings:
        return encoding[: self.index.dimension]

    @property
    def is_quick(self) -> bool:
        """Whether a decision takes a fraction of a millisecond."""
        return not (self.searches or self.index.is_far)

    @cached_property
    def _many_routes(self) -> bool:
        return len(self.exemplars.routes) > MANY_ROUTES

    @cached_property
    def searches(self) -> bool:
        """Whether a decision takes a search, which takes milliseconds."""
        sizes = self.exemplars.sizes
        return self._many_routes or bool(len(sizes) and sizes.max() > COMPARED)
