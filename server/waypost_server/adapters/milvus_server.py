"""Collections of exemplars in Milvus: one a bundle's version, filled by whoever needs it first.

A collection counts once its version's alias names it, which is the last step of filling it: one
that was interrupted, or that another server was quicker with, is never searched.
"""

import logging
import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self
from urllib.parse import unquote, urlsplit, urlunsplit

from waypost_server.adapters.milvus_index import METRIC, ROW, VECTOR, MilvusIndex
from waypost_server.core.errors import BundleError
from waypost_server.core.ports import ExemplarIndex

PREFIX = "waypost_"
COLLECTION = re.compile(rf"{PREFIX}([0-9a-f]{{12}})_([0-9]{{10}})_[0-9a-f]{{8}}")
"""The version, and when the collection was made, in seconds since 1970."""

GRAPH = {"M": 32, "efConstruction": 200}
"""Of HNSW: the figures of the public comparisons where recall is to be 0.99."""

CHUNK = 2000
"""Vectors that are sent at a time: 3 MB."""

MANAGING_SECONDS = 60.0
INDEXING_SECONDS = 3600.0
ABANDONED_SECONDS = 86_400
"""A collection that no alias names after a day is not being filled any more."""

_log = logging.getLogger(__name__)


class MilvusServer:
    """One Milvus; a method but `prune` raises BundleError when it does not do what it is asked."""

    def __init__(
        self,
        client: Any,  # noqa: ANN401  (pymilvus has no types)
        *,
        timeout_seconds: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._timeout_seconds = timeout_seconds
        self._clock = clock

    @classmethod
    def at(cls, uri: str, *, timeout_seconds: float) -> Self:
        """The one at `http[s]://[USER:PASSWORD@]HOST:PORT[/DATABASE]`."""
        try:
            from pymilvus import MilvusClient
        except ImportError:
            raise BundleError(
                "WAYPOST_MILVUS_URI takes pymilvus; install waypost with the extra `milvus`"
            ) from None
        # It logs every failure, with a traceback, and we say it once.
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
        parts = urlsplit(uri)
        with _told("connecting"):
            client = MilvusClient(
                urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], "", "", "")),
                user=unquote(parts.username or ""),
                password=unquote(parts.password or ""),
                db_name=parts.path.strip("/"),
                timeout=MANAGING_SECONDS,
            )
        return cls(client, timeout_seconds=timeout_seconds)

    def index(self, version: str, source: ExemplarIndex) -> MilvusIndex:
        """The index of a bundle's version, which is filled if it is not there or not whole.

        Args:
            version: the bundle's.
            source: has the same vectors.
        """
        with _told(f"the collection of bundle {version}"):
            collection = self._collection(version)
            if collection is None:
                self._fill(version, source)
                collection = self._collection(version)
            self._client.load_collection(collection, timeout=INDEXING_SECONDS)
            self._check(collection, source)
        return MilvusIndex(
            self._client,
            str(collection),
            size=source.size,
            dimension=source.dimension,
            timeout_seconds=self._timeout_seconds,
        )

    def prune(self, serving: str, *, keep: int) -> None:
        """Drops all collections but those of the newest versions, and of the one that serves.

        What cannot be dropped stays until the next time, and the log says so: it takes up room, and
        keeps no bundle from serving.

        Args:
            serving: the version that serves.
            keep: how many versions stay, at least 1.
        """
        try:
            self._drop_old(serving, keep)
        except BundleError as error:
            _log.warning("old collections stay: %s", error)

    def _drop_old(self, serving: str, keep: int) -> None:
        with _told("old collections"):
            named = {self._collection(version) for version in self._versions()}
            ages = sorted(
                ((int(found[2]), found[1], found[0]) for found in self._collections()),
                reverse=True,
            )
            stays = {serving}
            for made, version, collection in ages:
                if collection not in named:
                    if self._clock() - made > ABANDONED_SECONDS:
                        self._client.drop_collection(collection, timeout=MANAGING_SECONDS)
                elif version in stays or len(stays) < keep:
                    stays.add(version)
                else:
                    _log.info("collection %s is dropped", collection)
                    self._client.drop_alias(PREFIX + version, timeout=MANAGING_SECONDS)
                    self._client.drop_collection(collection, timeout=MANAGING_SECONDS)

    def _collections(self) -> list[re.Match[str]]:
        names = self._client.list_collections(timeout=MANAGING_SECONDS)
        return [found for name in names if (found := COLLECTION.fullmatch(name))]

    def _versions(self) -> set[str]:
        return {found[1] for found in self._collections()}

    def _collection(self, version: str) -> str | None:
        """The collection that a version's alias names."""
        for found in self._collections():
            if found[1] == version:
                answer = self._client.list_aliases(found[0], timeout=MANAGING_SECONDS)
                if PREFIX + version in answer.get("aliases", ()):
                    return found[0]
        return None

    def _fill(self, version: str, source: ExemplarIndex) -> None:
        """Makes a collection, and names it as the version's unless another one is by then."""
        name = f"{PREFIX}{version}_{int(self._clock()):010d}_{secrets.token_hex(4)}"
        _log.info("%d exemplars go into collection %s", source.size, name)
        self._create(name, source.dimension)
        try:
            for start in range(0, source.size, CHUNK):
                vectors = source.rows(slice(start, start + CHUNK))
                rows = [{ROW: start + i, VECTOR: vector} for i, vector in enumerate(vectors)]
                self._client.insert(name, rows, timeout=MANAGING_SECONDS)
            self._client.flush(name, timeout=INDEXING_SECONDS)
            self._index(name)
            self._client.load_collection(name, timeout=INDEXING_SECONDS)
            self._check(name, source)
            if self._collection(version) is None:
                self._client.create_alias(name, PREFIX + version, timeout=MANAGING_SECONDS)
        finally:
            if self._collection(version) != name:
                self._client.drop_collection(name, timeout=MANAGING_SECONDS)

    def _create(self, name: str, dimension: int) -> None:
        from pymilvus import DataType

        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field(ROW, DataType.INT64, is_primary=True)
        schema.add_field(VECTOR, DataType.FLOAT_VECTOR, dim=dimension)
        self._client.create_collection(name, schema=schema, timeout=MANAGING_SECONDS)

    def _index(self, name: str) -> None:
        parameters = self._client.prepare_index_params()
        parameters.add_index(VECTOR, index_type="HNSW", metric_type=METRIC, params=GRAPH)
        self._client.create_index(name, parameters, timeout=INDEXING_SECONDS)

    def _check(self, collection: str | None, source: ExemplarIndex) -> None:
        """Raises BundleError unless a collection has as many rows as the bundle."""
        answer = self._client.query(
            collection,
            filter="",
            output_fields=["count(*)"],
            consistency_level="Strong",
            timeout=MANAGING_SECONDS,
        )
        count = answer[0]["count(*)"]
        if count != source.size:
            raise BundleError(
                f"Milvus: collection {collection} has {count} vectors, but the bundle has "
                f"{source.size}; drop it, and it is filled again"
            )


@contextmanager
def _told(what: str) -> Iterator[None]:
    """Whatever pymilvus raises becomes one error in one sentence."""
    try:
        yield
    except BundleError:
        raise
    except Exception as error:  # noqa: BLE001  (gRPC's errors, pymilvus' own, and more)
        said = " ".join(str(error).split())[:300] or type(error).__name__
        raise BundleError(f"Milvus: {what}: {said}") from None
