"""Waypost as a user installs it: from its wheels, outside of a clone."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.e2e.processes import ROOT


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    built = tmp_path_factory.mktemp("dist")
    for folder in (ROOT, ROOT / "models"):
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(built)],
            cwd=folder,
            check=True,
            capture_output=True,
        )
    return {wheel.name.partition("-")[0]: wheel for wheel in built.glob("*.whl")}


def run(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if "WAYPOST" not in k and k != "PYTHONPATH"}
    return subprocess.run(
        [sys.executable, "-m", "waypost_server", *arguments],
        env=environment | {"PYTHONPATH": str(site)},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_wheels_route_a_query_without_a_clone(wheels: dict[str, Path], tmp_path: Path) -> None:
    site, folder = tmp_path / "site", tmp_path / "work"
    folder.mkdir()
    zipfile.ZipFile(wheels["waypost"]).extractall(site)
    assert run(site, folder, "init", "routes").returncode == 0
    without = run(site, folder, "build")
    assert without.returncode == 1
    assert "shipped one is in a clone's models/ and in the package waypost-encoder" in (
        without.stderr
    )
    zipfile.ZipFile(wheels["waypost_encoder"]).extractall(site)
    built = run(site, folder, "build")
    assert built.returncode == 0, built.stderr
    asked = run(site, folder, "eval", "routes/eval/held_out.jsonl")
    assert asked.returncode == 0, asked.stderr
    assert str(site) in run(site, folder, "config", "show").stdout


def test_the_wheel_holds_the_three_packages_and_no_encoder(wheels: dict[str, Path]) -> None:
    names = zipfile.ZipFile(wheels["waypost"]).namelist()
    packages = {name.partition("/")[0] for name in names if ".dist-info" not in name}
    assert packages == {"waypost", "waypost_client", "waypost_server"}
    assert wheels["waypost"].stat().st_size < 5_000_000
    assert "waypost_server/starter/billing/exemplars.txt" in names
