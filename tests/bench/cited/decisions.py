"""What docs/design_decisions.md cites."""

from tests.bench.cited.claims import Claim, Figures, Words
from tests.bench.cited.sources import Source, cell, least, less, most, raw, said, size

ALTERNATIVES = "docs/alternatives.md"
EDITED = "IndexError in {}% of the calls at 13 edits a second and in {}%"
ENCODER = "models/all-MiniLM-L6-v2/README.md"
SETS = ("BANKING77", "HWU64", "CLINC150")
GROUPS = ("10 x 10, 10", "10 x 10, all", "10 x 15, 10", "10 x 15, all")


def right(router: str, data: str) -> Source:
    """Accuracy at ten exemplars."""
    return cell("Right route", (data, "10"), router)


def error(router: str) -> tuple[Source, ...]:
    """Calibration errors at ten exemplars."""
    return tuple(cell("Confidence", (data, "10"), f"ECE, {router}") for data in SETS)


def dropped(way: str) -> Source:
    """How much fewer queries an alternative has right."""
    return size(
        cell("Alternatives that were dropped", (way,), "mean less Waypost's", page=ALTERNATIVES)
    )


def one_setting(way: str) -> Source:
    """How much more queries it has right with one setting for all columns."""
    return cell(
        "Alternatives that were dropped", (way,), "its mean less Waypost's", page=ALTERNATIVES
    )


def groups(column: str) -> tuple[Source, ...]:
    """A column about CLINC150 in groups."""
    return tuple(cell("Nested folders", (group,), column) for group in GROUPS)


def stage(exemplars: str, column: str, number: int = 0) -> Source:
    """Of both stages on CLINC150."""
    return cell("Two stages", ("CLINC150", exemplars), column, number=number)


def turns(way: str, column: str = "accuracy") -> Source:
    """Of conversations by domain."""
    return cell("Conversations", (way,), column, table=0)


def flagged(texts: str, column: str = "flagged, %", *, ordinary_alone: bool = False) -> Source:
    """Of the guard that ships, or of the one that was taught ordinary traffic alone."""
    return cell("The guard", (texts,), column, table=int(ordinary_alone))


DEFAULT, OWN = "semantic-router 1.1.1 default", "Waypost"
GAINS = tuple(cell("Adapted encoder", (data,), "gain") for data in SETS)
MINUTES = tuple(cell("Adapted encoder", (data,), "minutes") for data in SETS)
ASKED = tuple(raw("escalation.json", at, "asked", times=100) for at in range(3))
OWN_HEAD = tuple(size(each) for each in groups("head of its own for groups"))
GROUPS_LOST = tuple(map(less, groups("group right"), groups("head of its own")))

CLAIMS: tuple[Claim, ...] = (
    Figures(
        "{} MB against {}, and {} to {} times slower at one text a call;",
        (
            said(ENCODER, "{} MB; the fp32 export has {} MB", 1),
            said(ENCODER, "{} MB; the fp32 export has {} MB", 0),
            said(ENCODER, "{} to {} times the fp32 export at one text a call", 0),
            said(ENCODER, "{} to {} times the fp32 export at one text a call", 1),
        ),
    ),
    Figures(
        "int8 loses {} points or less",
        (said(ENCODER, "within {} points of fp32 on CLINC150 and BANKING77"),),
    ),
    Figures(
        "{} to {} points more, for torch and {} to {} minutes a change of routes",
        (least(*GAINS), most(*GAINS), least(*MINUTES), most(*MINUTES)),
    ),
    Figures("where the encoder is not sure, {} to {}%", (least(*ASKED), most(*ASKED))),
    Figures("(kNN) | {} points fewer", (dropped("Nearest exemplar"),)),
    Figures(
        "neighbours or without | {} to {} fewer",
        (dropped("Centroid and 3 nearest"), dropped("Centroid")),
    ),
    Figures("ridge regression | {} fewer", (dropped("Ridge"),)),
    Figures("unit vector alone | {} fewer", (dropped("Plain logistic head"),)),
    Figures("closed form | {} fewer", (dropped("LDA"),)),
    Figures("smoothed labels | {} fewer", (dropped("Smoothed labels"),)),
    Figures(
        "beside both | {} more at most with one setting",
        (most(*map(one_setting, ("Head mixed with LDA", "Plain head and static vector"))),),
    ),
    Figures(
        "(TF-IDF) beside | {} more with one setting for all",
        (one_setting("Plain head and words"),),
    ),
    Figures(
        "default | {}, {}, {} against {}, {}, {} ",
        tuple(right(router, data) for router in (DEFAULT, OWN) for data in SETS),
    ),
    Figures("ECE {} to {} at ten exemplars", (least(*error(OWN)), most(*error(OWN)))),
    Figures(
        "ECE {} to {} on the same queries",
        (least(*error("Plain head")), most(*error("Plain head"))),
    ),
    Figures(
        "{} to {} for semantic-router",
        (
            least(*error("semantic-router 1.1.1 best")),
            most(*error("semantic-router 1.1.1 best")),
        ),
    ),
    Figures(
        "of CLINC150's queries {}% at 10 exemplars a route and {}% at 100, for {} points",
        (
            stage("10", "queries decided first"),
            stage("all", "queries decided first"),
            size(least(stage("10", "both", 1), stage("all", "both", 1))),
        ),
    ),
    Figures(
        "built at once, {} ms at 5,000 and {} at 20,000",
        (
            cell("Where lists begin", ("5,000",), "exact, p50 ms"),
            cell("Where lists begin", ("20,000",), "exact, p50 ms"),
        ),
    ),
    Figures(
        "recall {} at a million",
        (cell("More exemplars", ("1,000,000",), "recall at 10"),),
    ),
    Figures(
        "which takes {} ms at 1,500",
        (cell("More exemplars", ("1,500",), "8 x 128 rows compared, p50 ms"),),
    ),
    Figures(
        "the group of {} to {} points fewer queries, and loses {} to {} points of routes",
        (least(*GROUPS_LOST), most(*GROUPS_LOST), least(*OWN_HEAD), most(*OWN_HEAD)),
    ),
    Figures(
        "{}% of SGD's turns are right, without {}%",
        (turns("stickiness 1, after the right route"), turns("each turn by itself")),
    ),
    Figures(
        "{}%, and of changes of topic {} instead of {}%",
        (
            turns("the turn before in front of the text"),
            turns("the turn before in front of the text", "of switches"),
            turns("stickiness 1, after the right route", "of switches"),
        ),
    ),
    Figures("mean with the turn before | {}%", (turns("mean with the turn before"),)),
    Figures(
        "{}% of the attacks of unseen sources at {}% of ordinary traffic",
        (flagged("pooled"), flagged("ordinary traffic")),
    ),
    Words(
        "in a fraction of a millisecond in the median",
        cell("What the stages cost", ("guard, before the encoder",), "p50 µs"),
        *("0", "700"),
    ),
    Figures(
        "flags {}%, and with them {}% of NotInject's",
        (
            flagged("pooled", ordinary_alone=True),
            flagged("NotInject", ordinary_alone=True),
        ),
    ),
    Words(
        "and half of what the shipped routes are for",
        flagged("the shipped routes' eval set", ordinary_alone=True),
        *("45", "55"),
    ),
    Figures(
        "IndexError in {} to {}% of the calls",
        tuple(said("docs/hot_reload.md", EDITED, at) for at in (0, 1)),
    ),
)

SETTLED = (
    "22 million parameters",
    "256 tokens",
    "beyond 200 million cells",
    "Search: flat, and lists beyond 20,000",
    "Up to 20,000 exemplars",
    "nominate 256,",
    "more than 128 exemplars and there are at most 1,000 routes",
    "has 26 direct dependencies",
)
"""Numbers that nobody measured: settings, and what others say of themselves."""
