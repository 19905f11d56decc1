"""The manifests in deploy/kubernetes/, as kustomize would apply them, and as files."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
KUBERNETES = DEPLOY / "kubernetes"
KUSTOMIZATIONS = sorted(KUBERNETES.rglob("kustomization.yaml"))
OVERLAYS = sorted(KUBERNETES.glob("overlays/*"))
KUBECTL = shutil.which("kubectl")

Manifest = dict[str, Any]


def read(path: Path) -> list[Manifest]:
    """The documents in a file."""
    return [document for document in yaml.safe_load_all(path.read_text("utf-8")) if document]


def base() -> Iterator[tuple[Path, Manifest]]:
    """Every manifest of the base, which are whole; those of an overlay are patches."""
    for path in sorted((KUBERNETES / "base").glob("*.yaml")):
        if path.name != "kustomization.yaml":
            for manifest in read(path):
                yield path, manifest


def rendered(overlay: Path) -> list[Manifest]:
    """What kustomize makes of an overlay."""
    assert KUBECTL
    done = subprocess.run(
        [KUBECTL, "kustomize", str(overlay)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def one(manifests: list[Manifest], kind: str) -> Manifest:
    """The only manifest of a kind."""
    (found,) = (manifest for manifest in manifests if manifest["kind"] == kind)
    return found
