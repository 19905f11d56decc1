"""A server whose bundles come from a volume that a fleet shares."""

import shutil
import time
from dataclasses import replace
from pathlib import Path

from tests.e2e.processes import running_server, waypost
from waypost_client import Client
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.adapters.remote_bundles import RemoteBundles
from waypost_server.adapters.remote_folder import RemoteFolder

PATIENCE_SECONDS = 30.0
IN_A_ROW = 8
"""Answers of new connections: of two processes both are then among them, but once in 128 times."""


def answers(address: str) -> str:
    """The version of the bundle that decides for a new connection."""
    with Client(address) as client:
        return client.route("write a unit test").index_version


def test_processes_with_an_empty_disk_serve_what_is_live_there_and_what_goes_live_later(
    index_folder: Path, tmp_path: Path
) -> None:
    url = f"file://{tmp_path}/shared"
    shared = RemoteBundles(RemoteFolder.at(url), most_bytes=2**30)
    builder = shutil.copytree(index_folder, tmp_path / "builder")
    first = shared.push(builder)
    follows = {
        "WAYPOST_BUNDLES_URL": url,
        "WAYPOST_BUNDLES_POLL_SECONDS": "0.2",
        "WAYPOST_WATCH": "true",
        "WAYPOST_PROCESSES": "2",
    }
    with running_server(tmp_path / "here", **follows) as server:
        assert server.index_version == first
        stored = BundleStore(builder).load()
        thresholds = {route: value / 2 for route, value in stored.scoring.thresholds.items()}
        scoring = replace(stored.scoring, thresholds=thresholds)
        second = BundleStore(builder).write_scoring(stored, scoring).version
        BundleStore(builder).activate(second)
        assert shared.push(builder) == second != first
        deadline = time.monotonic() + PATIENCE_SECONDS
        while {answers(server.address) for _ in range(IN_A_ROW)} != {second}:
            assert time.monotonic() < deadline, server.log_text()
        assert BundleStore(tmp_path / "here").live_version() == second


def test_a_server_with_an_empty_disk_and_nothing_there_says_so(tmp_path: Path) -> None:
    url = f"file://{tmp_path}/shared"
    done = waypost("serve", "--index", str(tmp_path / "here"), WAYPOST_BUNDLES_URL=url)
    assert done.returncode == 1
    assert done.stderr.count(f"{url}: no bundle is live there, so there is nothing to follow") == 1
    assert "no bundle is live here" in done.stderr


def test_a_place_that_is_no_url_keeps_a_server_from_starting(
    index_folder: Path, tmp_path: Path
) -> None:
    done = waypost("serve", "--index", f"{index_folder}", WAYPOST_BUNDLES_URL=f"{tmp_path}/shared")
    assert done.returncode == 1
    assert done.stderr == (
        f"waypost: WAYPOST_BUNDLES_URL is '{tmp_path}/shared': it is no URL: write file:///FOLDER, "
        "s3://BUCKET/PREFIX or another URL of fsspec\n"
    )
