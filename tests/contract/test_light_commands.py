"""Commands load what they need and no more: half of a start is loading."""

import json
import subprocess
import sys

import pytest

OFFLINE = {"yaml", "waypost_server.workshop", "waypost_server.lab", "waypost_server.supervisor"}
SERVING = {"grpc", "google", "uvloop", "waypost", "waypost_server.app", "waypost_server.service"}


@pytest.mark.parametrize(
    ("needed", "not_needed"),
    [
        ("waypost_server.app", OFFLINE),
        ("waypost_server.workshop.indexing", SERVING | {"waypost_server.lab"}),
    ],
    ids=["serve", "build"],
)
def test_a_command_does_not_load_what_only_others_need(needed: str, not_needed: set[str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", f"import {needed}, json, sys; print(json.dumps([*sys.modules]))"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    loaded = set(json.loads(ended.stdout))
    assert {needed, "faiss", "onnxruntime"} <= loaded
    assert not loaded & not_needed
