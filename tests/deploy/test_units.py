"""The systemd unit and the Containerfile."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.deploy.manifests import DEPLOY

ROOT = DEPLOY.parent
ANALYZE = shutil.which("systemd-analyze")
UNIT = (DEPLOY / "systemd/waypost.service").read_text("utf-8")
CONTAINERFILE = (DEPLOY / "Containerfile").read_text("utf-8")


@pytest.mark.skipif(not ANALYZE, reason="there is no systemd-analyze")
def test_systemd_finds_nothing_to_complain_of(tmp_path: Path) -> None:
    unit = tmp_path / "waypost.service"  # it looks for the program, which is not installed here
    unit.write_text(UNIT.replace("/opt/waypost/bin/waypost", "/bin/true"), "utf-8")
    done = subprocess.run(
        [ANALYZE or "", "verify", str(unit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    complaints = [line for line in done.stderr.splitlines() if "waypost.service" in line]
    assert (done.returncode, complaints) == (0, [])


def test_the_unit_waits_longer_than_the_server_drains() -> None:
    (stop,) = re.findall(r"^TimeoutStopSec=(\d+)$", UNIT, re.MULTILINE)
    (drain,) = re.findall(r"^Environment=WAYPOST_DRAIN_SECONDS=(\d+)$", UNIT, re.MULTILINE)
    assert int(stop) >= int(drain) + 10


def test_the_image_is_made_of_files_that_there_are_and_ends_as_nobody() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", CONTAINERFILE, re.MULTILINE)
    sources = [source for line in copied for source in line.split()]
    assert sources
    ignored = (ROOT / ".containerignore").read_text("utf-8").splitlines()
    for source in sources:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in ignored
    assert re.findall(r"^USER (.+)$", CONTAINERFILE, re.MULTILINE) == ["65532:65532"]
    assert re.findall(r"^FROM (\S+)", CONTAINERFILE, re.MULTILINE) == ["python:${PYTHON}-slim"] * 2


def test_where_the_image_looks_for_encoders_they_are() -> None:
    for path in re.findall(r"=/opt/waypost/(models/\S+)", CONTAINERFILE + UNIT):
        assert (ROOT / path / "encoder.json").is_file()
