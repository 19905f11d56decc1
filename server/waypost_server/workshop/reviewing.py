"""Makes exemplars of examples that a person accepted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from waypost_server.adapters.exemplar_file import find_example_file
from waypost_server.adapters.files import replace_durably
from waypost_server.adapters.labelled_file import read_labelled
from waypost_server.adapters.review_file import Seen, reviewing, unknown
from waypost_server.adapters.route_folder import EVAL_FOLDER, read_routes
from waypost_server.core.bundle import RouteSet
from waypost_server.core.consultation import normalised
from waypost_server.core.errors import ReviewError
from waypost_server.core.review import Example

EXEMPLARS = "exemplars.txt"


@dataclass(frozen=True, slots=True)
class Accepted:
    """An example that is an exemplar now.

    Attributes:
        id: the example's.
        route: whose exemplar.
        file: where it stands.
        added: whether it did not stand there before.
    """

    id: str
    route: str
    file: Path
    added: bool


def accept(
    file: Path, ids: Sequence[str], *, routes: Path, route: str | None = None
) -> list[Accepted]:
    """Puts examples at the end of their routes' exemplars.txt; all of them, or none.

    Args:
        file: where they wait.
        ids: which ones.
        routes: the routes folder.
        route: where they belong; None for where the model said.

    Raises:
        ReviewError: an id does not wait there, or an example cannot be an exemplar; says why.
        RoutesError: the routes folder has problems.
        EvaluationError: its labelled queries have.
    """
    with reviewing(file) as review:
        _check_known(file, ids, unknown(review, ids))
        known = read_routes(routes)
        tested = _tested(routes, known)
        wanted = [(review.waiting[id_], route or review.waiting[id_].route) for id_ in ids]
        for example, name in wanted:
            _check(example, name, known, tested)
            _file_of(example, name, routes)
        done = [_add(example, name, routes, known) for example, name in wanted]
        review.seen.update(dict.fromkeys(ids, Seen.ACCEPTED))
    return done


def reject(file: Path, ids: Sequence[str]) -> None:
    """Takes examples out for good; raises ReviewError unless all of them wait there."""
    with reviewing(file) as review:
        _check_known(file, ids, unknown(review, ids))
        review.seen.update(dict.fromkeys(ids, Seen.REJECTED))


def _check_known(file: Path, ids: Sequence[str], missing: Sequence[str]) -> None:
    if missing:
        raise ReviewError(
            f"no example {missing[0]!r} waits in {file}; `waypost review list` shows those that do"
        )
    if len(set(ids)) < len(ids):
        raise ReviewError("an example is named twice; name each once")


def _tested(routes: Path, known: RouteSet) -> Mapping[str, str]:
    """The queries that bundles are tested with, and where each stands."""
    queries = [*known.regression]
    folder = routes / EVAL_FOLDER
    if any(folder.glob("*.jsonl")):
        max_bytes = known.catalog.taxonomy.max_query_bytes
        queries += read_labelled([folder], routes=None, max_text_bytes=max_bytes)
    return {normalised(query.text): query.source for query in queries}


def _check(example: Example, route: str, known: RouteSet, tested: Mapping[str, str]) -> None:
    if route not in known.exemplars:
        raise ReviewError(
            f"{example.id}: no route is called {route!r}; name one of "
            f"{', '.join(sorted(known.exemplars))} with --route"
        )
    text = normalised(example.text)
    if text in tested:
        raise ReviewError(
            f"{example.id} is the test query at {tested[text]}, and an exemplar that is tested "
            "tells nothing; reject it"
        )
    for name, texts in known.exemplars.items():
        if name != route and text in map(normalised, texts):
            raise ReviewError(
                f"{example.id} is an exemplar of {name} already; reject it, or move it by hand"
            )
    if not text or f"{text} ".startswith("# "):
        raise ReviewError(
            f"{example.id} would be a comment in {EXEMPLARS}; write it there in other words, and "
            "reject it"
        )
    if len(example.text.encode()) > known.catalog.taxonomy.max_query_bytes:
        raise ReviewError(f"{example.id} is longer than limits.max_query_bytes; reject it")


def _file_of(example: Example, route: str, routes: Path) -> Path:
    """The route's exemplars.txt, which need not be there yet."""
    file = find_example_file(routes / route, "exemplars") or routes / route / EXEMPLARS
    if file.name != EXEMPLARS:
        raise ReviewError(
            f"{example.id}: {route} keeps its exemplars in {file.name}; add it there by hand, and "
            "reject it"
        )
    return file


def _add(example: Example, route: str, routes: Path, known: RouteSet) -> Accepted:
    file = _file_of(example, route, routes)
    before = file.read_text("utf-8") if file.exists() else ""
    text = normalised(example.text)
    there = [*known.exemplars[route], *before.split("\n")]
    if text in map(normalised, there):
        return Accepted(example.id, route, file, added=False)
    ended = before if not before or before.endswith("\n") else f"{before}\n"
    mode = file.stat().st_mode & 0o777 if file.exists() else 0o644
    replace_durably(file, f"{ended}{example.text}\n".encode())
    file.chmod(mode)
    return Accepted(example.id, route, file, added=True)
