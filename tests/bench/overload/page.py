"""The page's section."""

from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.overload.figures import Leg
from tests.bench.pages import table

WANTED_RATIO, WANTED_REFUSAL_MS, WANTED_RECOVERY_S = 3.0, 50.0, 5.0

WANTED_GROWTH_MB = 10.0
"""What counts as flat: from the first third of the overload to the last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was measured.

    Attributes:
        setting: the machine.
        seconds: how long there was overload.
        capacity: queries a second that are answered when more are offered.
        calm: without load.
        flooded: at ten times the capacity.
        after: without load, from the last flooded query on.
        recovered_after: seconds from then until all calls were as before.
        private_mb: the server's own memory, second by second.
    """

    setting: str
    seconds: float
    capacity: float
    calm: Leg
    flooded: Leg
    after: Leg
    recovered_after: float
    private_mb: Sequence[float]


def render(report: Report) -> str:
    """The section."""
    ratio = report.flooded.p99 / report.calm.p99
    grown = growth(report.private_mb)
    legs = [
        ("unloaded", report.calm),
        (f"{report.flooded.per_second / report.capacity:.0f} x overload", report.flooded),
        ("right after it", report.after),
    ]
    header = "|queries/s|answered %|RESOURCE_EXHAUSTED %|CANCELLED %|otherwise %|answered, p50 ms"
    header += "|answered, p99 ms|turned away, p99 ms|late, p99 ms"
    wanted = [
        ("p99 of answered calls, unloaded = 1", "3 or less", f"{ratio:.1f}", ratio <= WANTED_RATIO),
        (
            "p99 of calls that were turned away, ms",
            "50 or less",
            f"{report.flooded.refused_p99:.0f}",
            report.flooded.refused_p99 <= WANTED_REFUSAL_MS,
        ),
        (
            "the server's own memory, last third less first third, MB",
            f"{WANTED_GROWTH_MB:g} or less",
            f"{grown:.1f}",
            grown <= WANTED_GROWTH_MB,
        ),
        (
            "all calls as before after, s",
            "5 or less",
            f"{report.recovered_after:.1f}",
            report.recovered_after <= WANTED_RECOVERY_S,
        ),
    ]
    return "\n\n".join(
        [
            f"{report.setting} {report.seconds:g} s of overload. Offered more than it can answer, "
            f"the server answers {report.capacity:.0f} queries a second.",
            table(header.split("|"), [_row(name, leg) for name, leg in legs]),
            table(
                ("", "wanted", "found", "reached?"),
                [(what, want, found, "yes" if met else "no") for what, want, found, met in wanted],
            ),
        ]
    )


def growth(megabytes: Sequence[float]) -> float:
    """The mean of the last third less that of the first."""
    third = max(1, len(megabytes) // 3)
    return (sum(megabytes[-third:]) - sum(megabytes[:third])) / third


def _row(name: str, leg: Leg) -> list[str]:
    shares = (leg.answered, leg.refused, leg.dropped, leg.other)
    times = (leg.p50, leg.p99, leg.refused_p99, leg.late_p99)
    return [
        name,
        f"{leg.per_second:.0f}",
        *(f"{100 * share:.1f}" for share in shares),
        *("" if value != value else f"{value:.1f}" for value in times),
    ]
