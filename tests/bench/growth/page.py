"""The section of the page, and its pictures."""

from collections.abc import Callable, Mapping, Sequence

from tests.bench.chart import chart
from tests.bench.growth.measure import Point
from tests.bench.growth.report import Growth, wants
from tests.bench.pages import table
from waypost_server.adapters.faiss_index import EXACT_UP_TO
from waypost_server.core.comparing import COMPARED
from waypost_server.core.evidence import SHORTLIST
from waypost_server.core.router import MANY_ROUTES, NEIGHBOURS

SERVED = ("exemplars.faiss", "vectors.npy", "exemplars.jsonl", "head.npz")
"""Files whose sizes are shown; the others are small, or for builds alone."""

EXEMPLARS, ROUTES = "exemplars", "routes"


def render(setting: str, found: Growth) -> str:
    """Tables, and the pictures that `pictures` draws."""
    by_exemplars, by_routes = found.by_exemplars, found.by_routes
    return "\n\n".join(
        [
            f"{setting} The encoder takes {found.encoder_ms:.2f} ms a query, median.",
            "### More exemplars",
            _times(by_exemplars),
            _pictures(EXEMPLARS),
            _sizes(by_exemplars),
            "### More routes",
            _times(by_routes),
            _pictures(ROUTES),
            _sizes(by_routes),
            "### Whole servers",
            "`waypost serve` with the transformer alone, asked each query once by one caller.",
            _served(by_exemplars),
            "### Where lists begin",
            f"A search for {NEIGHBOURS} exemplars, exact and by lists in turn, in one thread. "
            f"Waypost compares all up to {EXACT_UP_TO:,}. Each of the two finds the other's "
            "vectors in the processor's cache. Decisions search only where a route has more than "
            f"{COMPARED} exemplars or there are more than {MANY_ROUTES:,} routes.",
            _crossings(found),
            "### What was wanted of growth",
            _wants(found),
        ]
    )


def pictures(by_exemplars: Sequence[Point], by_routes: Sequence[Point]) -> Mapping[str, str]:
    """SVG files by name."""
    drawn = {}
    for what, points in ((EXEMPLARS, by_exemplars), (ROUTES, by_routes)):
        drawn[_file("time", what)] = chart(
            {
                "decision, p50": _line(points, what, lambda p: p.answers["decide_p50_ms"]),
                "search, p50": _line(points, what, lambda p: p.answers["search_p50_ms"]),
            },
            x_title=what,
            y_title="ms",
        )
        drawn[_file("memory", what)] = chart(
            {
                "with mapped files": _line(points, what, lambda p: p.answers["resident_mb"]),
                "without": _line(points, what, lambda p: p.answers["private_mb"]),
            },
            x_title=what,
            y_title="resident MB",
        )
    return drawn


def _line(
    points: Sequence[Point], what: str, value: Callable[[Point], float]
) -> list[tuple[float, float]]:
    return [
        (point.exemplars if what == EXEMPLARS else point.routes, value(point)) for point in points
    ]


def _file(what: str, over: str) -> str:
    return f"growth-{what}-{over}.svg"


def _pictures(over: str) -> str:
    return "\n".join(
        f"![{what} over {over}](benchmarks/{_file(what, over)})" for what in ("time", "memory")
    )


def _times(points: Sequence[Point]) -> str:
    head = [
        "exemplars",
        "routes",
        "index",
        "search, p50 / p99 ms",
        "recall at 10",
        f"{SHORTLIST} x {COMPARED} rows compared, p50 ms",
        "decision without encoder, p50 / p99 ms",
    ]
    rows = [
        [
            f"{point.exemplars:,}",
            f"{point.routes:,}",
            point.kind,
            _times_of(point, "search"),
            f"{point.answers['recall']:.4f}",
            f"{point.answers['rows_p50_ms']:.2f}",
            _times_of(point, "decide"),
        ]
        for point in points
    ]
    return table(head, rows)


def _times_of(point: Point, name: str) -> str:
    return f"{point.answers[f'{name}_p50_ms']:.2f} / {point.answers[f'{name}_p99_ms']:.2f}"


def _sizes(points: Sequence[Point]) -> str:
    head = [
        "exemplars",
        "routes",
        "index built, s",
        "bundle written, s",
        "loaded, s",
        "loading adds, MB",
        "resident after questions, MB",
        "without mapped files, MB",
        *(f"{name}, MB" for name in SERVED),
        "all files, MB",
    ]
    rows = [
        [
            f"{point.exemplars:,}",
            f"{point.routes:,}",
            f"{point.build_seconds:.1f}",
            f"{point.save_seconds:.1f}",
            f"{point.answers['load_seconds']:.2f}",
            f"{point.answers['loaded_mb']:.0f}",
            f"{point.answers['resident_mb']:.0f}",
            f"{point.answers['private_mb']:.0f}",
            *(_mb(point.files_mb.get(name)) for name in SERVED),
            _mb(sum(point.files_mb.values())),
        ]
        for point in points
    ]
    return table(head, rows)


def _mb(size: float | None) -> str:
    return "-" if size is None else f"{size:.1f}"


def _served(points: Sequence[Point]) -> str:
    rows = [
        [
            f"{point.exemplars:,}",
            f"{served.ready_seconds:.2f}",
            f"{served.p50_ms:.2f}",
            f"{served.resident_mb:.0f}",
            f"{served.private_mb:.0f}",
        ]
        for point in points
        if (served := point.served)
    ]
    head = ["exemplars", "ready, s", "p50, ms", "resident, MB", "without mapped files, MB"]
    return table(head, rows)


def _crossings(found: Growth) -> str:
    rows = [
        [
            f"{one.exemplars:,}",
            f"{one.exact_ms:.2f}",
            f"{one.lists_ms:.2f}",
            f"{one.recall:.4f}",
            f"{one.build_seconds:.1f}",
        ]
        for one in found.crossings
    ]
    head = ["exemplars", "exact, p50 ms", "lists, p50 ms", f"recall of lists at {NEIGHBOURS}"]
    return table([*head, "lists built, s"], rows)


def _wants(found: Growth) -> str:
    rows = [
        [
            want.what,
            f"{want.wanted:,g} or less",
            f"{want.found:,.2f}",
            "yes" if want.reached else "no",
        ]
        for want in wants(found)
    ]
    return table(["", "wanted", "found", "reached?"], rows)
