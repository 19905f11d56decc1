"""Labelled queries for a bundle."""

from collections.abc import Sequence
from pathlib import Path

from waypost_server.adapters.bundle_format import StoredBundle
from waypost_server.adapters.labelled_file import read_labelled
from waypost_server.core.labelled import LabelledQuery
from waypost_server.core.ports import Encodings
from waypost_server.lab.evaluation import Subject
from waypost_server.service.embedding_cache import EmbeddingCache

PARTS = 100_000
"""Encodings of queries' parts that are kept beside those of the queries: 300 MB at most."""


def read_queries(stored: StoredBundle, files: Sequence[Path]) -> tuple[LabelledQuery, ...]:
    """Labelled queries for a bundle's routes; raises EvaluationError."""
    return read_labelled(
        files,
        routes=tuple(stored.catalog.routes),
        max_text_bytes=stored.catalog.taxonomy.max_query_bytes,
    )


def subject_of(stored: StoredBundle, queries: Sequence[LabelledQuery]) -> Subject:
    """What is evaluated when a bundle is asked these queries."""
    labels = {query.label for query in queries if query.in_scope}
    return Subject(
        index_version=stored.version,
        encoder=stored.manifest.encoder_name,
        calibration=stored.scoring.calibration.method.value,
        # A bundle that is compared may lack a label's route: it is then never right.
        routes=tuple(sorted(labels | stored.catalog.routes.keys())),
        min_confidence=stored.catalog.taxonomy.min_confidence,
    )


def known(queries: Sequence[LabelledQuery], encodings: Encodings) -> EmbeddingCache:
    """A cache with what is encoded already: the queries' encodings, of shape (n, width)."""
    cache = EmbeddingCache(len(queries) + PARTS)
    for query, encoding in zip(queries, encodings, strict=True):
        cache.put(query.text, encoding)
    return cache
