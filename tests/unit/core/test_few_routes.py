"""Sets of routes at the edge of what makes sense: each has a defined result."""

import time
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from tests.fakes import ExactIndex, HashEncoder
from waypost_server.core.bundle import Bundle, RouteSet, build_bundle
from waypost_server.core.calibration import CalibrationMethod
from waypost_server.core.catalog import Catalog, Route, Taxonomy
from waypost_server.core.decision import Decision
from waypost_server.core.errors import EncoderError
from waypost_server.core.halves import halve
from waypost_server.core.outcome import Outcome, Reason
from waypost_server.core.ports import Encodings
from waypost_server.core.query import Query
from waypost_server.core.router import Router

FRUIT = ("a red apple", "a ripe red apple", "a yellow banana", "a ripe yellow banana", "a red pear")
METAL = ("an iron bar", "an old iron bar", "a copper wire", "an old copper wire", "a lead pipe")


def built(
    exemplars: Mapping[str, Sequence[str]],
    *,
    out_of_scope: Sequence[str] = (),
    encoder: HashEncoder | None = None,
) -> Bundle:
    routes = {name: Route(name=name) for name in [*exemplars, "default"]}
    route_set = RouteSet(
        catalog=Catalog(taxonomy=Taxonomy(), routes=dict(sorted(routes.items()))),
        exemplars=exemplars,
        negatives={},
        out_of_scope=out_of_scope,
        sha256="0" * 64,
    )
    return build_bundle(
        route_set, encoder or HashEncoder(), known={}, progress=lambda done, total: None
    )


def asked(bundle: Bundle, text: str) -> Decision:
    index = ExactIndex(bundle.encodings[:, : bundle.dimension])
    router = Router(bundle.catalog, bundle.exemplars, index, bundle.scoring)
    encoding = HashEncoder().encode([text])[0]
    return router.decide(encoding, router.search(encoding), Query(text=text))


def assert_defined(decision: Decision) -> None:
    numbers = [
        number
        for candidate in decision.candidates
        for number in (
            candidate.score,
            candidate.confidence,
            candidate.similarity,
            candidate.threshold,
        )
    ]
    assert np.isfinite(numbers).all()
    assert all(0 <= candidate.confidence <= 1 for candidate in decision.candidates)
    assert decision.rationale


STRANGERS = ("quantum chromodynamics", "sing something", "wie spät ist es", "?")


def test_an_only_route_takes_its_own_and_not_what_is_like_nothing_in_it() -> None:
    bundle = built({"fruit": FRUIT})
    for text in FRUIT:
        decision = asked(bundle, text)
        assert_defined(decision)
        assert [candidate.route for candidate in decision.candidates] == ["fruit"]
        unit = HashEncoder().encode([text])[0, : bundle.dimension]
        stored = halve(unit).astype(np.float32)  # an exemplar is known as a bundle rounds it
        assert decision.candidates[0].similarity == pytest.approx(stored @ unit, abs=1e-6)
        assert decision.route.name == "fruit"
    for text in STRANGERS:
        decision = asked(bundle, text)
        assert_defined(decision)
        assert decision.outcome is not Outcome.MATCHED
        assert decision.route.name == "default"


def test_two_routes_are_told_apart_and_strangers_are_not_let_in() -> None:
    bundle = built({"fruit": FRUIT, "metal": METAL})
    for route, texts in (("fruit", FRUIT), ("metal", METAL)):
        for text in texts:
            decision = asked(bundle, text)
            assert_defined(decision)
            assert decision.candidates[0].route == route
    assert asked(bundle, "a ripe red pear").candidates[0].route == "fruit"
    assert asked(bundle, "an old lead wire").candidates[0].route == "metal"
    for text in STRANGERS:
        assert asked(bundle, text).outcome is not Outcome.MATCHED


def test_a_route_of_one_exemplar_stands_beside_one_of_many() -> None:
    bundle = built({"fruit": FRUIT, "metal": METAL[:1]})
    decision = asked(bundle, METAL[0])
    assert_defined(decision)
    assert decision.candidates[0].route == "metal"
    assert decision.candidates[0].nearest[0].text == METAL[0]
    assert len(decision.candidates[0].nearest) == 1
    assert asked(bundle, FRUIT[0]).candidates[0].route == "fruit"


def test_routes_of_one_exemplar_each_match_by_similarity_and_own_up_to_no_calibration() -> None:
    bundle = built({"fruit": FRUIT[:1], "metal": METAL[:1]})
    assert bundle.scoring.calibration.method is CalibrationMethod.NONE
    decision = asked(bundle, METAL[0])
    assert_defined(decision)
    assert (decision.outcome, decision.route.name) == (Outcome.MATCHED, "metal")
    assert asked(bundle, STRANGERS[0]).route.name == "default"


def test_exemplars_that_two_routes_share_split_the_confidence_between_the_two() -> None:
    bundle = built({"fruit": FRUIT, "fruit_again": FRUIT, "metal": METAL})
    decision = asked(bundle, FRUIT[0])
    assert_defined(decision)
    first, second, third = decision.candidates
    assert {first.route, second.route} == {"fruit", "fruit_again"}
    assert first.similarity == second.similarity
    assert third.score < second.score
    assert first.confidence <= 0.6
    assert asked(bundle, METAL[0]).candidates[0].route == "metal"


def test_one_text_over_and_over_is_one_text() -> None:
    bundle = built({"fruit": ["a red apple"] * 20, "metal": ["an iron bar"] * 3})
    for text, route in (("a red apple", "fruit"), ("an iron bar", "metal")):
        decision = asked(bundle, text)
        assert_defined(decision)
        assert decision.candidates[0].route == route


@pytest.mark.parametrize("exemplars", [{}, {"default": []}], ids=["no route", "an empty one"])
@pytest.mark.parametrize("out_of_scope", [(), STRANGERS], ids=["nothing", "strangers"])
def test_without_exemplars_every_query_goes_to_the_default_route(
    exemplars: Mapping[str, Sequence[str]], out_of_scope: Sequence[str]
) -> None:
    decision = asked(built(exemplars, out_of_scope=out_of_scope), "anything")
    assert (decision.outcome, decision.reasons) == (Outcome.OUT_OF_SCOPE, (Reason.NO_CANDIDATE,))
    assert decision.route.name == "default"
    assert decision.candidates == ()


def test_a_thousand_routes_are_built_in_seconds_and_each_is_found() -> None:
    exemplars = {
        f"r{i:04}": [f"w{i} is {kind} of s{i}" for kind in ("first", "last")] for i in range(1_000)
    }
    began = time.perf_counter()
    bundle = built(exemplars)
    assert time.perf_counter() - began < 60  # a few seconds where nothing else runs
    found = [asked(bundle, f"w{i} is some of s{i}").candidates[0].route for i in range(0, 1000, 20)]
    right = [route == f"r{i:04}" for route, i in zip(found, range(0, 1000, 20), strict=True)]
    assert np.mean(right) >= 0.95


class BrokenEncoder(HashEncoder):
    """Puts `value` somewhere into the encoding of each text that says "pear" or "quark"."""

    def __init__(self, value: float, column: int) -> None:
        super().__init__(name="broken")
        self._value, self._column = value, column

    def encode(self, texts: Sequence[str]) -> Encodings:
        encodings = super().encode(texts)
        for text, row in zip(texts, encodings, strict=True):
            if "pear" in text or "quark" in text:
                row[self._column] = self._value
        return encodings


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("column", [0, 70], ids=["unit vector", "inner vector"])
def test_an_encoding_that_is_not_finite_ends_the_build_and_is_named(
    value: float, column: int
) -> None:
    with pytest.raises(EncoderError) as error:
        built({"fruit": FRUIT, "metal": METAL}, encoder=BrokenEncoder(value, column))
    assert str(error.value) == (
        "encoder 'broken' makes no finite encoding of exemplar 5 of route 'fruit' "
        "(1 of 10 texts); change the text or export the encoder again"
    )


def test_an_encoding_of_out_of_scope_that_is_not_finite_is_named_as_such() -> None:
    with pytest.raises(EncoderError, match="no finite encoding of example 2 of out of scope"):
        built({"metal": METAL}, out_of_scope=["x", "a quark"], encoder=BrokenEncoder(np.nan, 1))
