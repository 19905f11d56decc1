"""The words of a decision."""

from collections.abc import Sequence

from waypost_server.core.catalog import Catalog
from waypost_server.core.outcome import Reason
from waypost_server.core.query import Query
from waypost_server.core.ranking import Candidate
from waypost_server.core.rejections import Refuge

MAX_QUOTE = 100
"""Characters of an exemplar that a sentence quotes; longer ones are cut."""

ITS_NEAREST = "the nearest exemplar of {best} is {nearest}."

SENTENCES = {
    Reason.ABOVE_THRESHOLD: "Fits {best} best{of_these}; its nearest exemplar is {nearest}.",
    Reason.WITHIN_MARGIN: "Fits {best} and {second} alike; " + ITS_NEAREST,
    Reason.BELOW_MIN_CONFIDENCE: (
        "Not sure enough of {best} ({confidence:.0%}), so it goes to {destination}; " + ITS_NEAREST
    ),
    Reason.BELOW_THRESHOLD: (
        "Not near enough to {best}, so it goes to {destination}; " + ITS_NEAREST
    ),
    Reason.NEAR_NO_ROUTE: "Like no route, so it goes to {destination}; " + ITS_NEAREST,
    Reason.NO_CANDIDATE: "No route that may be chosen has exemplars, so it goes to {destination}.",
}
"""By the first reason of a decision that was searched for; the other reasons never come first."""

OF_THESE = " of the routes that may be chosen"
"""Said where a route that may not be chosen fits better."""

SWITCHED_OFF = "; {switched_off}, which fits best of all, is switched off."
"""Ends the sentence where that is why."""


def rationale(
    candidates: Sequence[Candidate],
    reason: Reason,
    destination: str,
    *,
    restricted: bool = False,
    switched_off: str = "",
) -> str:
    """One sentence that says why the query goes where it goes, naming the nearest exemplar.

    Args:
        candidates: best first.
        reason: the first one.
        destination: where the query goes when no candidate is good enough, in words.
        restricted: whether a route that may not be a candidate is better than all that are.
        switched_off: that route, where it is switched off.
    """
    sentence = SENTENCES[reason]
    if switched_off:
        sentence = sentence.removesuffix(".") + SWITCHED_OFF
    if not candidates:
        return sentence.format(destination=destination, switched_off=switched_off)
    best = candidates[0]
    return sentence.format(
        nearest=(
            f"{_quote(best.nearest[0].text)} "
            f"(similarity {best.similarity:.2f}, needs {best.threshold:.2f})"
        ),
        best=best.route,
        second=candidates[1].route if len(candidates) > 1 else "",
        confidence=best.confidence,
        destination=destination,
        of_these=OF_THESE if restricted else "",
        switched_off=switched_off,
    )


def rationale_at_limit(query: Query, destination: str) -> str:
    """One sentence that says why a query that was rejected too often goes to `destination`."""
    *_, last = query.rejected_routes
    return (
        f"{len(query.rejected_routes)} routes rejected it, the last of them {last}, too many to "
        f"look for another, so it goes to {destination}."
    )


def destination(refuge: Refuge, query: Query, catalog: Catalog) -> str:
    """In words, where a query goes that no candidate is good enough for."""
    default, name = catalog.taxonomy.default_route, refuge.route.name
    rejected = default in query.rejected_routes
    if name == default:
        all_the_same = ", which rejected it, for want of another" if rejected else ""
        return f"the default route, {default}{all_the_same}"
    why = f", since the default route, {default}, rejected it" if rejected else ""
    return f"{name}, the fallback of {refuge.fallback_of}{why}"


def clarifying_question(candidates: Sequence[Candidate], catalog: Catalog) -> str:
    """A question that lets the user choose between the two best candidates."""
    first, second = (_described(candidate.route, catalog) for candidate in candidates)
    return f"Which do you mean: {first}, or {second}?"


def _described(route: str, catalog: Catalog) -> str:
    description = catalog.routes[route].description.rstrip(". ")
    return f"{route} ({description})" if description else route


def _quote(text: str) -> str:
    line = " ".join(text.split())
    return f'"{line}"' if len(line) <= MAX_QUOTE else f'"{line[: MAX_QUOTE - 1].rstrip()}…"'
