"""Words as they stand, beside what the encoder makes of them: TF-IDF.

Source: Salton and Buckley, Term-weighting approaches in automatic text retrieval (1988).
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from tests.bench.alternatives.product import with_and_without
from tests.bench.alternatives.trials import Scores, Trial
from waypost_server.core.head import STRENGTH
from waypost_server.core.softmax import Floats, fit_softmax

LENGTHS = (0.125, 0.25, 0.5, 1.0)
"""Length of the words' vector beside the unit vector's 1."""

WORD = re.compile(r"\w+")


def words_beside(trial: Trial) -> Mapping[str, Scores]:
    """Logits of a head that reads words too, for lengths of their vector and kinds of input."""
    words, asked = tf_idf(trial.exemplars.texts, trial.queries.texts)
    settings: dict[str, Scores] = {}
    for kind, (exemplars, queries) in trial.inputs().items():
        for length in LENGTHS:
            scale = np.float32(length)
            head = fit_softmax(
                np.hstack([exemplars, scale * words]),
                trial.exemplars.routes,
                trial.routes,
                strength=STRENGTH,
            )
            found = with_and_without(trial, head(np.hstack([queries, scale * asked])))
            settings |= {f"{kind}, words x {length:g}, {name}": own for name, own in found.items()}
    return settings


def tf_idf(exemplars: Sequence[str], queries: Sequence[str]) -> tuple[Floats, Floats]:
    """Vectors of length 1 over the words of the exemplars, 0 for a text that has none of them.

    Returns:
        Those of the exemplars, shape (n, words), and of the queries, shape (m, words).
    """
    parts = [WORD.findall(text.lower()) for text in exemplars]
    containing = Counter(word for words in parts for word in set(words))
    columns = {word: i for i, word in enumerate(sorted(containing))}
    rarity = np.array([np.log((1 + len(parts)) / (1 + containing[word])) + 1 for word in columns])
    asked = [WORD.findall(text.lower()) for text in queries]
    return _vectors(parts, columns, rarity), _vectors(asked, columns, rarity)


def _vectors(
    texts: Sequence[Sequence[str]], columns: Mapping[str, int], rarity: npt.NDArray[np.float64]
) -> Floats:
    counts = np.zeros((len(texts), len(columns)))
    for row, words in enumerate(texts):
        for word in words:
            if word in columns:
                counts[row, columns[word]] += 1
    weighted = counts * rarity
    lengths = np.linalg.norm(weighted, axis=1, keepdims=True)
    vectors: Floats = (weighted / np.where(lengths > 0, lengths, 1)).astype(np.float32)
    return vectors
