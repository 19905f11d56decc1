"""Encoders that are the shipped one with something changed."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from waypost_server.adapters.encoder_manifest import MANIFEST_FILE
from waypost_server.adapters.files import sha256_hex


def copy_encoder(source: Path, target: Path, *, manifest: Mapping[str, Any] | None = None) -> Path:
    """Copies the encoder in `source`, `manifest` put over its manifest; returns `target`."""
    shutil.copytree(source, target)
    path = target / MANIFEST_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | dict(manifest or {})))
    return target


def with_honest_hash(folder: Path, name: str, content: bytes) -> Path:
    """Replaces a file and its hash in the manifest."""
    (folder / name).write_bytes(content)
    path = folder / MANIFEST_FILE
    manifest = json.loads(path.read_text())
    manifest["files"][name] = sha256_hex(content)
    path.write_text(json.dumps(manifest))
    return folder
