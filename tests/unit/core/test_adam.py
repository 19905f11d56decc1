import numpy as np

from waypost_server.core.adam import Floats, descend


def test_the_first_step_is_as_long_as_the_rate_whatever_the_gradient() -> None:
    slopes = np.array([1000.0, -1.0, 1e-3, 0.0], dtype=np.float32)

    def gradient(step: int, point: Floats, out: Floats) -> None:
        out[:] = slopes

    found = descend(gradient, (4,), steps=1, rate=0.1)
    np.testing.assert_allclose(found, [-0.1, 0.1, -0.1, 0.0], rtol=1e-4)  # (2015), section 2.1


def test_it_ends_where_a_quadratic_is_least_whatever_its_scales() -> None:
    goal = np.array([[0.5, -2.0], [1.0, 0.0]], dtype=np.float32)
    scales = np.array([[1.0, 30.0], [0.1, 5.0]], dtype=np.float32)

    def gradient(step: int, point: Floats, out: Floats) -> None:
        np.multiply(scales, point - goal, out=out)

    np.testing.assert_allclose(descend(gradient, (2, 2), steps=300, rate=0.1), goal, atol=0.02)
