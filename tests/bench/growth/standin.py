"""A bundle without an hour of fitting: a head of class means stands in for the fitted one.

Its decisions are worse than those of a fitted one; what they cost is the same.
"""

from dataclasses import dataclass

import numpy as np

from tests.bench.growth.crowd import Crowd
from waypost_server.core.bundle import Bundle
from waypost_server.core.calibration import UNCALIBRATED
from waypost_server.core.catalog import Catalog, Route, Taxonomy
from waypost_server.core.exemplars import ExemplarTable
from waypost_server.core.head import Head
from waypost_server.core.scoring import Scoring
from waypost_server.core.softmax import LinearMap

STEEPNESS = 20.0
"""Logits that a cosine of 1 with a class's mean is worth."""


@dataclass(frozen=True, slots=True)
class Maker:
    """Of which encoder a bundle says that it is; a server wants it to be the truth."""

    name: str = "stand-in"
    fingerprint: str = "0" * 64


def bundle_of(crowd: Crowd, *, dimension: int, maker: Maker | None = None) -> Bundle:
    """The bundle of a crowd whose unit vectors have the length `dimension`."""
    maker = maker or Maker()
    width = crowd.encodings.shape[1]
    names = [f"route_{number:05}" for number in range(int(crowd.routes[-1]) + 1)]
    table = ExemplarTable.of(
        zip((names[number] for number in crowd.routes.tolist()), crowd.texts, strict=True),
        negative_counts={},
    )
    starts = np.concatenate([[0], np.cumsum(table.sizes)[:-1]])
    means = np.add.reduceat(crowd.encodings, starts, axis=0) / table.sizes[:, np.newaxis]
    bias = np.zeros(len(names), dtype=np.float32)
    weights = np.ascontiguousarray((STEEPNESS * means).astype(np.float32).T)
    default = Taxonomy().default_route
    nothing = np.empty((0, width), dtype=np.float32)
    return Bundle(
        catalog=Catalog(
            taxonomy=Taxonomy(),
            routes={name: Route(name=name) for name in sorted([default, *names])},
        ),
        exemplars=table,
        encodings=crowd.encodings,
        out_of_scope=(),
        outside=nothing,
        negatives=(),
        against=nothing,
        dimension=dimension,
        scoring=Scoring(
            head=Head(LinearMap(weights, bias), len(names)),
            calibration=UNCALIBRATED,
            thresholds=dict.fromkeys(names, 0.3),
        ),
        first=None,
        encoder_name=maker.name,
        encoder_fingerprint=maker.fingerprint,
        routes_sha256="0" * 64,
    )
