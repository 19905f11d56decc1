"""What was fitted, as files: `head.npz` and `calibration.json`, of each stage."""

import io

import numpy as np
from pydantic import BaseModel, FiniteFloat

from waypost_server.adapters.npy_file import read_npz
from waypost_server.core.calibration import Calibration, CalibrationMethod
from waypost_server.core.errors import BundleError
from waypost_server.core.head import Head
from waypost_server.core.scoring import Scoring
from waypost_server.core.softmax import LinearMap

HEAD = "head.npz"
CALIBRATION = "calibration.json"


class _CalibrationFile(BaseModel):
    """The content of `calibration.json`."""

    calibration: Calibration
    thresholds: dict[str, FiniteFloat]
    similarity_weight: FiniteFloat


def write_scoring(scoring: Scoring, prefix: str = "") -> dict[str, bytes]:
    """The files by name, each with a prefix."""
    buffer = io.BytesIO()
    np.savez(buffer, weights=scoring.head.map.weights, bias=scoring.head.map.bias)
    calibration = _CalibrationFile(
        calibration=scoring.calibration,
        thresholds=dict(scoring.thresholds),
        similarity_weight=scoring.similarity_weight,
    )
    return {
        prefix + HEAD: buffer.getvalue(),
        prefix + CALIBRATION: calibration.model_dump_json(indent=1).encode(),
    }


def is_tuned(calibration: bytes) -> bool:
    """Whether a `calibration.json` says that labelled queries made it; raises pydantic's error."""
    file = _CalibrationFile.model_validate_json(calibration)
    return file.calibration.method is CalibrationMethod.HELD_OUT


def read_scoring(head: bytes, calibration: bytes, *, routes: int) -> Scoring:
    """What `write_scoring` wrote, for so many routes; raises BundleError or pydantic's error."""
    try:
        arrays = read_npz(head, ("weights", "bias"))
    except ValueError as error:
        raise BundleError(f"{HEAD} cannot be read: {error}; build again") from None
    fitted = LinearMap(arrays["weights"], arrays["bias"])
    fits = fitted.weights.ndim == 2 and fitted.bias.shape == fitted.weights.shape[1:]
    if not fits or not all(np.isfinite(each).all() for each in arrays.values()):
        raise BundleError(
            f"{HEAD} holds weights of shape {fitted.weights.shape} and a bias of shape "
            f"{fitted.bias.shape}, wanted finite ones that fit together; build again"
        )
    if fitted.bias.shape[0] not in (routes, routes + 1):
        raise BundleError(
            f"{HEAD} is for {fitted.bias.shape[0]} routes, but there are {routes}; build again"
        )
    file = _CalibrationFile.model_validate_json(calibration)
    return Scoring(Head(fitted, routes), file.calibration, file.thresholds, file.similarity_weight)
