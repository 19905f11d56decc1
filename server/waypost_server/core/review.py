"""Queries that a language model labelled, until a person has looked at them."""

from dataclasses import dataclass
from hashlib import blake2b

from waypost_server.core.consultation import normalised
from waypost_server.core.redaction import redacted

MAX_TEXT = 1_000
"""Characters of an example: a longer one is no good exemplar, and is not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One of them.

    Attributes:
        id: of the text, whatever its case and white space; 12 hex digits.
        text: the query in one line, without the secrets and addresses found in it.
        route: where the model says it belongs.
        confidence: what the encoder thinks of that, in [0, 1].
        encoder_route: what the encoder likes best.
        model: who said it.
        index_version: of the routes that it chose from.
    """

    id: str
    text: str
    route: str
    confidence: float
    encoder_route: str
    model: str
    index_version: str


def example_of(
    text: str,
    *,
    route: str,
    confidence: float,
    encoder_route: str,
    model: str,
    index_version: str,
) -> Example:
    """The example that a query makes; see Example."""
    line = " ".join(redacted(text).split())
    return Example(
        id=id_of(line),
        text=line,
        route=route,
        confidence=confidence,
        encoder_route=encoder_route,
        model=model,
        index_version=index_version,
    )


def id_of(text: str) -> str:
    """The id of a text: 48 bits, so that of a million texts two are alike once in 500 files."""
    return blake2b(normalised(text).encode(), digest_size=6).hexdigest()
