"""The static encoder's vector beside the transformer's."""

from collections.abc import Mapping
from functools import cache

import numpy as np

from tests.bench.accuracy.__main__ import REPO
from tests.bench.alternatives.product import with_and_without
from tests.bench.alternatives.trials import Scores, Trial
from waypost_server.adapters.static_encoder import StaticEncoder
from waypost_server.core.head import STRENGTH
from waypost_server.core.softmax import fit_softmax

LENGTHS = (0.3, 0.5, 0.7)
"""Length of the static vector beside the unit vector's 1."""


def static_beside(trial: Trial) -> Mapping[str, Scores]:
    """Logits of a head that reads the static vector too, for lengths of it and kinds of input."""
    own, asked = (_static().encode(of.texts) for of in (trial.exemplars, trial.queries))
    settings: dict[str, Scores] = {}
    for kind, (exemplars, queries) in trial.inputs().items():
        for length in LENGTHS:
            scale = np.float32(length)
            head = fit_softmax(
                np.hstack([exemplars, scale * own]),
                trial.exemplars.routes,
                trial.routes,
                strength=STRENGTH,
            )
            found = with_and_without(trial, head(np.hstack([queries, scale * asked])))
            settings |= {f"{kind}, static x {length:g}, {name}": s for name, s in found.items()}
    return settings


@cache
def _static() -> StaticEncoder:
    return StaticEncoder.load(REPO / "models/all-MiniLM-L6-v2-static")
