"""Nested routes, and an oracle of their groups in plain loops."""

import math
from collections.abc import Mapping

from tests.unit.core.clouds import Clouds

NAMES = tuple(
    sorted(
        (
            "alone",
            "ops",  # a group that is a route, too
            *(f"ops/{name}" for name in ("alert", "deploy", "restart", "scale")),
            *(f"code/web/{name}" for name in ("css", "forms", "layout", "routing")),
            *(f"code/data/{name}" for name in ("index", "join", "migrate", "schema")),
            "code/review",
            *(f"sales/{name}" for name in ("discount", "invoice", "quote", "refund")),
            *(f"help/{name}" for name in ("hello", "manual", "password", "thanks")),
            "news-ops/today",
        )
    )
)
"""Three levels, a route beside groups, a group of one, and one that is a route."""

ROUTES = len(NAMES)
CLOUDS = Clouds(ROUTES, dimension=48, inner=24, spread=2.2)


def prefixes(name: str) -> list[str]:
    parts = name.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]


def oracle_groups() -> dict[str, list[str]]:
    """The routes of each group."""
    found = {prefix: [name for name in NAMES if prefix in prefixes(name)] for prefix in PREFIXES}
    return {group: routes for group, routes in found.items() if routes != [group]}


PREFIXES = sorted({prefix for name in NAMES for prefix in prefixes(name)})


def oracle_beams(logits: Mapping[str, float], beams: int) -> set[str]:
    """The routes of the best groups, level by level."""
    stay, groups = set(logits), oracle_groups()
    for level in range(1, 4):
        masses = {
            group: math.fsum(math.exp(logits[name]) for name in routes if name in stay)
            for group, routes in groups.items()
            if group.count("/") == level - 1
        }
        best = sorted(masses, key=lambda group: (-masses[group], group))[:beams]
        for group in set(masses).difference(best):
            stay -= set(groups[group])
    return stay
