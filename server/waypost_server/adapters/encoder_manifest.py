"""`encoder.json`: what an encoder is, where it comes from, and the hashes of its files."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeInt, PositiveInt, ValidationError

from waypost_server.adapters.files import sha256_hex, sync_folder, write_durably
from waypost_server.adapters.plain_file import read_plain
from waypost_server.core.errors import EncoderError

MANIFEST_FILE = "encoder.json"
MODEL_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"
TABLE_FILE = "table.npy"
SCALES_FILE = "scales.npy"

MAX_MANIFEST = 2**20
"""Bytes of a manifest; ours have a thousand."""

MOST_TOKENS = 8_192
"""Of a text; as many as encoders of long documents read. A run takes the square of them."""

LONGEST_PREFIX = 1_000
"""Characters before each text; instructions to an encoder have a hundred or two."""

FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class EncoderManifest(BaseModel):
    """The content of `encoder.json`.

    Attributes:
        format_version: version of this format.
        name: the model's name.
        source: where the weights come from.
        license: the weights' licence, as an SPDX expression.
        precision: of the weights.
        dimension: length of the unit vector.
        inner_dimension: length of the inner vector; 0 for an encoder without one.
        max_tokens: longest input, special tokens included; longer texts are cut.
        pooling: how token vectors become one.
        normalization: how the vector becomes a unit vector.
        query_prefix: put before every text; exemplars are queries too.
        opset: ONNX operator set of the graph; 0 for none.
        kind: a graph for ONNX Runtime, or a table of token vectors.
        batches: whether a text has the very same vector in a batch as alone, as seen at export.
        files: SHA-256 of each file beside the manifest.
        figures: measurements at export, by name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format_version: Literal[1] = 1
    name: Annotated[str, Field(min_length=1)]
    source: str
    license: str
    precision: Literal["fp32", "int8"]
    dimension: PositiveInt
    inner_dimension: NonNegativeInt = 0
    max_tokens: Annotated[PositiveInt, Field(le=MOST_TOKENS)]
    pooling: Literal["mean", "cls"]
    normalization: Literal["l2"] = "l2"
    query_prefix: Annotated[str, Field(max_length=LONGEST_PREFIX)] = ""
    opset: NonNegativeInt
    kind: Literal["onnx", "static"] = "onnx"
    batches: bool = False
    files: dict[FileName, Sha256]
    figures: dict[str, float] = {}

    @property
    def fingerprint(self) -> str:
        """Hex hash of the files and of everything else that a vector depends on."""
        in_order = self.model_copy(update={"files": dict(sorted(self.files.items()))})
        identity = in_order.model_dump_json(
            include={
                *("files", "pooling", "normalization", "query_prefix", "max_tokens"),
                *("dimension", "inner_dimension"),
            }
        )
        return sha256_hex(identity.encode())


def read_manifest(folder: Path) -> EncoderManifest:
    """The manifest of the encoder in `folder`; raises EncoderError."""
    path = folder / MANIFEST_FILE
    try:
        return EncoderManifest.model_validate_json(read_plain(path, most=MAX_MANIFEST))
    except OSError as error:
        raise EncoderError(
            f"{path}: {error.strerror}; an encoder is a folder that `waypost encoder export` "
            "wrote (WAYPOST_ENCODER names it), and the shipped one is in a clone's models/ and in "
            "the package waypost-encoder"
        ) from None
    except ValidationError as error:
        raise EncoderError(f"{path}: {first_problem(error)}; export the encoder again") from None


def first_problem(error: ValidationError) -> str:
    """Which value of a manifest is wrong, and how."""
    first = error.errors()[0]
    where = ".".join(map(str, first["loc"])) or "the file"
    return f"{where}: {first['msg']}"


def read_verified(folder: Path, name: str, manifest: EncoderManifest) -> bytes:
    """The content of one of the encoder's files; raises EncoderError unless its hash is right."""
    path = folder / name
    try:
        content = read_plain(path)
    except OSError as error:
        raise EncoderError(f"{path}: {error.strerror}; export the encoder again") from None
    wanted, found = manifest.files.get(name), sha256_hex(content)
    if found != wanted:
        raise EncoderError(
            f"{path}: its SHA-256 is {found}, but {MANIFEST_FILE} says {wanted}; "
            "restore the file or export the encoder again"
        )
    return content


def write_encoder(folder: Path, manifest: EncoderManifest, files: Mapping[str, bytes]) -> None:
    """Writes a new encoder's folder, whole or not at all; raises EncoderError if it is there."""
    check_target(folder)
    aside = folder.with_name(f".{folder.name}.{os.getpid()}")
    try:
        aside.mkdir(parents=True)
        for name, content in files.items():
            write_durably(aside / name, content)
        write_durably(aside / MANIFEST_FILE, f"{manifest.model_dump_json(indent=1)}\n".encode())
        sync_folder(aside)
        aside.rename(folder)
        sync_folder(folder.parent)
    except OSError as error:
        shutil.rmtree(aside, ignore_errors=True)
        raise EncoderError(f"{folder}: cannot be written: {error.strerror}") from error


def check_target(folder: Path) -> None:
    """Raises EncoderError when `write_encoder` could not write there: asked before long work."""
    if folder.exists():
        raise EncoderError(f"{folder}: it is there already; remove it or name another folder")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder.parent):
            pass
    except OSError as error:
        raise EncoderError(f"{folder}: cannot be written: {error.strerror}") from error
