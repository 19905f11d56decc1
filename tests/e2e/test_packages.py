"""Waypost as a user installs it: from its wheels, outside of a clone."""

import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.e2e.processes import READY, ROOT, ended


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


def installed(*sites: Path) -> dict[str, str]:
    """The environment of a user whose packages are in `sites`."""
    kept = {k: v for k, v in os.environ.items() if "WAYPOST" not in k and k != "PYTHONPATH"}
    return kept | {"PYTHONPATH": os.pathsep.join(map(str, sites))}


def follow(readme: Path, folder: Path, environment: Mapping[str, str]) -> list[str]:
    """What the commands of a README print, run in `folder` as they stand there."""
    command = folder / "bin/waypost"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m waypost_server "$@"\n')
    command.chmod(0o755)
    env = {
        **environment,
        "PATH": f"{command.parent}:{os.environ['PATH']}",
        "WAYPOST_ADDRESS": "127.0.0.1:0",
        "WAYPOST_ADMIN_ADDRESS": "127.0.0.1:0",
    }
    (commands,) = re.findall(r"^```sh\n(.*?)^```$", readme.read_text("utf-8"), re.M | re.S)
    said = []
    with ExitStack() as running:
        for line in commands.splitlines():
            shell = ["sh", "-c", f"exec {line}"]
            if not line.startswith("waypost serve"):
                done = subprocess.run(
                    shell, cwd=folder, env=env, capture_output=True, text=True, check=False
                )
                assert done.returncode == 0, f"{line}: {done.stderr}"
                said.append(done.stdout)
                continue
            server = running.enter_context(
                subprocess.Popen(
                    shell,
                    cwd=folder,
                    env=env,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL,
                    text=True,
                )
            )
            running.enter_context(ended(server))
            assert server.stdout is not None
            ready = READY.fullmatch(server.stdout.readline())
            assert ready
            env["WAYPOST_ADDRESS"] = ready[1]  # for what is asked after it
    return said


def run(site: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "waypost_server", *arguments],
        env=installed(site),
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
    _, evaluated, asked = follow(folder / "routes/README.md", folder, installed(site))
    assert "accuracy" in evaluated
    assert asked.startswith("billing: MATCHED, INVOKE;")
    assert str(site) in run(site, folder, "config", "show").stdout


def test_a_clone_s_commands_do_what_the_starter_s_readme_says_outside_of_the_clone(
    tmp_path: Path,
) -> None:
    environment = installed(*(ROOT / name for name in ("proto", "client", "server")))
    init = [sys.executable, "-m", "waypost_server", "init", "our routes"]
    subprocess.run(init, cwd=tmp_path, env=environment, check=True, capture_output=True)
    built, _, asked = follow(tmp_path / "our routes/README.md", tmp_path, environment)
    assert "is live in index: 3 routes" in built
    assert asked.startswith("billing: MATCHED, INVOKE;")


def test_the_wheel_holds_the_three_packages_and_no_encoder(wheels: dict[str, Path]) -> None:
    names = zipfile.ZipFile(wheels["waypost"]).namelist()
    packages = {name.partition("/")[0] for name in names if ".dist-info" not in name}
    assert packages == {"waypost", "waypost_client", "waypost_server"}
    assert wheels["waypost"].stat().st_size < 5_000_000
    assert "waypost_server/starter/billing/exemplars.txt" in names
