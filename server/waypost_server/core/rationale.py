"""The words of a decision."""

from collections.abc import Sequence

from waypost_server.core.catalog import Catalog
from waypost_server.core.outcome import Reason
from waypost_server.core.ranking import Candidate

MAX_QUOTE = 100
"""Characters of an exemplar that a sentence quotes; longer ones are cut."""

ITS_NEAREST = "the nearest exemplar of {best} is {nearest}."

SENTENCES = {
    Reason.ABOVE_THRESHOLD: "Fits {best} best; its nearest exemplar is {nearest}.",
    Reason.WITHIN_MARGIN: "Fits {best} and {second} alike; " + ITS_NEAREST,
    Reason.BELOW_MIN_CONFIDENCE: (
        "Not sure enough of {best} ({confidence:.0%}), so it goes to the default route, {route}; "
        + ITS_NEAREST
    ),
    Reason.BELOW_THRESHOLD: (
        "Not near enough to {best}, so it goes to the default route, {route}; " + ITS_NEAREST
    ),
    Reason.NEAR_NO_ROUTE: "Like no route, so it goes to the default route, {route}; " + ITS_NEAREST,
    Reason.NO_CANDIDATE: "No route that may be chosen has exemplars, so it goes to {route}.",
}
"""By the first reason of a decision; REASON_ROUTE_NOT_ALLOWED never comes first."""


def rationale(candidates: Sequence[Candidate], reason: Reason, route: str) -> str:
    """One sentence that says why the query goes to `route`, naming the nearest exemplar."""
    if not candidates:
        return SENTENCES[reason].format(route=route)
    best = candidates[0]
    return SENTENCES[reason].format(
        nearest=(
            f"{_quote(best.nearest[0].text)} "
            f"(similarity {best.similarity:.2f}, needs {best.threshold:.2f})"
        ),
        best=best.route,
        second=candidates[1].route if len(candidates) > 1 else "",
        confidence=best.confidence,
        route=route,
    )


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
