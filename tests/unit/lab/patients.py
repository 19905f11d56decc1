"""Exemplars in places that a test knows."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from waypost_server.core.catalog import Catalog, Route, Specialist, Taxonomy
from waypost_server.core.exemplars import ExemplarTable
from waypost_server.core.ports import Vectors
from waypost_server.lab.patient import Patient

DIMENSION = 64


def axis(number: int) -> Vectors:
    """A unit vector at right angles to those of other numbers."""
    return unit(np.arange(DIMENSION) == number)


def around(centre: Vectors, count: int, *, spread: float = 0.7, seed: int = 0) -> Vectors:
    """Unit vectors about `centre`; with the default spread their cosines are about 0.67."""
    noise = np.random.default_rng(seed).standard_normal((count, DIMENSION))
    noise /= np.linalg.norm(noise, axis=1, keepdims=True)
    return unit(centre + spread * noise)


def unit(vectors: npt.NDArray[Any]) -> Vectors:
    """The vectors at length 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), dtype=np.float32)


def patient_of(
    places: Mapping[str, Vectors],
    *,
    texts: Mapping[str, Sequence[str]] | None = None,
    routes: Sequence[Route] = (),
    default_route: str = "",
    language: str = "en",
) -> Patient:
    """A patient with an exemplar at each place.

    Args:
        places: unit vectors by route.
        texts: the exemplars' texts, by default "ROUTE 0", "ROUTE 1" and so on.
        routes: what is configured, for the routes that are not as they should be.
        default_route: by default the first.
        language: as the taxonomy says.
    """
    names = sorted(places)
    wording = {name: [f"{name} {i}" for i in range(len(places[name]))] for name in names}
    wording |= {name: list(given) for name, given in (texts or {}).items()}
    configured = {name: sound_route(name) for name in names} | {r.name: r for r in routes}
    vectors = np.concatenate([places[name] for name in names])
    return Patient(
        catalog=Catalog(
            taxonomy=Taxonomy(default_route=default_route or names[0], language=language),
            routes=configured,
        ),
        exemplars=ExemplarTable.of(
            ((name, text) for name in names for text in wording[name]), negative_counts={}
        ),
        encodings=np.hstack([vectors, vectors]),
        dimension=DIMENSION,
    )


def sound_route(name: str, *, fallback_route: str = "") -> Route:
    """A route that nothing is missing of."""
    return Route(
        name=name,
        description=f"What {name} does.",
        specialist=Specialist(prompt="You know it."),
        fallback_route=fallback_route,
    )


def sound_places(count: int = 8) -> dict[str, Vectors]:
    """Four routes that nobody would confuse."""
    return {name: around(axis(i), count, seed=i) for i, name in enumerate("abcd")}
