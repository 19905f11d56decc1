"""`held_out.json`: how exemplars are seen that an adapted encoder had not learned from.

The encoder has seen the exemplars that it was adapted to. Held out from a head but not from the
encoder they look easier than queries will be, and a calibration fitted on them is too sure. So the
encoder brings along what its folds saw, and a build believes that.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from waypost_server.adapters.encoder_manifest import read_manifest, read_verified
from waypost_server.adapters.files import sha256_hex
from waypost_server.core.crossfit import HeldOut
from waypost_server.core.errors import EncoderError
from waypost_server.core.evidence import NO_RIVAL, Evidence
from waypost_server.core.exemplars import ExemplarTable

HELD_OUT_FILE = "held_out.json"

_log = logging.getLogger(__name__)

ENOUGH = 0.5
"""Share of the exemplars that must be on file: else the routes are others than those of then."""

LARGEST_LOGIT = 1_000.0
"""Far beyond any that a head gives."""

Cosine = Annotated[float, Field(ge=-1.001, le=1.001)]
"""Rounding may leave [-1, 1]."""

_COLUMNS = ("lead", "closeness", "logit", "surroundings")


class _Row(BaseModel):
    """An exemplar as it was seen; named by its hash, so that the file repeats no text.

    That hides nothing: a short text can be guessed from its hash.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    route: str
    text_sha256: str
    best: str
    similarity: Cosine
    lead: Annotated[float, Field(ge=0, le=float(NO_RIVAL))]
    closeness: Cosine
    logit: Annotated[float, Field(ge=-LARGEST_LOGIT, le=LARGEST_LOGIT)]
    surroundings: Cosine


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
    position = exemplars.positions
    there = {
        (exemplars.routes[route_id], sha256_hex(text.encode()))
        for route_id, text in zip(exemplars.route_ids, exemplars.texts, strict=True)
    }
    by_text = {(row.route, row.text_sha256): row for row in file.exemplars}
    rows = [row for key, row in by_text.items() if key in there]
    fits = file.knows_outside is knows_outside and len(rows) >= ENOUGH * len(exemplars.texts)
    if not (rows and fits):
        _log.warning(
            "%s: of %d exemplars, %d were there when the encoder was adapted, or examples of out "
            "of scope came or went: confidence will be too high; adapt the encoder again",
            folder / HELD_OUT_FILE,
            len(exemplars.texts),
            len(rows),
        )
        return None
    labels = np.array([position[row.route] for row in rows], dtype=np.int32)
    # What was taken for a route that is gone was wrong all the same.
    best = np.array([position.get(row.best, -1) for row in rows], dtype=np.int32)
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
