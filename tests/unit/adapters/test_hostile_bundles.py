"""Bundles whose files are a stranger's: the hashes are right, and nothing else is."""

import hashlib
import io
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.unit.adapters.bundles import small_bundle
from waypost_server.adapters.bundle_files import MAX_JSON
from waypost_server.adapters.bundle_store import CURRENT, BundleStore
from waypost_server.adapters.scoring_files import HEAD
from waypost_server.core.errors import BundleError


def built(folder: Path) -> str:
    return BundleStore(folder).save(small_bundle()).version


def resealed(folder: Path, version: str, name: str, content: bytes) -> None:
    """Puts a file into a version, and makes all hashes right again."""
    inside = folder / version
    (inside / name).write_bytes(content)
    manifest = json.loads((inside / "manifest.json").read_bytes())
    manifest["files"][name] = hashlib.sha256(content).hexdigest()
    said = json.dumps(manifest).encode()
    (inside / "manifest.json").write_bytes(said)
    other = hashlib.sha256(said).hexdigest()[:12]
    inside.rename(folder / other)
    (folder / CURRENT).write_text(f"{other}\n")


def zeros(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [os.mkfifo, zeros])
@pytest.mark.parametrize(
    "name", [CURRENT, "manifest.json", "head.npz", "exemplars.jsonl", "exemplars.faiss"]
)
def test_a_bundle_of_pipes_and_devices_is_refused_and_not_waited_for(
    tmp_path: Path, name: str, make: Callable[[Path], None]
) -> None:
    version = built(tmp_path)
    path = tmp_path / name if name == CURRENT else tmp_path / version / name
    path.unlink()
    make(path)
    with pytest.raises(BundleError, match="it is no plain file"):
        BundleStore(tmp_path).load()


@pytest.mark.parametrize(
    "arrays",
    [
        {"weights": np.zeros(3), "bias": np.zeros(3)},
        {"weights": np.zeros((3, 2)), "bias": np.zeros(())},
        {"weights": np.zeros((3, 2)), "bias": np.zeros(5)},
        {"weights": np.full((3, 2), np.nan), "bias": np.zeros(2)},
    ],
)
def test_a_head_that_does_not_fit_together_is_refused(
    tmp_path: Path, arrays: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.float64]]]
) -> None:
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)  # type: ignore[arg-type]  # numpy types its flags as keywords too
    resealed(tmp_path, built(tmp_path), HEAD, buffer.getvalue())
    with pytest.raises(BundleError, match=r"head.npz holds weights of shape"):
        BundleStore(tmp_path).load()


def test_a_link_in_place_of_a_lock_cuts_off_no_file(tmp_path: Path) -> None:
    index = tmp_path / "index"
    version = built(index)
    precious = tmp_path / "precious"
    precious.write_text("all that I have")
    (index / ".lock").unlink()
    (index / ".lock").symlink_to(precious)
    with pytest.raises(BundleError, match="cannot be written"):
        BundleStore(index).activate(version)
    assert precious.read_text() == "all that I have"


def test_a_link_in_place_of_a_version_takes_no_folder_elsewhere_with_it(tmp_path: Path) -> None:
    index = tmp_path / "index"
    built(index)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("all that I have")
    (index / "0123456789ab").symlink_to(elsewhere)
    (index / ".building-0123456789ab").symlink_to(elsewhere)
    with pytest.raises(BundleError):
        BundleStore(index).prune(0)
    assert (elsewhere / "precious").read_text() == "all that I have"
    shutil.rmtree(index)


@pytest.mark.parametrize("name", ["routes.json", "calibration.json"])
def test_json_that_takes_long_to_parse_is_not_parsed(tmp_path: Path, name: str) -> None:
    version = built(tmp_path)
    content = (tmp_path / version / name).read_bytes()
    resealed(tmp_path, version, name, content + b" " * MAX_JSON)
    with pytest.raises(BundleError, match=rf"{name}: it is larger than 33,554,432 bytes"):
        BundleStore(tmp_path).load()


def test_nor_is_such_a_bundle_written(tmp_path: Path) -> None:
    bundle = small_bundle()
    routes = {
        name: replace(route, description="x" * MAX_JSON)
        for name, route in bundle.catalog.routes.items()
    }
    large = replace(bundle, catalog=replace(bundle.catalog, routes=routes))
    with pytest.raises(BundleError, match=r"routes.json would be of .* 33,554,432 are read"):
        BundleStore(tmp_path).save(large)
