"""`held_out.json`: how exemplars are seen that an adapted encoder had not learned from.

The encoder has seen the exemplars that it was adapted to. Held out from a head but not from the
encoder they look easier than queries will be, and a calibration fitted on them is too sure. So the
encoder brings along what its folds saw, and a build believes that.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from waypost_server.adapters.encoder_manifest import read_manifest, read_verified
from waypost_server.adapters.files import sha256_hex
from waypost_server.core.crossfit import HeldOut
from waypost_server.core.errors import EncoderError
from waypost_server.core.evidence import Evidence
from waypost_server.core.exemplars import ExemplarTable

HELD_OUT_FILE = "held_out.json"

ENOUGH = 0.5
"""Share of the exemplars that must be on file: else the routes are others than those of then."""

_COLUMNS = ("lead", "closeness", "logit", "surroundings")


class _Row(BaseModel):
    """An exemplar as it was seen; named by its hash, for an encoder may go where texts may not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    route: str
    text_sha256: str
    best: str
    similarity: float
    lead: float
    closeness: float
    logit: float
    surroundings: float


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    knows_outside: bool
    exemplars: list[_Row]


def write_held_out(
    held_out: HeldOut, rows: Sequence[int], exemplars: ExemplarTable, *, knows_outside: bool
) -> bytes:
    """The file's content.

    Args:
        held_out: how exemplars were seen.
        rows: their rows in the table.
        exemplars: the table.
        knows_outside: whether the heads knew examples of out of scope, which moves every logit.
    """
    evidence = held_out.evidence
    found = [
        _Row(
            route=exemplars.routes[exemplars.route_ids[row]],
            text_sha256=sha256_hex(exemplars.texts[row].encode()),
            best=exemplars.routes[evidence.route[i]],
            similarity=float(held_out.similarity[i]),
            **{column: float(getattr(evidence, column)[i]) for column in _COLUMNS},
        )
        for i, row in enumerate(rows)
    ]
    return _File(knows_outside=knows_outside, exemplars=found).model_dump_json(indent=1).encode()


def read_held_out(folder: Path, exemplars: ExemplarTable, *, knows_outside: bool) -> HeldOut | None:
    """What the encoder in `folder` brings along of these exemplars; None if not enough.

    Raises:
        EncoderError: the file is damaged.
    """
    manifest = read_manifest(folder)
    if HELD_OUT_FILE not in manifest.files:
        return None
    try:
        file = _File.model_validate_json(read_verified(folder, HELD_OUT_FILE, manifest))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise EncoderError(
            f"{folder / HELD_OUT_FILE}: {where}: {first['msg']}; adapt the encoder again"
        ) from None
    position = {route: i for i, route in enumerate(exemplars.routes)}
    there = {
        (exemplars.routes[route_id], sha256_hex(text.encode()))
        for route_id, text in zip(exemplars.route_ids, exemplars.texts, strict=True)
    }
    rows = [
        row
        for row in file.exemplars
        if (row.route, row.text_sha256) in there and row.best in position
    ]
    if file.knows_outside is not knows_outside or len(rows) < ENOUGH * len(exemplars.texts):
        return None
    labels = np.array([position[row.route] for row in rows], dtype=np.int32)
    best = np.array([position[row.best] for row in rows], dtype=np.int32)
    columns = {
        column: np.array([getattr(row, column) for row in rows], dtype=np.float32)
        for column in _COLUMNS
    }
    return HeldOut(
        evidence=Evidence(route=best, **columns),
        right=best == labels,
        similarity=np.array([row.similarity for row in rows], dtype=np.float32),
        labels=labels,
    )
