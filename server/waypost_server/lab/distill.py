"""A static encoder from a transformer: a vector for each token, to be added up.

Source: model2vec (Tulkens and van Dongen 2024), which distils likewise: each token alone through
the transformer, principal components, and frequent tokens made light (SIF, Arora et al. 2017) by
their rank, for vocabularies are sorted by frequency. No texts are needed.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from waypost_server.core.ports import Encodings

DIMENSION = 256
"""More is hardly better (validation, three sets: 77.6 against 78.2 with 384) and slower."""

RARITY = 5e-5
"""Frequency at which a token counts half; of 1e-3 to 3e-6 the best on validation."""

CHUNK = 512

Table = tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]
"""Rows of token vectors, shape (tokens, DIMENSION), and what to multiply each by, (tokens,)."""


def distil(
    tokens: int, encode: Callable[[list[int]], Encodings], progress: Callable[[int, int], None]
) -> Table:
    """Distils.

    Args:
        tokens: size of the vocabulary.
        encode: encodings of tokens, each alone, shape (len, width).
        progress: called with how many tokens are encoded and how many there are.
    """
    parts = []
    for start in range(0, tokens, CHUNK):
        chunk = list(range(start, min(start + CHUNK, tokens)))
        parts.append(encode(chunk))
        progress(chunk[-1] + 1, tokens)
    vectors = _principal(np.concatenate(parts).astype(np.float64))
    # Zipf's law: the frequency of the word of rank r is as 1 / r.
    frequency = 1 / (np.arange(tokens) + 2)
    frequency /= frequency.sum()
    vectors *= (RARITY / (RARITY + frequency))[:, np.newaxis]
    scales = np.maximum(np.abs(vectors).max(axis=1), 1e-12) / 127
    rows = np.rint(vectors / scales[:, np.newaxis]).astype(np.int8)
    return rows, scales.astype(np.float32)


def _principal(
    vectors: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Centred, and turned so that the first `DIMENSION` components hold most of the variance."""
    centred = vectors - vectors.mean(axis=0)
    _, turned = np.linalg.eigh(centred.T @ centred)
    main = turned[:, ::-1][:, :DIMENSION]
    # A component's sign is free: the largest entry is made positive, whatever the library did.
    main = main * np.sign(main[np.abs(main).argmax(axis=0), np.arange(main.shape[1])])
    components: npt.NDArray[np.float64] = centred @ main
    return components
