"""Stickiness: a bias to where a conversation was, which a clear change of topic overcomes.

The chance that a query goes on with the previous route comes of two things: how much its words
sound like a follow-up, and how its confidence in that route and in the best other one stand without
the conversation. The weights of both were fitted together, by logistic regression.
"""

import math
from collections.abc import Mapping

from waypost_server.core.catalog import Catalog
from waypost_server.core.changed import changed
from waypost_server.core.clues import Clues, Previous
from waypost_server.core.decision import Decision
from waypost_server.core.followup import followup_log_odds
from waypost_server.core.judgement import After, Before
from waypost_server.core.query import Query
from waypost_server.core.rationale import quote
from waypost_server.core.staying import PREVIOUS_WEIGHT


def stickiness_of(catalog: Catalog) -> Mapping[str, float]:
    """For each route that conversations stick to, how much; 1 is as fitted."""
    common = catalog.taxonomy.stickiness
    factors = {
        name: common if route.stickiness is None else route.stickiness
        for name, route in catalog.routes.items()
    }
    return {name: factor for name, factor in factors.items() if factor > 0}


def follow(catalog: Catalog, *, routes: int) -> Before:
    """The stage that looks where a conversation was.

    Args:
        catalog: says how sticky each route is.
        routes: how many have exemplars.
    """
    # A share of 1 in 100 is much where there are 1,000 routes and little where there are 5.
    chance = PREVIOUS_WEIGHT * math.log(max(routes - 1, 1))
    bias = {name: chance + math.log(factor) for name, factor in stickiness_of(catalog).items()}

    def stage(query: Query, clues: Clues) -> Clues:
        name = query.conversation.previous_route
        if (
            name not in bias
            or query.rejected_routes  # a specialist has spoken
            or name in query.off.routes
            or name in clues.forbidden
            or (query.allowed_routes and name not in query.allowed_routes)
        ):
            return clues
        said = clues.relevant_text or query.text
        return changed(clues, previous=Previous(name, bias[name] + followup_log_odds(said)))

    return stage


def note_unknown(catalog: Catalog) -> After:
    """The stage that says so where a conversation was on a route that there is no longer."""

    def stage(query: Query, decision: Decision) -> Decision:
        name = query.conversation.previous_route
        if not name or name in catalog.routes:
            return decision
        rationale = decision.rationale.removesuffix(".")
        return changed(
            decision,
            rationale=f"{rationale}; the conversation's previous route, {quote(name)}, is not "
            "loaded and counts for nothing.",
        )

    return stage
