import numpy as np
import pytest

from waypost_server.core.ports import Encodings
from waypost_server.lab.distill import CHUNK, DIMENSION, RARITY, distil

TOKENS, WIDTH = 2 * CHUNK + 7, 300
RANDOM = np.random.default_rng(3)
VECTORS = (RANDOM.standard_normal((TOKENS, 40)) @ RANDOM.standard_normal((40, WIDTH))).astype(
    np.float32
)


def encode(tokens: list[int]) -> Encodings:
    return VECTORS[tokens]


def dequantised() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    rows, scales = distil(TOKENS, encode, lambda done, total: None)
    return np.asarray(rows * scales[:, np.newaxis].astype(np.float64))


def weights() -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    frequency = 1 / (np.arange(TOKENS) + 2)
    frequency /= frequency.sum()
    return RARITY / (RARITY + frequency)


def test_angles_between_tokens_stay_where_the_components_hold_the_variance() -> None:
    found, centred = dequantised(), VECTORS - VECTORS.mean(axis=0)

    def cosines(rows: np.ndarray[tuple[int, int], np.dtype[np.floating]]) -> Encodings:
        unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(unit[:50] @ unit.T, dtype=np.float32)

    assert found.shape == (TOKENS, DIMENSION)
    np.testing.assert_allclose(cosines(found), cosines(centred), atol=0.02)


def test_a_token_is_as_long_as_it_is_rare() -> None:
    lengths = np.linalg.norm(dequantised(), axis=1)
    expected = np.linalg.norm(VECTORS - VECTORS.mean(axis=0), axis=1) * weights()
    np.testing.assert_allclose(lengths, expected, rtol=0.02)


def test_progress_ends_with_all_tokens() -> None:
    seen: list[tuple[int, int]] = []
    distil(TOKENS, encode, lambda done, total: seen.append((done, total)))
    assert seen == [(CHUNK, TOKENS), (2 * CHUNK, TOKENS), (TOKENS, TOKENS)]


def test_the_sign_of_a_component_is_no_accident() -> None:
    rows, _ = distil(TOKENS, encode, lambda done, total: None)
    again, _ = distil(TOKENS, lambda tokens: VECTORS[tokens] * np.float32(3), lambda d, t: None)
    assert np.abs(rows.astype(int) - again.astype(int)).max() <= 1
    with pytest.raises(ValueError, match="at least one array"):
        distil(0, encode, lambda done, total: None)
