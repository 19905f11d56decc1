"""The decision from a query's encoding on; when to encode is the service's business."""

from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np

from waypost_server.core.calibration import CalibrationMethod
from waypost_server.core.catalog import Catalog
from waypost_server.core.comparing import COMPARED
from waypost_server.core.decision import Decision, decide, decide_at_limit, decide_by_verdict
from waypost_server.core.evidence import SHORTLIST
from waypost_server.core.exemplars import ExemplarTable
from waypost_server.core.fields import check_loaded
from waypost_server.core.hierarchy import tree_of
from waypost_server.core.ports import Encodings, ExemplarIndex, Neighbours, Vectors
from waypost_server.core.query import Query, check_query
from waypost_server.core.ranking import Ranker
from waypost_server.core.scoring import Scoring
from waypost_server.core.shortlist import Shortlist, ask_head
from waypost_server.core.thresholds import DEFAULT_THRESHOLD

NEIGHBOURS = 64
"""Exemplars that a search finds, where there is one: of 10,000 routes their own is then among those
of the nearest exemplars as often as among all that the head could like."""

NO_NEIGHBOURS = Neighbours(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.float32))

EXPLAINED = 3
"""Nearest exemplars of each candidate that `explain` names."""

VOTERS = 9
"""Exemplars of a route, the nearest to a query, that vote about its hints. About the shipped ones,
left out one by one, 9 are right in 59%, and 3, 5 and 7 in 58%, 52% and 59%."""

GLANCED = 2_000
"""Exemplars up to which all are compared with a few vectors in a tenth of a millisecond."""

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
        self._tree = tree_of(exemplars.routes, catalog.taxonomy.hierarchy)
        self._ranker = Ranker(scoring, exemplars, index, self._tree)

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
        """The decision about a query that need not be looked at; None otherwise.

        One that is rerouted too often, or about which everything is decided by now.
        """
        verdict = query.clues.verdict
        if verdict:
            return decide_by_verdict(verdict, query, self.catalog)
        return decide_at_limit(query, self.catalog)

    def search(self, encoding: Encodings) -> Neighbours:
        """The exemplars nearest to a query's encoding of shape (width,).

        None at all where every exemplar of a liked route is compared anyway.
        """
        if not self.searches:
            return NO_NEIGHBOURS
        return self.index.search(self._unit(encoding), NEIGHBOURS)

    def nearest(self, encodings: Sequence[Encodings]) -> Sequence[float] | None:
        """The cosine of each encoding and the nearest exemplar of all.

        None where there are too many exemplars for a glance.
        """
        if self.index.is_far or not 0 < self.index.size <= GLANCED:
            return None
        # np.stack and .max() are written in Python, which for so few is most of the time.
        units = np.array(encodings)[:, : self.index.dimension]
        cosines: Vectors = units @ self.index.rows(slice(0, self.index.size)).T
        nearest: list[float] = np.maximum.reduce(cosines, axis=1).tolist()
        return nearest

    def shortlist(
        self, encoding: Encodings, neighbours: Neighbours | None = None, *, also: str = ""
    ) -> Shortlist:
        """What the head says of a query with this encoding and, where that counts, neighbours.

        Args:
            encoding: of the query, shape (width,).
            neighbours: what `search` found.
            also: a route that it is asked about besides those of the neighbours.
        """
        if not self._many_routes:
            return ask_head(self.scoring.head, encoding)
        near = self.search(encoding) if neighbours is None else neighbours
        routes = np.unique(self.exemplars.route_ids[near.rows])
        if also in self.exemplars.positions:
            routes = np.union1d(routes, [self.exemplars.positions[also]]).astype(np.int32)
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
        restricted = bool(query.allowed_routes or query.rejected_routes or query.clues.forbidden)
        if query.off.routes and not restricted:
            shortlist = shortlist or self.shortlist(encoding, neighbours)
            restricted = self._meets(shortlist, query)
        if restricted and self._many_routes:
            shortlist = ask_head(self.scoring.head, encoding)  # any route may be the best one left
        also = query.clues.previous.route if query.clues.previous else ""
        if also and self._many_routes and not restricted:
            shortlist = self.shortlist(encoding, neighbours, also=also)
        shortlist = shortlist or self.shortlist(encoding, neighbours)
        ranking = self._ranker.rank(
            self._unit(encoding),
            shortlist,
            neighbours,
            choosable=query.choosable(self.exemplars.positions) if restricted else None,
            count=self._candidates(query, shortlist),
            shown=EXPLAINED if query.explain else 1,
            boosts=query.clues.boosts,
            also=also,
            voters=self._voters,
        )
        return decide(ranking, self.catalog, query)

    def _candidates(self, query: Query, shortlist: Shortlist) -> int:
        """How many to rank: those that a model may be asked about cost next to nothing."""
        if self.catalog.taxonomy.escalation is None:
            return query.candidate_count
        return max(query.candidate_count, len(shortlist.liked))

    def _meets(self, shortlist: Shortlist, query: Query) -> bool:
        """Whether a route that is switched off could be a candidate; mostly none could."""
        if query.candidate_count > len(shortlist.liked):
            return True
        if not query.off.routes.isdisjoint(query.clues.boosts):
            return True  # a boost may lift it among them
        names = self.exemplars.routes
        near: Iterable[int] = (route for route, _ in shortlist.liked)
        if self._tree:  # its groups may lift any that the head was asked about
            near = range(len(names)) if shortlist.routes is None else shortlist.routes.tolist()
        return any(names[route] in query.off.routes for route in near)

    def _unit(self, encoding: Encodings) -> Encodings:
        return encoding[: self.index.dimension]

    @property
    def is_quick(self) -> bool:
        """Whether a decision takes a fraction of a millisecond."""
        return not (self.searches or self.index.is_far)

    @cached_property
    def _voters(self) -> int:
        return VOTERS if any(route.marks for route in self.catalog.routes.values()) else 0

    @cached_property
    def _many_routes(self) -> bool:
        return len(self.exemplars.routes) > MANY_ROUTES

    @cached_property
    def searches(self) -> bool:
        """Whether a decision takes a search, which takes milliseconds."""
        sizes = self.exemplars.sizes
        return self._many_routes or bool(len(sizes) and sizes.max() > COMPARED)
