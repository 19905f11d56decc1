"""Encodings of a query's parts: those that are at hand, and where that may be, those made now."""

from collections.abc import Callable, Mapping, Sequence

from waypost_server.core.arrays import is_finite
from waypost_server.core.ports import Encodings
from waypost_server.service.embedding_cache import EmbeddingCache

Encode = Callable[[Sequence[str]], Sequence[Encodings | Exception]]


class NotAtHandError(Exception):
    """A part has no encoding, and none may or can be made; the query may still be taken whole."""


class PartEncodings:
    """Looks among what was made in the same run, then in the cache, and then encodes."""

    def __init__(
        self,
        cache: EmbeddingCache | None,
        *,
        made: Mapping[str, Encodings | Exception] | None = None,
        encode: Encode | None = None,
    ) -> None:
        """Knows where to look.

        Args:
            cache: of encodings; None for none.
            made: what was encoded together with the query.
            encode: makes those that nobody has; None where there is no time for that.
        """
        self._cache = cache
        self._made = made or {}
        self._encode = encode

    def __call__(self, texts: Sequence[str]) -> Sequence[Encodings]:
        """Their encodings; raises NotAtHandError unless all can be had."""
        found = {text: self._at_hand(text) for text in texts}
        missing = [text for text, encoding in found.items() if encoding is None]
        if missing and self._encode:
            found.update(zip(missing, self._encode(missing), strict=True))
        return [self._checked(text, found[text]) for text in texts]

    def missing(self, texts: Sequence[str]) -> Sequence[str]:
        """Those of the texts that are not at hand."""
        return [text for text in texts if self._at_hand(text) is None]

    def _at_hand(self, text: str) -> Encodings | Exception | None:
        made = self._made.get(text)
        if made is not None or self._cache is None:
            return made
        return self._cache.get(text)

    def _checked(self, text: str, encoding: Encodings | Exception | None) -> Encodings:
        if encoding is None or isinstance(encoding, Exception) or not is_finite(encoding):
            raise NotAtHandError
        if self._cache is not None:
            self._cache.put(text, encoding.copy())  # as of whole queries
        return encoding
