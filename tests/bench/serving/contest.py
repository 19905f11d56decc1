"""Rounds in which everyone is asked the same queries, one after the other, in turning order."""

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import click

from tests.bench.serving.contestants import Contestant, Served
from tests.bench.serving.figures import Leg, per_second
from tests.bench.serving.load import Open

SEED = 4

OPEN_LOAD = 0.6
"""Rate of an open loop, as a share of what was reached with the most callers."""

Legs = Mapping[tuple[str, int], Sequence[Leg]]
"""By a contestant's name and the number of callers, a leg a round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is asked; whichever bound is met first ends it.

    Attributes:
        rounds: at most.
        seconds: of the rounds, at most.
        queries: of a leg, by the number of callers.
        open_seconds: of each open loop.
    """

    rounds: int = 12
    seconds: float = 150.0
    queries: Mapping[int, int] = field(
        default_factory=lambda: {1: 300, 2: 200, 4: 200, 8: 400, 32: 640}
    )
    open_seconds: float = 5.0


@dataclass(frozen=True, slots=True)
class OpenRound:
    """An open loop and its rate, in queries a second."""

    rate: float
    asked: Open


def closed_rounds(
    contestants: Sequence[Contestant], texts: Sequence[str], strangers: Sequence[str], plan: Plan
) -> Legs:
    """Alternates between all of them, so that whatever else the machine does slows all alike."""
    turns = [(one, callers) for callers in plan.queries for one in contestants]
    turns = [(one, callers) for one, callers in turns if callers in one.at_once]
    legs: dict[tuple[str, int], list[Leg]] = {(one.name, at_once): [] for one, at_once in turns}
    began = time.monotonic()
    for number in range(plan.rounds):
        if time.monotonic() - began > plan.seconds:
            break
        click.echo(f"  round {number + 1} of {plan.rounds}", err=True)
        start = number * 5 % len(turns)
        for one, at_once in turns[start:] + turns[:start]:
            pool = [*texts, *strangers] if isinstance(one, Served) and one.strangers else texts
            # The same queries for all of a round that have as many callers.
            draw = random.Random(f"{SEED} {number} {at_once}")  # noqa: S311
            asked = draw.sample(pool, min(plan.queries[at_once], len(pool)))
            legs[one.name, at_once].append(one.ask(asked, at_once))
    return legs


def open_rounds(
    contestants: Sequence[Contestant], texts: Sequence[str], legs: Legs, plan: Plan
) -> dict[str, OpenRound]:
    """An open loop for each server that was asked by many callers."""
    most = max(plan.queries)
    found = {}
    for one in contestants:
        if isinstance(one, Served) and most in one.at_once:
            rate = OPEN_LOAD * per_second(legs[one.name, most])
            draw = random.Random(SEED)  # noqa: S311
            asked = draw.choices(texts, k=max(1, int(rate * plan.open_seconds)))
            found[one.name] = OpenRound(rate, one.ask_at(asked, rate))
    return found
