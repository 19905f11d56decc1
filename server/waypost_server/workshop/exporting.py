"""Making an encoder of a PyTorch model; needs the extra `export`, that is torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from waypost_server.adapters.encoder_manifest import (
    MODEL_FILE,
    TOKENIZER_FILE,
    EncoderManifest,
    first_problem,
    write_encoder,
)
from waypost_server.adapters.files import sha256_hex
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.adapters.tokenizer_file import read_tokenizer
from waypost_server.core.errors import EncoderError
from waypost_server.lab.check_texts import CHECK_TEXTS
from waypost_server.lab.onnx_export import OPSET, export_model, reference_vectors
from waypost_server.lab.quantise import quantise

Precision = Literal["fp32", "int8"]

REQUIRED_COSINE: Mapping[Precision, float] = {"fp32": 0.99999, "int8": 0.98}
"""Below this on any check text, an export is not the model any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What an encoder's manifest says of where it comes from."""

    name: str
    license: str
    origin: str


def export_encoder(
    source: Path,
    target: Path,
    *,
    precision: Precision,
    provenance: Provenance,
    query_prefix: str | None,
    more_files: Mapping[str, bytes] | None = None,
) -> EncoderManifest:
    """Writes the sentence-transformers model in `source` as an encoder in the new folder `target`.

    Args:
        source: a local folder; nothing is downloaded.
        target: the new folder.
        precision: of the weights.
        provenance: what the manifest shall say.
        query_prefix: put before every text; None for the model's own.
        more_files: what else the encoder brings along, by name.

    Raises:
        EncoderError: the model is of another kind, or the export differs from it.
    """
    exported = export_model(source, query_prefix=query_prefix)
    try:
        read_tokenizer(exported.tokenizer)
    except ValueError as error:
        raise EncoderError(f"{source}: its tokenizer cannot be used: {error}") from None
    model = quantise(exported) if precision == "int8" else exported.model
    files = {MODEL_FILE: model, TOKENIZER_FILE: exported.tokenizer, **(more_files or {})}
    try:
        manifest = EncoderManifest(
            name=provenance.name,
            source=provenance.origin,
            license=provenance.license,
            precision=precision,
            dimension=exported.dimension,
            inner_dimension=exported.dimension,
            max_tokens=exported.max_tokens,
            pooling=exported.pooling,
            query_prefix=exported.query_prefix,
            opset=OPSET,
            files={name: sha256_hex(content) for name, content in files.items()},
        )
        encoder = OnnxEncoder(manifest, model, exported.tokenizer)
    except ValidationError as error:
        raise EncoderError(f"{source}: {first_problem(error)}") from None
    except ValueError as error:
        raise EncoderError(f"{source}: {error}") from None
    encodings = encoder.encode(CHECK_TEXTS)
    original = reference_vectors(source, CHECK_TEXTS, query_prefix=exported.query_prefix)
    cosines = (encodings[:, : exported.dimension] * original).sum(axis=1)
    if cosines.min() < REQUIRED_COSINE[precision]:
        raise EncoderError(
            f"{source}: the {precision} export differs from the model itself: cosine "
            f"{cosines.min():.6f}, wanted {REQUIRED_COSINE[precision]}; try --precision fp32"
        )
    manifest = manifest.model_copy(
        update={
            # fp32 sums in an order that depends on the batch, whatever these few texts show.
            "batches": precision == "int8" and encoder.is_same_in_batches(),
            "figures": {
                "cosine_min": round(float(cosines.min()), 5),
                "cosine_mean": round(float(cosines.mean()), 5),
                "check_texts": len(CHECK_TEXTS),
            },
        }
    )
    write_encoder(target, manifest, files)
    return manifest
