"""What a language model said of queries that were asked before."""

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import blake2b

from waypost_server.core.catalog import Model
from waypost_server.core.consultation import normalised


class AnswerCache:
    """The route that each answer named, or "" for none; for one event loop.

    It keeps hashes of texts, not texts.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, str] = OrderedDict()

    def __len__(self) -> int:
        """How many it keeps."""
        return len(self._kept)

    def get(self, key: bytes) -> str | None:
        """The answer; None where it is not kept."""
        route = self._kept.get(key)
        if route is not None:
            self._kept.move_to_end(key)
        return route

    def put(self, key: bytes, route: str, *, entries: int) -> None:
        """Keeps an answer, and forgets the ones asked longest ago beyond so many."""
        self._kept[key] = route
        self._kept.move_to_end(key)
        while len(self._kept) > entries:
            self._kept.popitem(last=False)


def key_of(text: str, model: Model, index_version: str, candidates: Sequence[str]) -> bytes:
    """What an answer depends on: the text but for case and white space, and who was asked what.

    Args:
        text: the query.
        model: who was asked.
        index_version: hash of the routes with their exemplars.
        candidates: names of the routes that could be chosen, in any order.
    """
    parts = (model.name, model.base_url, model.model_id, index_version, *sorted(candidates))
    # No name has a line break.
    return blake2b("\n".join((*parts, normalised(text))).encode(), digest_size=16).digest()
