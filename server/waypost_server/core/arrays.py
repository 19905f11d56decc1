"""Records of arrays that belong together row for row: dataclasses of arrays, or of such records."""

import math
from collections.abc import Sequence
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Record = TypeVar("Record", bound="DataclassInstance")


def take(record: Record, rows: slice | npt.NDArray[np.intp]) -> Record:
    """Some rows of every array; a field that is None stays so."""
    return replace(record, **{f.name: _take(getattr(record, f.name), rows) for f in fields(record)})


def join(records: Sequence[Record]) -> Record:
    """The rows of one record after those of another; there is at least one."""
    return replace(
        records[0],
        **{f.name: _join([getattr(r, f.name) for r in records]) for f in fields(records[0])},
    )


def is_finite(vector: npt.NDArray[np.float32]) -> bool:
    """Whether no number of an encoding, shape (width,), is infinite or none at all.

    Of one vector its square says so in a third of the time: numbers whose squares are too large for
    a float are no encoding either. (`@` would warn of them.)
    """
    return math.isfinite(np.dot(vector, vector))


def _take(value: Any, rows: slice | npt.NDArray[np.intp]) -> Any:  # noqa: ANN401  (any field)
    if value is None:
        return None
    return take(cast(Any, value), rows) if is_dataclass(value) else value[rows]


def _join(values: Sequence[Any]) -> Any:  # noqa: ANN401  (any field)
    if values[0] is None:
        return None
    return join(values) if is_dataclass(values[0]) else np.concatenate(values)
