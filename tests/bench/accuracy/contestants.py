"""What Waypost, and two simple ways on the same vectors, say of a task's queries."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tests.bench.accuracy.datasets import Labelled, Task
from tests.bench.accuracy.encodings import CachedEncoder
from tests.bench.accuracy.figures import Floats
from waypost_server.adapters.faiss_index import FaissIndex
from waypost_server.core.bundle import Bundle, RouteSet, build_bundle
from waypost_server.core.catalog import DEFAULT_ROUTE, Catalog, Route, Taxonomy
from waypost_server.core.crossfit import HeldOut
from waypost_server.core.evidence import gather_evidence, score_routes
from waypost_server.core.exemplars import ExemplarTable
from waypost_server.core.outcome import Outcome
from waypost_server.core.query import Query
from waypost_server.core.router import Router
from waypost_server.core.softmax import fit_softmax
from waypost_server.lab.columns import Mask

PLAIN_STRENGTH = 20.0
"""The product's, so that the rows differ in nothing but what the product adds."""

CHUNK = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a router said of n queries.

    Attributes:
        labels: its best route of each, shape (n,).
        score: what strangers are told by: the higher, the surer it is; shape (n,).
        confidence: the probability that it is right, if it claims one; shape (n,).
    """

    labels: npt.NDArray[np.str_]
    score: Floats
    confidence: Floats | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WaypostSaid:
    """What the product said.

    Attributes:
        best: its best candidates and their confidence.
        scope: probability that each query belongs to any route, shape (n,).
        out_of_scope: whether the outcome was OUT_OF_SCOPE, shape (n,).
        matched: whether the outcome was MATCHED, shape (n,).
        fit_seconds: from encodings to a bundle.
    """

    best: Said
    scope: Floats
    out_of_scope: Mask
    matched: Mask
    fit_seconds: float


def ask_waypost(
    task: Task,
    encoder: CachedEncoder,
    *,
    held_out: Callable[[ExemplarTable], HeldOut | None] = lambda table: None,
) -> WaypostSaid:
    """Builds a bundle as `waypost build` does and decides query by query as the server does.

    Args:
        task: what to build from and what to ask.
        encoder: makes the encodings.
        held_out: what an adapted encoder brings along.
    """
    began = time.perf_counter()
    routes = route_set(task.exemplars)
    bundle = build_bundle(
        routes,
        encoder,
        known={},
        progress=lambda done, total: None,
        held_out=held_out(routes.table()),
    )
    seconds = time.perf_counter() - began
    index = FaissIndex.build(bundle.encodings[:, : bundle.dimension])
    router = Router(bundle.catalog, bundle.exemplars, index, bundle.scoring)
    encodings = encoder.encode(task.queries)
    decisions = [
        router.decide(encoding, router.search(encoding), Query(text=text))
        for text, encoding in zip(task.queries, encodings, strict=True)
    ]
    confidence = np.array([decision.candidates[0].confidence for decision in decisions])
    return WaypostSaid(
        best=Said(
            labels=np.array([decision.candidates[0].route for decision in decisions]),
            score=confidence,
            confidence=confidence,
        ),
        scope=_scope(bundle, encodings),
        out_of_scope=np.array([d.outcome is Outcome.OUT_OF_SCOPE for d in decisions]),
        matched=np.array([d.outcome is Outcome.MATCHED for d in decisions]),
        fit_seconds=seconds,
    )


def ask_nearest(task: Task, encoder: CachedEncoder) -> Said:
    """The route of the nearest exemplar, by its cosine."""
    cosines = encoder.units(task.queries) @ encoder.units(task.exemplars.texts).T
    return Said(
        labels=np.array(task.exemplars.labels)[cosines.argmax(axis=1)], score=cosines.max(axis=1)
    )


def ask_plain_head(task: Task, encoder: CachedEncoder) -> Said:
    """Logistic regression on the unit vector alone, by its top probability."""
    names, ids = np.unique(np.array(task.exemplars.labels), return_inverse=True)
    head = fit_softmax(
        encoder.units(task.exemplars.texts),
        ids.astype(np.int32),
        len(names),
        strength=PLAIN_STRENGTH,
    )
    logits = head(encoder.units(task.queries)).astype(np.float64)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    top = 1 / powers.sum(axis=1)
    return Said(labels=names[logits.argmax(axis=1)], score=top, confidence=top)


def route_set(exemplars: Labelled) -> RouteSet:
    """A routes folder of these exemplars."""
    by_route: dict[str, list[str]] = {}
    for text, label in zip(exemplars.texts, exemplars.labels, strict=True):
        by_route.setdefault(label, []).append(text)
    return RouteSet(
        catalog=Catalog(
            taxonomy=Taxonomy(),
            routes={name: Route(name=name) for name in sorted({*by_route, DEFAULT_ROUTE})},
        ),
        exemplars=by_route,
        negatives={},
        out_of_scope=(),
        sha256="",
    )


def _scope(bundle: Bundle, encodings: Floats) -> Floats:
    """The scope probability, which a decision uses and does not tell, by core's own functions."""
    vectors = bundle.encodings[:, : bundle.dimension]
    parts = []
    for start in range(0, len(encodings), CHUNK):
        chunk = encodings[start : start + CHUNK].astype(np.float32)
        similarities = chunk[:, : bundle.dimension] @ vectors.T
        logits, outside = bundle.scoring.head.logits(chunk)
        scores = score_routes(logits, similarities, bundle.exemplars.sizes)
        evidence = gather_evidence(scores, outside)
        parts.append(bundle.scoring.calibration.scope_probability(evidence))
    return np.concatenate(parts)
