"""`guard.json`, `guard.npy` and `guard_letters.npy` beside an encoder: the guard's head for it."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, FiniteFloat, ValidationError

from waypost_server.adapters.encoder_manifest import Sha256
from waypost_server.adapters.files import as_npy, replace_durably, sha256_hex
from waypost_server.adapters.npy_file import read_npy
from waypost_server.adapters.plain_file import read_plain
from waypost_server.core.errors import EncoderError
from waypost_server.core.guard_head import Bars, GuardHead
from waypost_server.core.guard_letters import BUCKETS, LetterHead
from waypost_server.core.softmax import LinearMap

HEAD_FILE, WEIGHTS_FILE, LETTERS_FILE = "guard.json", "guard.npy", "guard_letters.npy"

_AGAIN = "train it again with `waypost guard train`"


class _BarsSection(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    low: FiniteFloat
    medium: FiniteFloat
    high: FiniteFloat


class _HeadFile(BaseModel):
    """The content of `guard.json`.

    Attributes:
        format_version: version of this format.
        encoder_fingerprint: of the encoder that the head is for.
        weights_sha256: hash of `guard.npy`.
        letters_sha256: hash of `guard_letters.npy`; None where the head was fitted without letters.
        letters_bias: what goes with its weights.
        bars: logits of an attack from which on a finding has a severity.
        bars_alone: likewise, of the transformer's where it judges without the static one; None: the
            same.
        unsure: logit of the static head below which no other need look; None for the transformer's.
        taught_by: texts by source.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format_version: Literal[1] = 1
    encoder_fingerprint: Sha256
    weights_sha256: Sha256
    letters_sha256: Sha256 | None = None
    letters_bias: FiniteFloat = 0.0
    bars: _BarsSection
    bars_alone: _BarsSection | None = None
    unsure: FiniteFloat | None = None
    taught_by: dict[str, int]


def has_head(folder: Path) -> bool:
    """Whether there is a head beside the encoder in `folder`, sound or not."""
    return (folder / HEAD_FILE).exists()


def read_guard_head(folder: Path, *, fingerprint: str, width: int) -> GuardHead | None:
    """The head in an encoder's folder; None where there is none.

    Args:
        folder: the encoder's.
        fingerprint: the encoder's.
        width: length of its encodings.

    Raises:
        EncoderError: the head cannot be used, or is another encoder's.
    """
    path = folder / HEAD_FILE
    if not path.exists():
        return None
    try:
        said = _HeadFile.model_validate_json(read_plain(path))
        content = read_plain(folder / WEIGHTS_FILE)
        of_letters = read_plain(folder / LETTERS_FILE) if said.letters_sha256 else b""
    except OSError as error:
        raise EncoderError(f"{error.filename}: {error.strerror}; {_AGAIN}") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise EncoderError(f"{path}: {where}: {first['msg']}; {_AGAIN}") from None
    if said.encoder_fingerprint != fingerprint:
        raise EncoderError(
            f"{path}: the guard's head was trained for encoder {said.encoder_fingerprint}, but the "
            f"encoder beside it is {fingerprint}; {_AGAIN}, or remove it to guard by patterns alone"
        )
    rows = _array(
        folder / WEIGHTS_FILE, content, said.weights_sha256, (width + 1, 2), np.dtype(np.float32)
    )
    letters = None
    if said.letters_sha256:
        path = folder / LETTERS_FILE
        kept = _array(path, of_letters, said.letters_sha256, (BUCKETS,), np.dtype(np.float16))
        letters = LetterHead(kept.astype(np.float32), said.letters_bias)
    bars = Bars(**said.bars.model_dump())
    unsure = {} if said.unsure is None else {"unsure": said.unsure}
    alone = Bars(**said.bars_alone.model_dump()) if said.bars_alone else None
    return GuardHead(
        LinearMap(rows[:-1].copy(), rows[-1].copy()), bars, alone=alone, letters=letters, **unsure
    )


def _array(
    path: Path, content: bytes, sha256: str, shape: tuple[int, ...], dtype: np.dtype[Any]
) -> npt.NDArray[Any]:
    """What a file of a head holds; raises EncoderError unless it is what was written."""
    if sha256_hex(content) != sha256:
        raise EncoderError(
            f"{path}: its SHA-256 is {sha256_hex(content)}, but {HEAD_FILE} says "
            f"{sha256}; restore the file, or {_AGAIN}"
        )
    try:
        found = read_npy(content)
    except ValueError as error:
        raise EncoderError(f"{path}: {error}; {_AGAIN}") from None
    if found.shape != shape or found.dtype != dtype or not np.isfinite(found).all():
        raise EncoderError(
            f"{path}: it holds {found.dtype} of shape {found.shape}, but a head of this encoder "
            f"is {dtype} of shape {shape}, all finite; {_AGAIN}"
        )
    return found


def write_guard_head(
    folder: Path, head: GuardHead, *, fingerprint: str, taught_by: dict[str, int]
) -> None:
    """Writes a head beside its encoder, in place of the one that is there."""
    content = as_npy(np.vstack([head.map.weights, head.map.bias]).astype(np.float32))
    letters = head.letters
    of_letters = b"" if letters is None else as_npy(letters.weights.astype(np.float16))
    said = _HeadFile(
        encoder_fingerprint=fingerprint,
        weights_sha256=sha256_hex(content),
        letters_sha256=sha256_hex(of_letters) if letters else None,
        letters_bias=letters.bias if letters else 0.0,
        bars=_bars_section(head.bars),
        bars_alone=_bars_section(head.alone) if head.alone else None,
        unsure=head.unsure if np.isfinite(head.unsure) else None,
        taught_by=taught_by,
    )
    replace_durably(folder / WEIGHTS_FILE, content)
    if letters:
        replace_durably(folder / LETTERS_FILE, of_letters)
    replace_durably(folder / HEAD_FILE, f"{said.model_dump_json(indent=1)}\n".encode())


def _bars_section(bars: Bars) -> _BarsSection:
    return _BarsSection(low=bars.low, medium=bars.medium, high=bars.high)
