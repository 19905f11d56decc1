import re

import numpy as np
import pytest

from tests.bench.chart import chart
from tests.bench.growth.crowd import FARTHEST_COPY, NEAREST_COPY, Crowd, gather
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
