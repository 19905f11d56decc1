import re
from pathlib import Path

import numpy as np
import pytest

from tests.bench.chart import chart
from tests.bench.growth.crossing import cross
from tests.bench.growth.crowd import FARTHEST_COPY, NEAREST_COPY, Crowd, gather
from tests.bench.growth.measure import Point, World
from tests.bench.growth.report import FEW, MOST, Growth, raw, wants
from tests.bench.growth.served import Served, serve
from tests.bench.growth.standin import Maker, bundle_of
from tests.e2e.processes import ROOT
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.core.ports import Encodings

DIMENSION, TEXTS = 16, 60


def encodings() -> Encodings:
    random = np.random.default_rng(0)
    made = random.standard_normal((TEXTS, DIMENSION + 3), dtype=np.float32)
    made[:, :DIMENSION] /= np.linalg.norm(made[:, :DIMENSION], axis=1, keepdims=True)
    return made


def crowd(count: int, routes: int) -> Crowd:
    texts = [f"t{i}" for i in range(TEXTS)]
    return gather(texts, encodings(), dimension=DIMENSION, count=count, routes=routes)


@pytest.mark.parametrize(("count", "routes"), [(7, 7), (60, 9), (400, 11)])
def test_a_crowd_has_so_many_exemplars_in_routes_of_nearly_equal_size(
    count: int, routes: int
) -> None:
    made = crowd(count, routes)
    assert len(made.texts) == len({*made.texts}) == len(made.encodings) == count
    sizes = np.bincount(made.routes)
    assert len(sizes) == routes
    assert sizes.max() - sizes.min() <= 1
    assert (np.diff(made.routes) >= 0).all()


def test_real_texts_keep_their_encodings_and_copies_lie_about_them() -> None:
    made, real = crowd(400, 4), encodings()
    for text, encoding in zip(made.texts, made.encodings, strict=True):
        name, *number = text.split()
        origin = real[int(name[1:])]
        np.testing.assert_array_equal(
            encoding[DIMENSION:], origin[DIMENSION:].astype(np.float16), strict=False
        )
        cosine = float(encoding[:DIMENSION] @ origin[:DIMENSION])
        if number:
            assert FARTHEST_COPY - 1e-3 <= cosine <= NEAREST_COPY + 1e-3
            assert np.linalg.norm(encoding[:DIMENSION]) == pytest.approx(1, abs=1e-3)
        else:
            assert cosine == pytest.approx(1, abs=1e-3)
    assert sum(" " not in text for text in made.texts) == TEXTS


def test_a_crowd_is_the_same_each_time() -> None:
    np.testing.assert_array_equal(crowd(200, 5).encodings, crowd(200, 5).encodings)


def test_powers_of_ten_stand_equally_far_apart_in_a_chart() -> None:
    drawn = chart({"a < b": [(10, 1), (100, 2), (1000, 4)]}, x_title="x", y_title="y")
    places = [(float(x), float(y)) for x, y in re.findall(r'<circle cx="(.+?)" cy="(.+?)"', drawn)]
    across, down = np.diff(places, axis=0).T
    assert across[0] == pytest.approx(across[1], rel=0.01)
    assert down[1] == pytest.approx(2 * down[0], rel=0.02)
    assert "a &lt; b" in drawn


def test_lists_and_exact_search_are_compared_on_the_same_exemplars() -> None:
    random = np.random.default_rng(1)
    made = random.standard_normal((600, DIMENSION + 3), dtype=np.float32)
    made[:, :DIMENSION] /= np.linalg.norm(made[:, :DIMENSION], axis=1, keepdims=True)
    names = [f"t{i}" for i in range(len(made))]
    world = World(names[:500], made[:500], names[500:], made[500:], DIMENSION, Maker())
    found = cross(world, 3_000)
    assert found.exemplars == 3_000
    assert 0.5 < found.recall <= 1


def test_what_is_wanted_of_growth_counts_the_encoder_with_the_decision() -> None:
    def point(exemplars: int, decide_ms: float, served: Served) -> Point:
        return Point(
            exemplars=exemplars,
            routes=150,
            kind="exact",
            build_seconds=0,
            save_seconds=0,
            files_mb={},
            answers={"decide_p50_ms": decide_ms},
            served=served,
        )

    def served(megabytes: float, p50_ms: float) -> Served:
        return Served(ready_seconds=1, resident_mb=megabytes, private_mb=1, p50_ms=p50_ms)

    growth = Growth(
        by_exemplars=[
            point(FEW, 1.0, served(200, 5.0)),
            point(15_000, 9.0, served(1, 1)),
            point(MOST, 4.0, served(1_600, 7.0)),
        ],
        by_routes=[],
        crossings=[],
        encoder_ms=3.0,
    )
    found = [(want.found, want.reached) for want in wants(growth)]
    assert found == [(pytest.approx(7 / 4), False), (pytest.approx(1.4), True), (1_600, False)]
    assert raw(growth)["encoder_ms"] == 3.0


def test_a_whole_server_answers_from_a_stand_in(tmp_path: Path) -> None:
    encoder = OnnxEncoder.load(ROOT / "models/all-MiniLM-L6-v2")
    texts = [f"where is number {number}" for number in range(60)]
    made = gather(texts, encoder.encode(texts), dimension=encoder.dimension, count=200, routes=10)
    maker = Maker(encoder.name, encoder.fingerprint)
    BundleStore(tmp_path).save(bundle_of(made, dimension=encoder.dimension, maker=maker))
    found = serve(tmp_path, texts)
    assert 0 < found.private_mb < found.resident_mb
    assert found.p50_ms > 0
