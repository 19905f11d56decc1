"""Text that stands in a query in base64: what a model can read, the guard must read too."""

import base64
import binascii
import re
from collections.abc import Iterator

_BLOB = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{16,}+={0,2}")
"""At least 12 characters' worth: no attack is shorter."""

MOST_BLOBS = 16

_READABLE = 0.9
"""Share of letters and blanks in a text; of bytes that are none, a third are."""


def hidden_texts(text: str) -> Iterator[tuple[int, int, str]]:
    """Where each blob stands that is a text, and what it says."""
    for count, found in enumerate(_BLOB.finditer(text)):
        if count == MOST_BLOBS:
            return
        said = _decoded(found[0])
        if said is not None:
            yield found.start(), found.end(), said


def _decoded(blob: str) -> str | None:
    letters = blob.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        said = base64.b64decode(letters + "=" * (-len(letters) % 4)).decode()
    except (binascii.Error, ValueError):
        return None
    readable = sum(character.isalpha() or character.isspace() for character in said)
    return said if readable >= _READABLE * len(said) - 4 else None
