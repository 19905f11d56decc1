"""A bill of materials in CycloneDX 1.6 (ECMA-424): all that the lock pins, and the encoders.

The same lock gives the same bytes: nothing in it tells when or where it was written, unless
SOURCE_DATE_EPOCH says when.
"""

import json
import os
import sys
import tomllib
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from tests.supply.licences import licence_of
from tests.supply.lock import OURSELVES, Pin, needs_of, packages_of, read_lock

ROOT = Path(__file__).parents[2]
EXTRAS = ("server", "dispatch", "consult", "postgres", "telemetry", "parquet")
"""Of those in the lock, the ones that run; the others are for work on Waypost."""

Json = dict[str, Any]


def bill() -> Json:
    """The document."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    running = packages_of(ROOT / "pyproject.toml", EXTRAS)
    pins = read_lock(ROOT / "requirements.lock")
    parts = [_package(pin, required=pin.name in running) for pin in pins]
    parts += [_encoder(path) for path in sorted((ROOT / "models").glob("*/encoder.json"))]
    name, version = project["name"], project["version"]
    metadata: Json = {
        "component": {
            "type": "application",
            "bom-ref": f"pkg:pypi/{name}@{version}",
            "name": name,
            "version": version,
            "licenses": [{"expression": project["license"]}],
            "purl": f"pkg:pypi/{name}@{version}",
        }
    }
    if epoch := os.environ.get("SOURCE_DATE_EPOCH"):
        metadata = {"timestamp": datetime.fromtimestamp(int(epoch), UTC).isoformat(), **metadata}
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{uuid5(NAMESPACE_URL, json.dumps(parts, sort_keys=True))}",
        "version": 1,
        "metadata": metadata,
        "components": parts,
        "dependencies": _dependencies(pins, f"pkg:pypi/{name}@{version}"),
    }


def _dependencies(pins: Collection[Pin], ourselves: str) -> list[Json]:
    """What needs what; of a package that is not installed here, nothing is known."""
    project = ROOT / "pyproject.toml"
    needs = needs_of(project, (*EXTRAS, "dev")) | {
        OURSELVES: needs_of(project, EXTRAS)[OURSELVES],
    }
    refs = {OURSELVES: [ourselves]}
    for pin in pins:
        refs.setdefault(pin.name, []).append(_purl(pin))
    return [
        {"ref": ref, "dependsOn": sorted(one for each in needs[name] for one in refs[each])}
        for name in sorted(needs)
        for ref in refs[name]
    ]


def _purl(pin: Pin) -> str:
    return f"pkg:pypi/{pin.name}@{pin.version}"


def _package(pin: Pin, *, required: bool) -> Json:
    purl = _purl(pin)
    part: Json = {
        "type": "library",
        "bom-ref": purl,
        "name": pin.name,
        "version": pin.version,
        "scope": "required" if required else "excluded",
    }
    if licence := licence_of(pin.name):
        part["licenses"] = [{"expression": licence}]
    part["purl"] = purl
    # A package's hash is that of one file; these are those of its wheels and its sources.
    part["externalReferences"] = [
        {
            "type": "distribution",
            "url": f"https://pypi.org/project/{pin.name}/{pin.version}/",
            "hashes": [{"alg": "SHA-256", "content": content} for content in pin.sha256],
        }
    ]
    if pin.marker:
        part["properties"] = [{"name": "waypost:marker", "value": pin.marker}]
    return part


def _encoder(path: Path) -> Json:
    said = json.loads(path.read_bytes())
    return {
        "type": "machine-learning-model",
        "bom-ref": f"waypost-encoder/{path.parent.name}",
        "name": path.parent.name,
        "version": tomllib.loads((ROOT / "models/pyproject.toml").read_text("utf-8"))["project"][
            "version"
        ],
        "description": said["source"],
        "scope": "required",
        "licenses": [{"expression": said["license"]}],
        "components": [
            {
                "type": "file",
                "bom-ref": f"waypost-encoder/{path.parent.name}/{name}",
                "name": name,
                "hashes": [{"alg": "SHA-256", "content": content}],
            }
            for name, content in sorted(said["files"].items())
        ],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(bill(), indent=1) + "\n")
