"""The files of a bundle: what each holds, and how it is checked before it is believed."""

import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from waypost_server.adapters import stage_files
from waypost_server.adapters.faiss_index import FaissIndex
from waypost_server.adapters.files import as_npy, sha256_hex
from waypost_server.adapters.scoring_files import (
    CALIBRATION,
    HEAD,
    read_scoring,
    write_scoring,
)
from waypost_server.adapters.stage_files import StoredFirstStage, read_stage, write_stage
from waypost_server.core.bundle import Bundle, negatives_of
from waypost_server.core.catalog import Catalog
from waypost_server.core.errors import BundleError
from waypost_server.core.exemplars import ExemplarTable
from waypost_server.core.head import Negatives
from waypost_server.core.ports import Encodings
from waypost_server.core.scoring import Scoring

MANIFEST = "manifest.json"
INDEX = "exemplars.faiss"
INNER = "inner.npy"
OUT_OF_SCOPE = "out_of_scope.jsonl"
OUTSIDE = "out_of_scope.npy"
NEGATIVES = "negatives.jsonl"
AGAINST = "negatives.npy"
EXEMPLARS = "exemplars.jsonl"
ROUTES = "routes.json"

SERVED = (INDEX, EXEMPLARS, ROUTES, HEAD, CALIBRATION)
"""The files that answering queries takes."""

VERSION_DIGITS = 12
"""Hex digits of the manifest's hash that name a version: no two alike in any plausible history."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class BundleManifest(BaseModel):
    """The content of `manifest.json`; its hash names the version, so it holds no time of day."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format_version: Literal[1] = 1
    encoder_name: str
    encoder_fingerprint: Sha256
    routes_sha256: Sha256
    route_count: int
    exemplar_count: int
    dimension: int
    index_kind: Literal["exact", "hnsw"]
    files: dict[str, Sha256]


class _RoutesFile(BaseModel):
    """The content of `routes.json`."""

    catalog: Catalog
    negative_counts: dict[str, int]


class _ExemplarRow(BaseModel):
    """A line of `exemplars.jsonl`; its row number in the index is its line number, from 0."""

    route: str
    text: str


class _TextRow(BaseModel):
    """A line of `negatives.jsonl`, or of `out_of_scope.jsonl`, whose texts are of no route."""

    route: str = ""
    text: str


@dataclass(frozen=True)
class StoredBundle:
    """A bundle as loaded, with all that answers queries."""

    folder: Path
    manifest: BundleManifest
    catalog: Catalog
    exemplars: ExemplarTable
    index: FaissIndex
    scoring: Scoring
    first: StoredFirstStage | None

    @property
    def version(self) -> str:
        """The bundle's version."""
        return self.folder.name

    def known(self) -> Mapping[str, Encodings]:
        """All encodings of the bundle by text, for the next build."""
        known: dict[str, Encodings] = {}
        for rows, array in ((NEGATIVES, AGAINST), (OUT_OF_SCOPE, OUTSIDE)):
            texts = [row.text for row in self._rows(rows)]
            known |= dict(zip(texts, self._array(array, len(texts)), strict=True))
        return known | dict(zip(self.exemplars.texts, self.encodings(), strict=True))

    def outside(self) -> Encodings:
        """Encodings of the examples of out of scope, shape (m, width)."""
        return self._array(OUTSIDE, len(self._rows(OUT_OF_SCOPE)))

    def negatives(self) -> Negatives:
        """What the head was taught of negatives."""
        routes = [row.route for row in self._rows(NEGATIVES)]
        return negatives_of(self.exemplars, routes, self._array(AGAINST, len(routes)))

    def encodings(self) -> Encodings:
        """The exemplars' encodings, row for row; read when asked, since only builds need them."""
        inner = self._array(INNER, len(self.exemplars.texts)).astype(np.float32)
        return np.hstack([self.index.vectors, inner])

    def _rows(self, name: str) -> list[_TextRow]:
        lines = _verified(self.folder, name, self.manifest).splitlines()
        try:
            return [_TextRow.model_validate_json(line) for line in lines]
        except ValidationError as error:
            raise _damaged(self.folder / name, error) from None

    def _array(self, name: str, rows: int) -> Encodings:
        content = _verified(self.folder, name, self.manifest)
        try:
            found: Encodings = np.load(io.BytesIO(content), allow_pickle=False)
        except (ValueError, OSError) as error:
            raise BundleError(
                f"{self.folder / name}: cannot be read: {error}; build again"
            ) from None
        if len(found) != rows or not np.isfinite(found).all():
            raise BundleError(
                f"{self.folder / name}: it holds {len(found)} rows, wanted {rows} of finite "
                "numbers; build again"
            )
        return found


def serialise(bundle: Bundle) -> tuple[str, Mapping[str, bytes]]:
    """The bundle's version and its files by name; equal bundles give equal bytes."""
    unit, inner = np.split(bundle.encodings, [bundle.dimension], axis=1)
    index = FaissIndex.build(unit)
    table = bundle.exemplars
    rows = (
        {"route": table.routes[route_id], "text": text}
        for route_id, text in zip(table.route_ids, table.texts, strict=True)
    )
    routes = _RoutesFile(catalog=bundle.catalog, negative_counts=dict(table.negative_counts))
    files = {
        INDEX: index.to_bytes(),
        EXEMPLARS: _jsonl(rows),
        INNER: as_npy(inner.astype(np.float16)),
        OUT_OF_SCOPE: _jsonl({"text": text} for text in bundle.out_of_scope),
        OUTSIDE: as_npy(bundle.outside),
        NEGATIVES: _jsonl({"route": route, "text": text} for route, text in bundle.negatives),
        AGAINST: as_npy(bundle.against),
        ROUTES: routes.model_dump_json(indent=1).encode(),
        **write_scoring(bundle.scoring),
        **(write_stage(bundle.first) if bundle.first else {}),
    }
    return _sealed(
        BundleManifest(
            encoder_name=bundle.encoder_name,
            encoder_fingerprint=bundle.encoder_fingerprint,
            routes_sha256=bundle.routes_sha256,
            route_count=len(bundle.catalog.routes),
            exemplar_count=len(table.texts),
            dimension=bundle.dimension,
            index_kind="exact" if index.exact else "hnsw",
            files={},
        ),
        files,
    )


def with_scoring(stored: StoredBundle, scoring: Scoring) -> tuple[str, Mapping[str, bytes]]:
    """The version and the files of the same bundle with another scoring."""
    files = {
        name: _verified(stored.folder, name, stored.manifest) for name in stored.manifest.files
    }
    return _sealed(stored.manifest, files | write_scoring(scoring))


def _sealed(
    manifest: BundleManifest, files: Mapping[str, bytes]
) -> tuple[str, Mapping[str, bytes]]:
    """The files and their manifest, whose hash is the version."""
    hashes = {name: sha256_hex(content) for name, content in sorted(files.items())}
    content = manifest.model_copy(update={"files": hashes}).model_dump_json(indent=1).encode()
    return sha256_hex(content)[:VERSION_DIGITS], {**files, MANIFEST: content}


def load(folder: Path) -> StoredBundle:
    """Loads the bundle in `folder`, which its version names; raises BundleError if damaged."""
    try:
        manifest = _manifest(folder)
        staged = stage_files.FILES if stage_files.STAGE in manifest.files else ()
        files = {name: _verified(folder, name, manifest) for name in (*SERVED, *staged)}
        rows = [_ExemplarRow.model_validate_json(line) for line in files[EXEMPLARS].splitlines()]
        routes = _RoutesFile.model_validate_json(files[ROUTES])
        count = len({row.route for row in rows})
        stage = read_stage(files, routes=count, exemplars=len(rows)) if staged else None
        scoring = read_scoring(files[HEAD], files[CALIBRATION], routes=count)
    except ValidationError as error:
        raise _damaged(folder, error) from None
    index = FaissIndex.from_bytes(files[INDEX])
    if index.size != len(rows):
        raise BundleError(
            f"{folder}: {INDEX} holds {index.size} vectors, but {EXEMPLARS} {len(rows)} exemplars; "
            "build again"
        )
    exemplars = ExemplarTable.of(
        ((row.route, row.text) for row in rows), negative_counts=routes.negative_counts
    )
    return StoredBundle(
        folder=folder,
        manifest=manifest,
        catalog=routes.catalog,
        exemplars=exemplars,
        index=index,
        scoring=scoring,
        first=stage,
    )


def _damaged(path: Path, error: ValidationError) -> BundleError:
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"])) or "the file"
    return BundleError(f"{path}: {where}: {first['msg']}; build again")


def _jsonl(rows: Iterable[Mapping[str, str]]) -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def _manifest(folder: Path) -> BundleManifest:
    content = _read(folder / MANIFEST)
    found = sha256_hex(content)
    if not found.startswith(folder.name):
        raise BundleError(
            f"{folder / MANIFEST}: its SHA-256 is {found[:VERSION_DIGITS]}, "
            f"but the version is {folder.name}; build again"
        )
    return BundleManifest.model_validate_json(content)


def _verified(folder: Path, name: str, manifest: BundleManifest) -> bytes:
    content = _read(folder / name)
    wanted, found = manifest.files.get(name), sha256_hex(content)
    if found != wanted:
        raise BundleError(
            f"{folder / name}: its SHA-256 is {found}, but {MANIFEST} says {wanted}; build again"
        )
    return content


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path}: {error.strerror}; build again") from None
