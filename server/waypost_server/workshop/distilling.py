"""Making a static encoder."""

from collections.abc import Callable
from pathlib import Path

from waypost_server.adapters.encoder_manifest import (
    SCALES_FILE,
    TABLE_FILE,
    TOKENIZER_FILE,
    EncoderManifest,
    check_target,
    read_verified,
    write_encoder,
)
from waypost_server.adapters.files import as_npy, sha256_hex
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.lab.distill import distil


def distil_encoder(
    source: Path, target: Path, *, name: str, progress: Callable[[int, int], None]
) -> EncoderManifest:
    """Distils the encoder in `source` into a static one in the new folder `target`.

    Args:
        source: an encoder's folder.
        target: the new folder.
        name: of the static encoder.
        progress: called with how many tokens are encoded and how many there are.

    Raises:
        EncoderError: the source cannot be used, or the target is there already.
    """
    check_target(target)
    encoder = OnnxEncoder.load(source)
    rows, scales = distil(encoder.token_count, encoder.encode_tokens, progress)
    tokenizer = read_verified(source, TOKENIZER_FILE, encoder.manifest)
    files = {TABLE_FILE: as_npy(rows), SCALES_FILE: as_npy(scales), TOKENIZER_FILE: tokenizer}
    manifest = encoder.manifest.model_copy(
        update={
            "name": name,
            "kind": "static",
            "precision": "int8",
            "dimension": rows.shape[1],
            "inner_dimension": 0,
            "opset": 0,
            "source": f"distilled from {encoder.name} ({encoder.fingerprint})",
            "files": {file: sha256_hex(content) for file, content in files.items()},
            "figures": {},
        }
    )
    write_encoder(target, manifest, files)
    return manifest
