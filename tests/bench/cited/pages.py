"""What pages cite of benchmarks, by page."""

from tests.bench.cited import decisions
from tests.bench.cited.claims import Claim, Figures, Words
from tests.bench.cited.decisions import (
    ASKED,
    ENCODER,
    GROUPS,
    GROUPS_LOST,
    OWN,
    OWN_HEAD,
    SETS,
    error,
    flagged,
    groups,
    right,
    turns,
)
from tests.bench.cited.sources import Source, cell, least, less, milli, most, raw, said, size

PEER = "semantic-router 1.1.1 best"
SMALL, LARGE = (("10 x 10",), ("100 x 100",))
FEW = tuple(group for group in GROUPS if group.endswith(" 10"))


def deciding(world: tuple[str, ...], column: str) -> Source:
    """Of decisions in groups that nobody drew."""
    return cell("Nested folders", world, column, table=1)


def few(column: str) -> tuple[Source, ...]:
    """A column about groups of routes with ten exemplars."""
    return tuple(cell("Nested folders", (group,), column) for group in FEW)


def between(text: str, sources: tuple[Source, ...], low: str, high: str) -> tuple[Words, Words]:
    """Words about several figures."""
    return Words(text, least(*sources), low, high), Words(text, most(*sources), low, high)


def asked(*keys: str | int) -> tuple[Source, ...]:
    """Of the queries that a model is asked about, by data set."""
    return tuple(raw("escalation.json", at, *keys, times=100) for at in range(3))


BY_LOT = tuple(
    source
    for pair in zip(asked("weighted", 1), asked("weighted", 0), strict=True)
    for source in pair
)
BEAMS = tuple(map(size, (*groups("1 beam"), *groups("2 beams"))))
DECIDING = tuple(
    deciding(world, column)
    for world in (SMALL, LARGE)
    for column in ("with groups", "decision, flat, µs")
)
DIRECT = (
    deciding(LARGE, "search and head, µs"),
    deciding(LARGE, "a head for groups, then 3 groups' routes, µs"),
)
UNFOUND = less(deciding(LARGE, "right, all routes"), deciding(LARGE, "3 groups' routes"))

CLAIMS: dict[str, tuple[Claim, ...]] = {
    "docs/design_decisions.md": decisions.CLAIMS,
    "README.md": (
        *(
            Figures(f"| {data}, 10 | {{}} | {{}} |", (right(PEER, data), right(OWN, data)))
            for data in SETS
        ),
        *between("off by [two to three points]", error(OWN), "0.015", "0.0349"),
        Figures("with it [flags {}%]", (flagged("pooled"),)),
        Figures(
            "which reads {} tokens of a query", (said(ENCODER, "included), at most {} tokens"),)
        ),
    ),
    "docs/guard.md": (
        Words(
            "a fraction of a millisecond in the median",
            cell("What the stages cost", ("guard, before the encoder",), "p50 µs"),
            *("0", "700"),
        ),
        Figures(
            "flags {}% of unseen attacks at {}% of ordinary traffic, and with them {}% of "
            "NotInject's",
            (
                flagged("pooled", ordinary_alone=True),
                flagged("ordinary traffic", ordinary_alone=True),
                flagged("NotInject", ordinary_alone=True),
            ),
        ),
        Words(
            "and half of what the shipped routes are for",
            flagged("the shipped routes' eval set", ordinary_alone=True),
            *("45", "55"),
        ),
        Figures("it flags {}% of the attacks of a source that", (flagged("pooled"),)),
        Words("and a fifth of NotInject", flagged("NotInject"), "17", "23"),
        Figures(
            "and at `high`, {}% and {}%",
            (flagged("pooled", "high"), flagged("NotInject", "high")),
        ),
    ),
    "docs/conversation.md": (
        Words(
            "it finds nearly as many changes of topic as without",
            less(
                turns("each turn by itself", "of switches"),
                turns("stickiness 1, after the right route", "of switches"),
            ),
            *("-3", "3"),
        ),
        Words(
            "that any route knows one in six does",
            raw("conversation.json", 0, "strangers_matched", 1, times=100),
            *("14", "20"),
        ),
    ),
    "docs/params.md": (
        *between(
            "about a tenth of a millisecond for an ordinary query",
            (cell("What the stages cost", ("parameters",), "p50 µs"),),
            *("50", "200"),
        ),
    ),
    "docs/hierarchy.md": (
        *between(
            "With three beams as many queries find their route as in a flat list, to a hundredth",
            tuple(map(size, groups("3 beams"))),
            *("0", "0.01"),
        ),
        Words("one beam a tenth of a point is lost or gained", most(*BEAMS), "0.05", "0.15"),
        *between("knows the group of two to three points fewer", GROUPS_LOST, "1.5", "3.5"),
        *between("and loses one and a half points of routes", OWN_HEAD, "1.2", "1.8"),
        Figures(
            "Of ten exemplars a route, {} to {}% of the queries are sure of their group",
            (least(*few("sure of the group only")), most(*few("sure of the group only"))),
        ),
        *between(
            "alone, nine in ten of them rightly", few("of these the group is right"), "87", "97"
        ),
        Figures(
            "takes {} µs instead of {} of 100 routes, and {} instead of {} of 10,000", DECIDING
        ),
        Figures("would save {} ms of it", (milli(less(*DIRECT)),)),
        Words("and lose a tenth of the queries", UNFOUND, "7", "13"),
        Figures(
            "of CLINC150's {} to {}% with ten exemplars",
            (
                least(*few("strangers sure of a group only")),
                most(*few("strangers sure of a group only")),
            ),
        ),
    ),
    "docs/hints.md": (
        *between(
            "about half of the queries are told rightly",
            tuple(raw("hints.json", at, "voted", times=100) for at in range(2)),
            *("40", "65"),
        ),
    ),
    "docs/rules.md": (
        Words(
            "takes a tenth of a second of a text made for it",
            raw("rules.json", "adverse_ms"),
            *("60", "199"),
        ),
    ),
    "docs/escalation.md": (
        Figures(
            "{}% claimed and {}% right on BANKING77, {} and {} on HWU64), and too high on the "
            "third ({} and {} on CLINC150)",
            BY_LOT,
        ),
        Figures("hands over {} to {}% of the queries", (least(*ASKED), most(*ASKED))),
        Figures(
            "right for {} to {}% of them",
            (least(*asked("best", 0)), most(*asked("best", 0))),
        ),
        Figures("among the candidates for {}%", (least(*asked("within")),)),
    ),
}
"""By page, what it says that was measured."""
