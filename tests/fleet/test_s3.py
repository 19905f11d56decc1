"""Bundles in S3: a real server of its protocol, and real replicas that follow it."""

import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.e2e.processes import running_server, waypost
from tests.e2e.topics import CLEAR, build
from tests.folders import folder_content, write_folder
from waypost_client import Client
from waypost_server.adapters.bundle_store import BundleStore

LOGIN = {
    "AWS_ACCESS_KEY_ID": "of-the-fleet",
    "AWS_SECRET_ACCESS_KEY": "more-precious-than-gold",
    "AWS_DEFAULT_REGION": "us-east-1",
}
URL = "s3://fleet/prod"
PATIENCE_SECONDS = 60.0

logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line a request

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


class Store:
    """The server, on one port all the time; what it holds outlives its end."""

    def __init__(self) -> None:
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
        self._server.start()
        self.port = self._server.get_host_and_port()[1]
        self.settings = {**LOGIN, "AWS_ENDPOINT_URL_S3": f"http://127.0.0.1:{self.port}"}
        self.s3 = boto3.client(
            "s3",
            endpoint_url=self.settings["AWS_ENDPOINT_URL_S3"],
            aws_access_key_id=LOGIN["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=LOGIN["AWS_SECRET_ACCESS_KEY"],
            region_name=LOGIN["AWS_DEFAULT_REGION"],
        )
        self.s3.create_bucket(Bucket="fleet")

    def stop(self) -> None:
        self._server.stop()

    def start_again(self) -> None:
        self._server = ThreadedMotoServer(ip_address="127.0.0.1", port=self.port, verbose=False)
        self._server.start()


@pytest.fixture
def store() -> Iterator[Store]:
    running = Store()
    yield running
    for page in running.s3.list_objects_v2(Bucket="fleet").get("Contents", []):
        running.s3.delete_object(Bucket="fleet", Key=page["Key"])
    running.stop()


@pytest.fixture
def builder(topics_index: Path, tmp_path: Path) -> Path:
    """The index of the machine that builds, with the first bundle."""
    write_folder(tmp_path / "builder", folder_content(topics_index))
    return tmp_path / "builder"


def pushed(store: Store, index: Path, *options: str) -> str:
    """Makes live in S3 what is live in `index`; returns its version."""
    done = waypost(
        "index",
        "push",
        *options,
        WAYPOST_INDEX=str(index),
        WAYPOST_BUNDLES_URL=URL,
        **store.settings,
    )
    version = BundleStore(index).live_version()
    assert (done.stdout, done.stderr) == (f"waypost: bundle {version} is live in {URL}\n", "")
    assert version
    return version


def another(builder: Path, tmp_path: Path) -> str:
    """Builds a second bundle on the machine that builds."""
    exemplars = "".join(f"buy {n} shares of a company\n" for n in range(12))
    routes = tmp_path / "routes"
    write_folder(routes, {"stocks/exemplars.txt": exemplars, "cars/exemplars.txt": CARS})
    build(routes, builder)
    return BundleStore(builder).live_version() or ""


CARS = "".join(f"my car makes a noise at {n} km/h\n" for n in range(30, 130, 10))


def until(condition: Callable[[], bool], log: Callable[[], str]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, log()
        time.sleep(0.1)


def test_a_replica_with_an_empty_disk_serves_what_is_live_in_s3_and_what_goes_live_later(
    store: Store, builder: Path, tmp_path: Path
) -> None:
    first = pushed(store, builder)
    replica = tmp_path / "replica"
    follows = {
        "WAYPOST_BUNDLES_URL": URL,
        "WAYPOST_BUNDLES_POLL_SECONDS": "0.2",
        "WAYPOST_WATCH": "true",
    }
    with running_server(replica, **follows, **store.settings) as server:
        assert server.index_version == first
        with Client(server.address) as client:

            def serves(version: str) -> bool:
                return client.route(CLEAR["music"]).index_version == version

            assert serves(first)
            second = another(builder, tmp_path)
            pushed(store, builder)
            until(lambda: serves(second), server.log_text)

            # Cut off in the store: what is live stays, which is told once, until it is mended.
            store.s3.put_object(Bucket="fleet", Key=f"prod/{first}/exemplars.faiss", Body=b"cut")
            (replica / first / "exemplars.faiss").unlink()
            store.s3.put_object(Bucket="fleet", Key="prod/CURRENT", Body=first.encode())
            until(lambda: "its SHA-256 is" in server.log_text(), server.log_text)
            assert serves(second)
            BundleStore(builder).activate(first)
            pushed(store, builder, "--again")
            until(lambda: serves(first), server.log_text)
            assert server.log_text().count("its SHA-256 is") == 1

            # The store is gone, and comes back.
            store.stop()
            until(
                lambda: "what is live stays: s3://fleet/prod/CURRENT" in server.log_text(),
                server.log_text,
            )
            assert serves(first)
            store.start_again()
            until(lambda: server.log_text().count("answers again") == 2, server.log_text)
            BundleStore(builder).activate(second)
            pushed(store, builder)
            until(lambda: serves(second), server.log_text)
        assert LOGIN["AWS_SECRET_ACCESS_KEY"] not in server.log_text()
    assert folder_content(replica / second) == folder_content(builder / second)


def test_a_replica_that_cannot_reach_s3_serves_what_it_has(
    store: Store, builder: Path, tmp_path: Path
) -> None:
    store.stop()
    try:
        with running_server(builder, WAYPOST_BUNDLES_URL=URL, **store.settings) as server:
            assert server.index_version == BundleStore(builder).live_version()
            assert "what is live here serves: s3://fleet/prod/CURRENT: " in server.log_text()
        nothing = waypost(
            "serve", "--index", str(tmp_path / "empty"), WAYPOST_BUNDLES_URL=URL, **store.settings
        )
        assert nothing.returncode == 1
        assert nothing.stderr.startswith("waypost: s3://fleet/prod/CURRENT: Could not connect")
    finally:
        store.start_again()


def test_a_bucket_that_is_not_there_is_named(store: Store, builder: Path) -> None:
    done = waypost(
        "index",
        "push",
        WAYPOST_INDEX=str(builder),
        WAYPOST_BUNDLES_URL="s3://another/prod",
        **store.settings,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("waypost: s3://another/prod/")
    assert "bucket does not exist" in done.stderr
