"""The words of a decision."""

from collections.abc import Mapping, Sequence

from waypost_server.core.catalog import Catalog
from waypost_server.core.hierarchy import NO_GROUPS, groups_of
from waypost_server.core.outcome import Reason
from waypost_server.core.query import Query
from waypost_server.core.ranking import Candidate
from waypost_server.core.ranking_outcome import SCOPE_BAR
from waypost_server.core.rejections import Refuge

MAX_QUOTE = 100
"""Characters of an exemplar that a sentence quotes; longer ones are cut."""

ITS_NEAREST = "the nearest exemplar of {best} is {nearest}."

SENTENCES = {
    Reason.ABOVE_THRESHOLD: (
        "Fits {best} best{of_these}{by_group}; its nearest exemplar is {nearest}."
    ),
    Reason.WITHIN_MARGIN: "Fits {best} and {second} alike; " + ITS_NEAREST,
    Reason.BELOW_MIN_CONFIDENCE: (
        "Not sure enough of {best} (confidence {short_confidence}, needs {min_confidence:g}), so "
        "it goes to {destination}; " + ITS_NEAREST
    ),
    Reason.BELOW_THRESHOLD: (
        "Not near enough to {best}, so it goes to {destination}; " + ITS_NEAREST
    ),
    Reason.NEAR_NO_ROUTE: (
        "Like no route (probability {scope} that it belongs to any, needs {scope_bar:g}), so it "
        "goes to {destination}; " + ITS_NEAREST
    ),
    Reason.STICKY: (
        "Goes on with {best}, where the conversation was ({confidence:.0%} sure); " + ITS_NEAREST
    ),
    Reason.MODEL_CONSULTED: (
        "A language model chose {best}, of which the encoder alone is not sure enough "
        "({confidence:.0%}); its nearest exemplar is {nearest}."
    ),
    Reason.NO_CANDIDATE: "No route that may be chosen has exemplars, so it goes to {destination}.",
}
"""By the first reason of a decision that was searched for; the other reasons never come first."""

OF_THESE = " of the routes that may be chosen"
"""Said where a route that may not be chosen fits better."""

LEFT = ", not {left}, where the conversation was"
"""Said where a conversation goes elsewhere."""

SWITCHED_OFF = "{switched_off} fits best of all, and is switched off. "
"""Begins it where that is why."""


def rationale(
    candidates: Sequence[Candidate],
    reason: Reason,
    destination: str,
    *,
    min_confidence: float,
    scope: float = 1.0,
    restricted: bool = False,
    switched_off: str = "",
    groups: Mapping[str, float] = NO_GROUPS,
    left: str = "",
) -> str:
    """Says why the query goes where it goes, naming the nearest exemplar.

    Args:
        candidates: best first.
        reason: the first one.
        destination: where the query goes when no candidate is good enough, in words.
        min_confidence: that a match needs.
        scope: the probability that the query belongs to any route.
        restricted: whether a route that may not be a candidate is better than all that are.
        switched_off: that route, where it is switched off.
        groups: probabilities of the groups, by name.
        left: the route that the conversation leaves; empty where it leaves none.
    """
    sentence = SENTENCES[reason]
    if switched_off:
        sentence = SWITCHED_OFF + sentence
    if not candidates:
        return sentence.format(destination=destination, switched_off=switched_off)
    best = candidates[0]
    # Of a query like no route, nearness is not what was asked.
    needs = "" if reason is Reason.NEAR_NO_ROUTE else f", needs {best.threshold:.2f}"
    similarity = _beside(best.threshold, best.similarity)
    return sentence.format(
        nearest=f"{quote(best.nearest[0].text)} (similarity {similarity}{needs})",
        scope=_beside(SCOPE_BAR, scope),
        scope_bar=SCOPE_BAR,
        short_confidence=_beside(min_confidence, best.confidence),
        best=best.route,
        second=candidates[1].route if len(candidates) > 1 else "",
        confidence=best.confidence,
        min_confidence=min_confidence,
        destination=destination,
        of_these=(OF_THESE if restricted else "") + (LEFT.format(left=left) if left else ""),
        by_group=_by_group(best, groups),
        switched_off=switched_off,
    )


def _beside(bar: float, value: float) -> str:
    """A number in two places, or in three where it would look as if it reached the bar."""
    return f"{value:.{3 if value < bar <= round(value, 2) else 2}f}"


def rationale_at_limit(query: Query, destination: str) -> str:
    """One sentence that says why a query that was rejected too often goes to `destination`."""
    *_, last = query.rejected_routes
    return (
        f"{len(query.rejected_routes)} routes rejected it, the last of them {last}, too many to "
        f"look for another, so it goes to {destination}."
    )


def rationale_of_plan(routes: Sequence[str]) -> str:
    """One sentence that says which routes a query asks, in order; it quotes none of the query."""
    return f"Asks {len(routes)} things, each surely of another route: {', then '.join(routes)}."


def destination(refuge: Refuge, query: Query, catalog: Catalog) -> str:
    """In words, where a query goes that no candidate is good enough for."""
    default, name = catalog.taxonomy.default_route, refuge.route.name
    if refuge.group:
        return f"{name}, the default route of group {refuge.group} ({refuge.probability:.0%})"
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


def _by_group(best: Candidate, groups: Mapping[str, float]) -> str:
    """In brackets, how probable each group is within the one around it, and then the route."""
    names = groups_of(best.route, groups)
    if not names:
        return ""
    leaf = "the route itself" if best.route in groups else best.route
    parts = [names[0], *(_last_part(name) for name in (*names[1:], leaf))]
    inner = [*(groups[name] for name in names), best.confidence]
    shares = [
        min(one / around, 1.0) if around else 0.0
        for one, around in zip(inner, (1.0, *inner), strict=False)
    ]
    words = [f"{part} {share:.0%}" for part, share in zip(parts, shares, strict=True)]
    return f" ({', within it '.join(words)})"


def _last_part(name: str) -> str:
    return name.rpartition("/")[2]


def quote(text: str) -> str:
    """A text in quotation marks and on one line, cut where it is long."""
    line = " ".join(text.split())
    return f'"{line}"' if len(line) <= MAX_QUOTE else f'"{line[: MAX_QUOTE - 1].rstrip()}…"'
