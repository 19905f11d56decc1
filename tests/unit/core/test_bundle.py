from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from tests.fakes import HashEncoder
from waypost_server.core.bundle import CHUNK, Bundle, RouteSet, build_bundle, negatives_of
from waypost_server.core.catalog import Catalog, Route, Taxonomy
from waypost_server.core.ports import Encodings


def route_set(
    exemplars: Mapping[str, Sequence[str]],
    *,
    out_of_scope: Sequence[str] = (),
    negatives: Mapping[str, Sequence[str]] | None = None,
) -> RouteSet:
    return RouteSet(
        catalog=Catalog(taxonomy=Taxonomy(), routes={name: Route(name=name) for name in exemplars}),
        exemplars=exemplars,
        negatives=negatives or {},
        out_of_scope=out_of_scope,
        sha256="0" * 64,
    )


ROUTES = route_set(
    {
        "billing": ["my card was charged twice", "where is my invoice"],
        "support": ["it will not start", "where is my invoice"],
    }
)


def build(
    routes: RouteSet, encoder: HashEncoder, *, known: Mapping[str, Encodings] | None = None
) -> tuple[Bundle, list[tuple[int, int]]]:
    reports: list[tuple[int, int]] = []
    bundle = build_bundle(
        routes,
        encoder,
        known=known or {},
        progress=lambda done, total: reports.append((done, total)),
    )
    return bundle, reports


def test_each_row_is_the_encoding_of_its_text_rounded_as_a_bundle_stores_it() -> None:
    bundle, _ = build(ROUTES, HashEncoder())
    assert bundle.dimension == 64
    made = HashEncoder().encode(bundle.exemplars.texts)
    np.testing.assert_array_equal(bundle.encodings, made.astype(np.float16))


def test_a_text_that_two_routes_share_is_encoded_once() -> None:
    encoder = HashEncoder()
    build(ROUTES, encoder)
    assert encoder.encoded == [
        "my card was charged twice",
        "where is my invoice",
        "it will not start",
    ]


def test_a_known_text_is_not_encoded_and_keeps_the_encoding_it_had() -> None:
    encoder = HashEncoder()
    known = np.full(encoder.width, 0.125, dtype=np.float32)
    bundle, reports = build(ROUTES, encoder, known={"where is my invoice": known})
    assert "where is my invoice" not in encoder.encoded
    for row in (1, 3):
        np.testing.assert_array_equal(bundle.encodings[row], known)
    assert reports == [(0, 2), (2, 2)]


def test_known_encodings_are_rounded_like_new_ones() -> None:
    fresh, _ = build(ROUTES, HashEncoder())
    texts = fresh.exemplars.texts
    known = dict(zip(texts, HashEncoder().encode(texts), strict=True))
    reused, _ = build(ROUTES, HashEncoder(), known=known)
    np.testing.assert_array_equal(reused.encodings, fresh.encodings)


@pytest.mark.parametrize("count", [0, 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5])
def test_progress_runs_from_none_to_all_in_steps_of_a_chunk(count: int) -> None:
    texts = [f"text {i}" for i in range(count)]
    _, reports = build(route_set({"a": texts}), HashEncoder())
    assert reports == [(min(done, count), count) for done in range(0, count + CHUNK, CHUNK)]


def test_routes_without_exemplars_give_a_table_of_no_rows_of_the_right_width() -> None:
    encoder = HashEncoder(dimension=12)
    bundle, _ = build(route_set({"default": []}), encoder)
    assert bundle.encodings.shape == (0, encoder.width)
    assert bundle.encodings.dtype == np.float32


def test_a_bundle_says_who_encoded_what() -> None:
    encoder = HashEncoder(name="tiny")
    bundle, _ = build(ROUTES, encoder)
    assert (bundle.encoder_name, bundle.encoder_fingerprint) == ("tiny", encoder.fingerprint)
    assert (bundle.catalog, bundle.routes_sha256) == (ROUTES.catalog, ROUTES.sha256)


def test_negatives_are_encoded_and_teach_unless_their_route_has_no_exemplars() -> None:
    encoder = HashEncoder()
    routes = route_set(
        {"billing": ["my card was charged twice"], "support": ["it will not start"], "thin": []},
        negatives={"billing": ["no", "nor this"], "thin": ["never"]},
    )
    bundle, _ = build(routes, encoder)
    assert bundle.negatives == [("billing", "no"), ("billing", "nor this"), ("thin", "never")]
    np.testing.assert_array_equal(
        bundle.against, encoder.encode(["no", "nor this", "never"]).astype(np.float16)
    )
    assert bundle.exemplars.negative_counts == {"billing": 2, "thin": 1}
    teaching = negatives_of(bundle.exemplars, [r for r, _ in bundle.negatives], bundle.against)
    assert teaching.routes.tolist() == [0, 0]
    np.testing.assert_array_equal(teaching.inputs, bundle.against[:2])
    without, _ = build(route_set(dict(routes.exemplars)), encoder)
    assert (bundle.scoring.head.map.weights != without.scoring.head.map.weights).any()
