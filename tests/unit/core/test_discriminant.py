import numpy as np
import pytest

from tests.bench.alternatives.discriminant import lda_scores
from tests.unit.core.clouds import Clouds, labels_of
from waypost_server.core.discriminant import HEIGHT, SHRINKAGE, SURENESS, fit_discriminant

SIZES = [6, 2, 9, 4]
LABELS = labels_of(SIZES)
CLOUDS = Clouds(len(SIZES))
INPUTS = CLOUDS.draw(LABELS, seed=1)
QUERIES = CLOUDS.draw(labels_of([5] * 4), seed=2)


def test_logits_are_those_of_the_textbook_times_the_sureness() -> None:
    found = fit_discriminant(lambda rows: INPUTS[rows], LABELS, 4, INPUTS.shape[1])
    plain = lda_scores(INPUTS, LABELS, QUERIES, shrinkage=SHRINKAGE)
    np.testing.assert_allclose(found(QUERIES), SURENESS * plain, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("height", [1, 4, 7, HEIGHT])
def test_how_many_are_read_at_a_time_does_not_matter(height: int) -> None:
    whole = fit_discriminant(lambda rows: INPUTS[rows], LABELS, 4, INPUTS.shape[1])
    order = np.random.default_rng(0).permutation(len(LABELS))
    parts = fit_discriminant(
        lambda rows: INPUTS[order[rows]], LABELS[order], 4, INPUTS.shape[1], height=height
    )
    np.testing.assert_allclose(parts(QUERIES), whole(QUERIES), atol=1e-3)
