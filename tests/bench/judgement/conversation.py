"""What stickiness is worth: `python -m tests.bench.judgement.conversation`.

SGD's validation dialogues, with exemplars of all its training dialogues, turn by turn.
"""

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise

import click
import numpy as np

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as `waypost` sets it, before numpy is loaded

from tests.bench.accuracy.__main__ import CACHE, DATA, ENCODER, PAGE, REPO
from tests.bench.accuracy.datasets import DataMissingError
from tests.bench.accuracy.encodings import CachedEncoder
from tests.bench.accuracy.figures import CONFIDENT, figures
from tests.bench.judgement.dialogues import (
    By,
    Dialogue,
    bundle_of,
    known,
    openers,
    ranked,
    read_dialogues,
    router_of,
)
from tests.bench.pages import splice, table
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.core.conversation import follow
from waypost_server.core.decision import Decision, decide
from waypost_server.core.judgement import Judgement
from waypost_server.core.outcome import Outcome
from waypost_server.core.ports import Encodings
from waypost_server.core.query import Conversation, Query
from waypost_server.core.ranking import Ranking
from waypost_server.core.router import Router

RAW = REPO / "docs/benchmarks/conversation.json"
SECTION = "conversation"
STICKINESS = (0.5, 1.0, 2.0, 5.0)
PAST_WEIGHT = 0.5
"""Of the turn before, in the mean of two encodings; with 1 it is worse still."""

Encode = Callable[[Dialogue], Encodings]
"""What a router is asked with, a row for each turn."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One way to route dialogues.

    Attributes:
        way: its name.
        accuracy: share of turns whose best candidate is right, as all shares here in [0, 1].
        low: of its 95% interval.
        high: likewise.
        switches: the same of the turns that are about something else than the one before.
        left: share of the other turns, but for the first ones, that are not put where the one
            before was.
        ece: calibration error of the confidence.
        sure: share of turns whose confidence reaches 0.75.
        sure_right: accuracy there.
    """

    way: str
    accuracy: float
    low: float
    high: float
    switches: float
    left: float
    ece: float
    sure: float
    sure_right: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """All ways on one kind of route; and what becomes of queries that are for none."""

    by: str
    routes: int
    exemplars: int
    dialogues: int
    turns: int
    switches: int
    rows: Sequence[Row]
    strangers: int
    strangers_matched: tuple[float, float]


def main() -> None:
    """Measures and writes the section."""
    try:
        train, val = (read_dialogues(DATA, split) for split in ("train", "val"))
    except DataMissingError as error:
        sys.exit(f"bench-judgement: {error}")
    with (DATA / "clinc150/oos_val.jsonl").open(encoding="utf-8") as lines:
        strangers = [json.loads(line)["text"] for line in lines]
    encoder = CachedEncoder(OnnxEncoder.load(ENCODER), CACHE)
    encoder.prepare(
        [
            *(text for dialogue in val for text in (*alone(dialogue), *joined(dialogue))),
            *(turn.text for dialogue in train for turn in dialogue if turn.opens),
            *strangers,
        ]
    )
    found = []
    for by in (By.DOMAIN, By.SERVICE):
        click.echo(f"Following dialogues, routes by {by.value}", err=True)
        found.append(measure(train, val, strangers, by, encoder))
    RAW.write_text(json.dumps([asdict(one) for one in found], indent=1) + "\n", "utf-8")
    PAGE.write_text(splice(PAGE.read_text("utf-8"), SECTION, render(found)), "utf-8")
    click.echo(f"Wrote {PAGE.relative_to(REPO)}")


def measure(
    train: Sequence[Dialogue],
    val: Sequence[Dialogue],
    strangers: Sequence[str],
    by: By,
    encoder: CachedEncoder,
) -> Found:
    """Every way, with routes of one kind."""
    exemplars = openers(train, by)
    bundle = bundle_of(exemplars, encoder)
    router = router_of(bundle)
    dialogues = known(val, by, bundle.exemplars.routes)

    def now(dialogue: Dialogue) -> Encodings:
        return encoder.encode(alone(dialogue))

    def row(way: str, encode: Encode = now, *, sticky: float = 0.0, own: bool = False) -> Row:
        asked = by_itself if encode is now else [Asked(router, encode(d)) for d in dialogues]
        said = [
            ask(one, dialogue, by, sticky=sticky, own=own)
            for one, dialogue in zip(asked, dialogues, strict=True)
        ]
        return summary(way, dialogues, said, by)

    by_itself = [Asked(router, now(dialogue)) for dialogue in dialogues]
    rows = [
        row("each turn by itself"),
        *(
            row(f"stickiness {factor:g}, after the right route", sticky=factor)
            for factor in STICKINESS
        ),
        row("stickiness 1, after its own route", sticky=1.0, own=True),
        row("the turn before in front of the text", lambda d: encoder.encode(joined(d))),
        row("mean with the turn before", lambda d: mixed(now(d))),
    ]
    after = np.random.default_rng(0).choice(router.exemplars.routes, size=len(strangers)).tolist()
    asked = Asked(router, encoder.encode(strangers))
    matched = [
        float(
            np.mean(
                [
                    asked.decide(i, text, previous, sticky).outcome is Outcome.MATCHED
                    for i, (text, previous) in enumerate(zip(strangers, after, strict=True))
                ]
            )
        )
        for sticky in (0.0, 1.0)
    ]
    return Found(
        by=by.value,
        routes=len(router.exemplars.routes),
        exemplars=len(exemplars.texts),
        dialogues=len(dialogues),
        turns=sum(map(len, dialogues)),
        switches=sum(a.label(by) != b.label(by) for d in dialogues for a, b in pairwise(d)),
        rows=rows,
        strangers=len(strangers),
        strangers_matched=(matched[0], matched[1]),
    )


def alone(dialogue: Dialogue) -> list[str]:
    """The turns."""
    return [turn.text for turn in dialogue]


def joined(dialogue: Dialogue) -> list[str]:
    """Each turn with the one before in front of it."""
    texts = alone(dialogue)
    return [" ".join(texts[max(0, i - 1) : i + 1]) for i in range(len(texts))]


def mixed(encodings: Encodings) -> Encodings:
    """Each turn's encoding in a mean with the one before, as long as it was, shape (n, width)."""
    mean = encodings.copy()
    mean[1:] += PAST_WEIGHT * encodings[:-1]
    halves = np.split(np.arange(encodings.shape[1]), 2)  # the unit vector, the inner one
    for half in halves:
        lengths = np.linalg.norm(encodings[:, half], axis=1, keepdims=True)
        mean[:, half] *= lengths / np.linalg.norm(mean[:, half], axis=1, keepdims=True)
    return mean


class Asked:
    """A router and the encodings of some texts; what it would rank twice it remembers."""

    def __init__(self, router: Router, encodings: Encodings) -> None:
        self._router = router
        self._encodings = encodings
        self._known: dict[tuple[int, str], Ranking] = {}

    def decide(self, row: int, text: str, previous: str, sticky: float) -> Decision:
        """As the server decides about the text of a row; without stickiness at 0."""
        catalog = self._router.catalog
        query = Query(text=text, conversation=Conversation(previous_route=previous))
        if sticky:
            taxonomy = replace(catalog.taxonomy, stickiness=sticky)
            routes = len(self._router.exemplars.routes)
            stage = follow(replace(catalog, taxonomy=taxonomy), routes=routes)
            query = Judgement((stage,)).look(query)
        key = row, query.clues.previous.route if query.clues.previous else ""
        if key not in self._known:
            self._known[key] = ranked(self._router, self._encodings[row], key[1])
        return decide(self._known[key], catalog, query)


def ask(asked: Asked, dialogue: Dialogue, by: By, *, sticky: float, own: bool) -> list[Decision]:
    """Decisions about a dialogue, each after the right route or after where the last one went."""
    previous, decisions = "", []
    for row, turn in enumerate(dialogue):
        decision = asked.decide(row, turn.text, previous, sticky)
        decisions.append(decision)
        previous = decision.route.name if own else turn.label(by)
    return decisions


def summary(
    way: str, dialogues: Sequence[Dialogue], said: Sequence[Sequence[Decision]], by: By
) -> Row:
    """The figures of one way."""
    labels = [[turn.label(by) for turn in dialogue] for dialogue in dialogues]
    best = [[decision.candidates[0] for decision in decisions] for decisions in said]
    right = np.array([b.route for bs in best for b in bs]) == np.array(
        [label for ls in labels for label in ls]
    )
    score = np.array([b.confidence for bs in best for b in bs])
    switched: list[bool] = []
    kept: list[bool] = []
    for bs, ls in zip(best, labels, strict=True):
        for (before, label), one in zip(pairwise(ls), bs[1:], strict=True):
            (kept if before == label else switched).append(one.route == label)
    found = figures(["accuracy", "ece"], score=score, right=right)
    accuracy, ece = found["accuracy"], found["ece"]
    assert accuracy
    assert ece
    sure = score >= CONFIDENT
    return Row(
        way=way,
        accuracy=accuracy.value,
        low=accuracy.low,
        high=accuracy.high,
        switches=float(np.mean(switched)),
        left=1 - float(np.mean(kept)),
        ece=ece.value,
        sure=float(sure.mean()),
        sure_right=float(right[sure].mean()),
    )


def render(found: Sequence[Found]) -> str:
    """A table and a sentence for each kind of route."""
    return "\n\n".join(_section(one) for one in found)


def _section(one: Found) -> str:
    head = [
        f"{one.routes} routes by {one.by}",
        "accuracy",
        "of switches",
        "left by mistake",
        "ECE",
        "confidence 0.75 or more, right there",
    ]
    rows = [
        [
            row.way,
            f"{100 * row.accuracy:.1f} [{100 * row.low:.1f}, {100 * row.high:.1f}]",
            f"{100 * row.switches:.1f}",
            f"{100 * row.left:.1f}",
            f"{row.ece:.3f}",
            f"{100 * row.sure:.1f}, {100 * row.sure_right:.1f}",
        ]
        for row in one.rows
    ]
    without, with_it = (100 * share for share in one.strangers_matched)
    return (
        f"{table(head, rows)}\n\n{one.exemplars:,} exemplars, {one.dialogues:,} dialogues, "
        f"{one.turns:,} turns, {one.switches:,} of them switches. Of {one.strangers} strangers "
        f"(CLINC150, validation), each after some route, {without:.0f}% are given to a route "
        f"without stickiness and {with_it:.0f}% with 1."
    )


if __name__ == "__main__":
    main()
