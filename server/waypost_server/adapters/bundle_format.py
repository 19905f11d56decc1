"""The files of a bundle: what each holds, and how it is checked before it is believed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from waypost_server.adapters.bundle_files import (
    MANIFEST,
    MAX_JSON,
    MAX_MANIFEST,
    BundleFiles,
    is_parsed_whole,
    read,
)
from waypost_server.adapters.exemplar_lines import jsonl, read_exemplars, write_exemplars
from waypost_server.adapters.faiss_index import FaissIndex, IndexKind
from waypost_server.adapters.files import as_npy, sha256_hex
from waypost_server.adapters.index_files import INDEX, read_index, write_index
from waypost_server.adapters.scoring_files import (
    CALIBRATION,
    HEAD,
    read_scoring,
    write_scoring,
)
from waypost_server.adapters.stage_files import StoredFirstStage, read_stage, write_stage
from waypost_server.core.bundle import Bundle, negatives_of
from waypost_server.core.calibration import CalibrationMethod
from waypost_server.core.catalog import Catalog
from waypost_server.core.errors import BundleError
from waypost_server.core.exemplars import ExemplarTable
from waypost_server.core.head import Negatives
from waypost_server.core.ports import Encodings
from waypost_server.core.scoring import Scoring

INNER = "inner.npy"
OUT_OF_SCOPE = "out_of_scope.jsonl"
OUTSIDE = "out_of_scope.npy"
NEGATIVES = "negatives.jsonl"
AGAINST = "negatives.npy"
REGRESSION = "regression.jsonl"
EXEMPLARS = "exemplars.jsonl"
ROUTES = "routes.json"

SERVED = (INDEX, EXEMPLARS, ROUTES, HEAD, CALIBRATION)
"""The files that answering queries takes of any bundle; some have more."""

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
    index_kind: IndexKind
    files: dict[str, Sha256]


class _RoutesFile(BaseModel):
    """The content of `routes.json`."""

    catalog: Catalog
    negative_counts: dict[str, int]


class _TextRow(BaseModel):
    """A line of a file of texts; those of `out_of_scope.jsonl` are of no route."""

    route: str = ""
    text: str


@dataclass(frozen=True)
class StoredBundle:
    """A bundle as loaded, with all that answers queries."""

    files: BundleFiles
    manifest: BundleManifest
    catalog: Catalog
    exemplars: ExemplarTable
    index: FaissIndex
    scoring: Scoring
    first: StoredFirstStage | None

    @property
    def folder(self) -> Path:
        """The folder that it was loaded from."""
        return self.files.folder

    @property
    def version(self) -> str:
        """The bundle's version."""
        return self.folder.name

    @property
    def is_tuned(self) -> bool:
        """Whether labelled queries calibrated it, not exemplars alone."""
        return self.scoring.calibration.method is CalibrationMethod.HELD_OUT

    def known(self) -> Mapping[str, Encodings]:
        """All encodings of the bundle by text."""
        known: dict[str, Encodings] = {}
        for name, array in ((NEGATIVES, AGAINST), (OUT_OF_SCOPE, OUTSIDE)):
            texts = [row.text for row in self._rows(name)]
            known |= dict(zip(texts, self.files.array(array, len(texts)), strict=True))
        return known | dict(zip(self.exemplars.texts, self.encodings(), strict=True))

    def outside(self) -> Encodings:
        """Encodings of the examples of out of scope, shape (m, width)."""
        return self.files.array(OUTSIDE, len(self._rows(OUT_OF_SCOPE)))

    def negatives(self) -> Negatives:
        """What the head was taught of negatives."""
        routes = [row.route for row in self._rows(NEGATIVES)]
        return negatives_of(self.exemplars, routes, self.files.array(AGAINST, len(routes)))

    def regression(self) -> list[tuple[str, str]]:
        """Pairs of a route and a query that must go there."""
        if REGRESSION not in self.files.names:
            return []
        return [(row.route, row.text) for row in self._rows(REGRESSION)]

    def encodings(self) -> Encodings:
        """The exemplars' encodings, row for row; read when asked, since only builds need them."""
        inner = self.files.array(INNER, len(self.exemplars.texts)).astype(np.float32)
        return np.hstack([self.index.rows(slice(None)), inner])

    def _rows(self, name: str) -> list[_TextRow]:
        try:
            return [
                _TextRow.model_validate_json(line) for line in self.files.content(name).splitlines()
            ]
        except ValidationError as error:
            raise _damaged(self.folder / name, error) from None


def serialise(bundle: Bundle) -> tuple[str, Mapping[str, bytes]]:
    """The bundle's version and its files by name; equal bundles give equal bytes."""
    unit, inner = np.split(bundle.encodings, [bundle.dimension], axis=1)
    index, indexed = write_index(unit)
    table = bundle.exemplars
    routes = _RoutesFile(catalog=bundle.catalog, negative_counts=dict(table.negative_counts))
    files = {
        **indexed,
        EXEMPLARS: write_exemplars(table),
        INNER: as_npy(inner.astype(np.float16)),
        OUT_OF_SCOPE: jsonl({"text": text} for text in bundle.out_of_scope),
        OUTSIDE: as_npy(bundle.outside),
        NEGATIVES: _pairs(bundle.negatives),
        AGAINST: as_npy(bundle.against),
        ROUTES: routes.model_dump_json(indent=1).encode(),
        **write_scoring(bundle.scoring),
        **(write_stage(bundle.first) if bundle.first else {}),
        **({REGRESSION: _pairs(bundle.regression)} if bundle.regression else {}),
    }
    return _sealed(
        BundleManifest(
            encoder_name=bundle.encoder_name,
            encoder_fingerprint=bundle.encoder_fingerprint,
            routes_sha256=bundle.routes_sha256,
            route_count=len(bundle.catalog.routes),
            exemplar_count=len(table.texts),
            dimension=bundle.dimension,
            index_kind=index.kind,
            files={},
        ),
        files,
    )


def _pairs(pairs: Iterable[tuple[str, str]]) -> bytes:
    return jsonl({"route": route, "text": text} for route, text in pairs)


def with_scoring(stored: StoredBundle, scoring: Scoring) -> tuple[str, Mapping[str, bytes]]:
    """The version and the files of the same bundle with another scoring."""
    files = {name: stored.files.content(name) for name in stored.files.names}
    return _sealed(stored.manifest, files | write_scoring(scoring))


def _sealed(
    manifest: BundleManifest, files: Mapping[str, bytes]
) -> tuple[str, Mapping[str, bytes]]:
    """The files and their manifest, whose hash is the version.

    Raises:
        BundleError: one is larger than is read.
    """
    for name, file in files.items():
        if is_parsed_whole(name) and len(file) > MAX_JSON:
            raise BundleError(
                f"{name} would be of {len(file):,} bytes, and {MAX_JSON:,} are read; "
                "shorten specialist.md and route.yaml, or split the routes among servers"
            )
    hashes = {name: sha256_hex(content) for name, content in sorted(files.items())}
    content = manifest.model_copy(update={"files": hashes}).model_dump_json(indent=1).encode()
    return sha256_hex(content)[:VERSION_DIGITS], {**files, MANIFEST: content}


def load(folder: Path) -> StoredBundle:
    """Loads the bundle in `folder`, which its version names; raises BundleError if damaged."""
    try:
        manifest = read_manifest(folder)
        files = BundleFiles(folder, manifest.files)
        routes = _RoutesFile.model_validate_json(files.content(ROUTES))
        exemplars = read_exemplars(files.path(EXEMPLARS), negative_counts=routes.negative_counts)
        count, rows = len(exemplars.routes), len(exemplars.texts)
        return StoredBundle(
            files=files,
            manifest=manifest,
            catalog=routes.catalog,
            exemplars=exemplars,
            index=read_index(files, rows),
            scoring=read_scoring(files.content(HEAD), files.content(CALIBRATION), routes=count),
            first=read_stage(files, routes=count, exemplars=rows),
        )
    except ValidationError as error:
        raise _damaged(folder, error) from None


def is_intact(folder: Path) -> bool:
    """Whether the bundle in `folder` can be loaded."""
    try:
        load(folder)
    except BundleError:
        return False
    return True


def _damaged(path: Path, error: ValidationError) -> BundleError:
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"])) or "the file"
    return BundleError(f"{path}: {where}: {first['msg']}; build again")


def read_manifest(folder: Path) -> BundleManifest:
    """The manifest of the bundle in `folder`; raises BundleError."""
    content = read(folder / MANIFEST, most=MAX_MANIFEST)
    found = sha256_hex(content)
    if not found.startswith(folder.name):
        raise BundleError(
            f"{folder / MANIFEST}: its SHA-256 is {found[:VERSION_DIGITS]}, "
            f"but the version is {folder.name}; build again"
        )
    try:
        return BundleManifest.model_validate_json(content)
    except ValidationError as error:
        raise _damaged(folder / MANIFEST, error) from None
