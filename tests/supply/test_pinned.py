"""What is installed is what the lock pins, and nothing that somebody put in its place."""

import os
import re
import subprocess
import sys
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.supply.sbom import ROOT

UNPINNED = {
    "pip install --quiet --disable-pip-version-check torch==2.13.0": "makes encoders, serves none",
    "pip install --quiet --disable-pip-version-check 'pip-audit>=2.10'": "reads the lock alone",
}
"""What work on Waypost takes as the index has it, and why it may."""

IMAGE = re.compile(r"uv (pip install .*?--constraint .*)$", re.MULTILINE)
BACKEND = """
import zipfile

def build_wheel(folder, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(f"{folder}/project-1.0-py3-none-any.whl", "w") as wheel:
        info = "project-1.0.dist-info"
        about = "Metadata-Version: 2.1\\nName: project\\nVersion: 1.0\\nRequires-Dist: needed\\n"
        wheel.writestr(f"{info}/METADATA", about)
        kind = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
        wheel.writestr(f"{info}/WHEEL", kind)
        wheel.writestr(f"{info}/RECORD", f"{info}/METADATA,,\\n{info}/WHEEL,,\\n{info}/RECORD,,\\n")
    return "project-1.0-py3-none-any.whl"
"""


def joined(path: str) -> str:
    """A file's text, with each command on one line."""
    return re.sub(r"\s*\\\n\s*", " ", (ROOT / path).read_text("utf-8"))


def wheel_of(folder: Path, name: str, code: str) -> str:
    """Writes a package; the line of a lock that pins it."""
    info, path = f"{name}-1.0.dist-info", folder / f"{name}-1.0-py3-none-any.whl"
    about = {
        f"{name}.py": code,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with zipfile.ZipFile(path, "w") as wheel:
        for file, content in about.items():
            wheel.writestr(file, content)
        record = "".join(f"{file},,\n" for file in (*about, f"{info}/RECORD"))
        wheel.writestr(f"{info}/RECORD", record)
    return f"{name}==1.0 --hash=sha256:{sha256(path.read_bytes()).hexdigest()}"


@pytest.mark.parametrize("path", ["Makefile", "deploy/Containerfile"])
def test_every_command_that_installs_goes_by_hashes(path: str) -> None:
    commands = re.findall(
        r"\bpip (?:install|sync|download) -.*?(?=\|\||;|&&|$)", joined(path), re.M
    )
    assert commands
    for command in commands:
        by_hash = "--require-hashes" in command
        nothing_else = "--no-deps --no-build-isolation" in command
        constrained = "--constraint /locks/" in command and "--build-constraint /locks/" in command
        known = any(command.startswith(one) for one in UNPINNED)
        assert by_hash or nothing_else or constrained or known, command


@pytest.mark.parametrize("exchanged", ["", "needed", "backend"])
def test_the_image_takes_no_package_that_was_exchanged(tmp_path: Path, exchanged: str) -> None:
    """Neither what Waypost needs nor what builds it: its own command, with packages of ours."""
    [command] = IMAGE.findall(joined("deploy/Containerfile"))
    packages, project = tmp_path / "packages", tmp_path / "project"
    packages.mkdir()
    project.mkdir()
    codes = {"needed": "", "backend": BACKEND}
    lock = [wheel_of(packages, name, code) for name, code in codes.items()]
    if exchanged:
        wheel_of(packages, exchanged, codes[exchanged] + "# another\n")
    (tmp_path / "lock").write_text("\n".join(lock) + "\n")
    (project / "pyproject.toml").write_text(
        '[build-system]\nrequires = ["backend"]\nbuild-backend = "backend"\n'
        '[project]\nname = "project"\nversion = "1.0"\ndependencies = ["needed"]\n'
    )
    words = [
        str(tmp_path / "lock") if word.startswith("/locks/") else word
        for word in command.split()
        if not word.startswith('".')
    ]
    done = subprocess.run(
        [
            *(find_uv_bin(), *words, "--no-config", "--no-index", "--find-links", str(packages)),
            *("--python", sys.executable, "--target", str(tmp_path / "out"), str(project)),
        ],
        env={name: value for name, value in os.environ.items() if not name.startswith("UV_")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if exchanged:
        assert done.returncode != 0
        assert "ash mismatch" in done.stderr
        assert f"{exchanged}==1.0" in done.stderr
    else:
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "out/needed.py").exists()
