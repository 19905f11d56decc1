"""A folder of one route, and of two, from its files to a caller's answer."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.processes import running_server, waypost
from tests.folders import write_folder
from waypost_client import Calibration, Client, Outcome, Reason

BILLING = "\n".join(
    (
        "my card was charged twice",
        "where is my invoice for march",
        "I want a refund",
        "why is my bill higher this month",
        "can I pay yearly instead of monthly",
    )
)
SHIPPING = "\n".join(
    (
        "where is my parcel",
        "how long does delivery take",
        "the package arrived damaged",
        "do you ship to Norway",
        "track my order please",
    )
)


@contextmanager
def serving(folder: Path, files: Mapping[str, str]) -> Iterator[Client]:
    routes = write_folder(folder / "routes", files)
    index = folder / "index"
    built = waypost("build", "--routes", str(routes), "--index", str(index))
    assert built.returncode == 0, built.stderr
    with running_server(index) as server, Client(server.address, timeout_s=20) as client:
        yield client
        server.terminate()
        server.exit_code()
        assert "Traceback" not in server.log_text()


def test_one_route(tmp_path: Path) -> None:
    with serving(tmp_path, {"billing/exemplars.txt": BILLING}) as client:
        own = client.route("my card was charged twice", explain=True)
        assert [candidate.route for candidate in own.candidates] == ["billing"]
        assert own.route == "billing"
        assert own.similarity == pytest.approx(1, abs=1e-4)
        assert own.calibration is Calibration.CROSS_FITTED
        stranger = client.route("how tall is the Eiffel Tower")
        assert (stranger.outcome, stranger.route) == (Outcome.OUT_OF_SCOPE, "default")
        assert stranger.confidence < 0.5


def test_one_route_of_one_exemplar(tmp_path: Path) -> None:
    with serving(tmp_path, {"billing/exemplars.txt": "where is my invoice"}) as client:
        own = client.route("where is my invoice")
        assert (own.outcome, own.route) == (Outcome.MATCHED, "billing")
        assert own.calibration is Calibration.NONE
        stranger = client.route("how tall is the Eiffel Tower")
        assert stranger.route == "default"


def test_two_routes(tmp_path: Path) -> None:
    files = {"billing/exemplars.txt": BILLING, "shipping/exemplars.txt": SHIPPING}
    with serving(tmp_path, files) as client:
        for text, route in (
            ("my card was charged twice", "billing"),
            ("I was billed two times", "billing"),
            ("my parcel has not come", "shipping"),
        ):
            assert client.route(text).candidates[0].route == route
        stranger = client.route("how tall is the Eiffel Tower")
        assert (stranger.route, stranger.reasons) == ("default", (Reason.NEAR_NO_ROUTE,))
