"""From routes to a bundle: what is made once, so that nothing has to be fitted while serving."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from waypost_server.core.catalog import Catalog
from waypost_server.core.crossfit import HeldOut
from waypost_server.core.errors import EncoderError
from waypost_server.core.exemplars import ExemplarTable
from waypost_server.core.first_stage import FittedFirstStage, choose_gate
from waypost_server.core.halves import halve
from waypost_server.core.head import Negatives
from waypost_server.core.labelled import LabelledQuery
from waypost_server.core.ports import Encoder, Encodings
from waypost_server.core.scoring import Scoring, fit_scoring

CHUNK = 128
"""Texts encoded between two reports of progress."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSet:
    """A routes folder as read and validated.

    Attributes:
        catalog: all that is configured.
        exemplars: exemplars by route, in file order.
        negatives: negatives by route, in file order.
        out_of_scope: examples of queries that belong to no route; may be none.
        sha256: hex hash of what the folder says.
        regression: queries that must go to their routes, by route and in file order.
        notes: what is no mistake and should be mended all the same, a sentence each.
    """

    catalog: Catalog
    exemplars: Mapping[str, Sequence[str]]
    negatives: Mapping[str, Sequence[str]]
    out_of_scope: Sequence[str]
    sha256: str
    regression: Sequence[LabelledQuery] = ()
    notes: Sequence[str] = ()

    def table(self) -> ExemplarTable:
        """The exemplars as a table."""
        return ExemplarTable.of(
            ((route, text) for route, texts in self.exemplars.items() for text in texts),
            negative_counts={route: len(texts) for route, texts in sorted(self.negatives.items())},
        )


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """The built artefact.

    Attributes:
        catalog: all that is configured.
        exemplars: the exemplars as a table.
        encodings: of the exemplars, row for row, shape (n, width).
        out_of_scope: examples of queries that belong to no route.
        outside: their encodings, shape (m, width).
        negatives: pairs of a route and a text that does not belong to it.
        against: their encodings, shape (k, width).
        dimension: length of the unit vector at the front of an encoding.
        scoring: what was fitted on them.
        first: the first stage, if there is one.
        encoder_name: name of the encoder.
        encoder_fingerprint: its identity.
        routes_sha256: hash of the routes folder.
        regression: pairs of a route and a query that must go there.
    """

    catalog: Catalog
    exemplars: ExemplarTable
    encodings: Encodings = field(repr=False)
    out_of_scope: Sequence[str]
    outside: Encodings = field(repr=False)
    negatives: Sequence[tuple[str, str]]
    against: Encodings = field(repr=False)
    dimension: int
    scoring: Scoring = field(repr=False)
    first: FittedFirstStage | None
    encoder_name: str
    encoder_fingerprint: str
    routes_sha256: str
    regression: Sequence[tuple[str, str]] = ()


def build_bundle(
    routes: RouteSet,
    encoder: Encoder,
    *,
    known: Mapping[str, Encodings],
    progress: Callable[[int, int], None],
    held_out: HeldOut | None = None,
    static: Encoder | None = None,
    known_to_static: Mapping[str, Encodings] = MappingProxyType({}),
) -> Bundle:
    """Encodes the exemplars of `routes` and fits the scoring.

    Args:
        routes: what to build.
        encoder: makes the encodings.
        known: encodings of shape (width,) that this encoder made before, by text; not made again.
        progress: called with how many texts are encoded and how many there are to encode.
        held_out: as for `fit_scoring`.
        static: the encoder of a first stage; None for none.
        known_to_static: encodings that it made before, by text.

    Raises:
        EncoderError: an encoding is not finite.
    """
    exemplars = routes.table()
    negatives = [(route, text) for route, texts in routes.negatives.items() for text in texts]
    texts = [*exemplars.texts, *routes.out_of_scope, *(text for _, text in negatives)]
    encodings = _encode(texts, encoder, known, progress)
    _check_finite(encodings, exemplars, len(routes.out_of_scope), negatives, encoder.name)
    count = len(exemplars.texts)
    inside, outside, against = np.split(encodings, [count, count + len(routes.out_of_scope)])
    # An adapted encoder's folds are others than ours: what they saw cannot be compared.
    stage = static if held_out is None else None
    with ThreadPoolExecutor(1) as pool:
        first = (
            pool.submit(_score_first, stage, known_to_static, texts, exemplars, negatives)
            if stage
            else None
        )
        scoring, seen = fit_scoring(
            inside,
            outside,
            exemplars,
            dimension=encoder.dimension,
            by_hand=by_hand(routes.catalog),
            negatives=negatives_of(exemplars, [route for route, _ in negatives], against),
            held_out=held_out,
        )
    return Bundle(
        catalog=routes.catalog,
        exemplars=exemplars,
        encodings=inside,
        out_of_scope=tuple(routes.out_of_scope),
        outside=outside,
        negatives=negatives,
        against=against,
        dimension=encoder.dimension,
        scoring=scoring,
        first=_gated(stage, *first.result(), seen) if stage and first else None,
        encoder_name=encoder.name,
        encoder_fingerprint=encoder.fingerprint,
        routes_sha256=routes.sha256,
        regression=[(query.label, query.text) for query in routes.regression],
    )


def _score_first(
    static: Encoder,
    known: Mapping[str, Encodings],
    texts: Sequence[str],
    exemplars: ExemplarTable,
    negatives: Sequence[tuple[str, str]],
) -> tuple[Encodings, Scoring, HeldOut | None]:
    """The exemplars' encodings by the encoder of a first stage, and what was fitted on them."""
    count, end = len(exemplars.texts), len(texts) - len(negatives)
    encodings = _encode(texts, static, known, lambda done, total: None)
    inside, outside, against = np.split(encodings, [count, end])
    scoring, held_out = fit_scoring(
        inside,
        outside,
        exemplars,
        dimension=static.dimension,
        by_hand={},
        negatives=negatives_of(exemplars, [route for route, _ in negatives], against),
    )
    return inside, scoring, held_out


def _gated(
    static: Encoder,
    encodings: Encodings,
    scoring: Scoring,
    held_out: HeldOut | None,
    second: HeldOut | None,
) -> FittedFirstStage | None:
    """The first stage; None where nothing shows at what confidence it may decide."""
    gate = choose_gate(held_out, scoring, second) if held_out and second else None
    if gate is None:
        return None
    return FittedFirstStage(
        encodings=encodings,
        scoring=scoring,
        gate=gate,
        encoder_name=static.name,
        encoder_fingerprint=static.fingerprint,
    )


def negatives_of(
    exemplars: ExemplarTable, routes: Sequence[str], encodings: Encodings
) -> Negatives:
    """The negatives that can teach: those of routes that have exemplars.

    Args:
        exemplars: the table.
        routes: for each negative the route that it does not belong to.
        encodings: of the negatives, shape (len(routes), width).
    """
    rows = [row for row, route in enumerate(routes) if route in exemplars.positions]
    ids = np.array([exemplars.positions[routes[row]] for row in rows], dtype=np.int32)
    return Negatives(encodings[rows], ids)


def by_hand(catalog: Catalog) -> Mapping[str, float]:
    """Thresholds that were written by hand, by route."""
    return {
        name: route.threshold
        for name, route in catalog.routes.items()
        if route.threshold is not None
    }


def _encode(
    texts: Sequence[str],
    encoder: Encoder,
    known: Mapping[str, Encodings],
    progress: Callable[[int, int], None],
) -> Encodings:
    encodings = {text: known[text] for text in texts if text in known}
    missing = [text for text in dict.fromkeys(texts) if text not in encodings]
    progress(0, len(missing))
    for start in range(0, len(missing), CHUNK):
        chunk = missing[start : start + CHUNK]
        encodings.update(zip(chunk, encoder.encode(chunk), strict=True))
        progress(start + len(chunk), len(missing))
    if not texts:
        return np.empty((0, encoder.width), dtype=np.float32)
    # As a bundle stores them: a build must not depend on what was reused.
    return halve(np.stack([encodings[text] for text in texts])).astype(np.float32)


def _check_finite(
    encodings: Encodings,
    exemplars: ExemplarTable,
    outside: int,
    negatives: Sequence[tuple[str, str]],
    encoder: str,
) -> None:
    """A single NaN would spread over the whole head and silently decide every query."""
    bad = np.flatnonzero(~np.isfinite(encodings).all(axis=1))
    if not len(bad):
        return
    row, count = int(bad[0]), len(exemplars.texts)
    if row < count:
        route_id = int(exemplars.route_ids[row])
        number = row - exemplars.rows_of(route_id).start + 1
        text = f"exemplar {number} of route {exemplars.routes[route_id]!r}"
    elif row < count + outside:
        text = f"example {row - count + 1} of out of scope"
    else:
        text = f"a negative of route {negatives[row - count - outside][0]!r}"
    raise EncoderError(
        f"encoder {encoder!r} makes no finite encoding of {text} "
        f"({len(bad)} of {len(encodings)} texts); change the text or export the encoder again"
    )
