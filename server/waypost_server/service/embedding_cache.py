"""Encodings of texts that were asked before: the transformer is nearly all of a decision's time."""

import hashlib
import threading
from collections import OrderedDict

from waypost_server.core.ports import Encodings


class EmbeddingCache:
    """The encodings of the texts asked last, by the text to the byte; thread-safe.

    It keeps hashes of texts, not texts. An encoding of the shipped encoder takes 3 kB.
    """

    def __init__(self, entries: int) -> None:
        """Keeps at most `entries` encodings, the most lately asked ones."""
        self._entries = entries
        self._kept: OrderedDict[bytes, Encodings] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, text: str) -> Encodings | None:
        """The encoding of shape (width,), if it is kept."""
        key = _key(text)
        with self._lock:
            encoding = self._kept.get(key)
            if encoding is not None:
                self._kept.move_to_end(key)
            return encoding

    def put(self, text: str, encoding: Encodings) -> None:
        """Keeps an encoding of shape (width,), and forgets the one asked longest ago."""
        key = _key(text)
        with self._lock:
            self._kept[key] = encoding
            self._kept.move_to_end(key)
            if len(self._kept) > self._entries:
                self._kept.popitem(last=False)

    def __len__(self) -> int:
        """How many it keeps."""
        return len(self._kept)


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
