"""A server with both stages, with one, and with the wrong static encoder."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import ROOT, running_server, waypost
from tests.folders import write_folder
from waypost_client import Client, Outcome, Stage
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.adapters.static_encoder import StaticEncoder

STATIC = ROOT / "models/all-MiniLM-L6-v2-static"


TOPICS = {
    "music": ("song", "album", "playlist", "singer"),
    "weather": ("rain", "snow", "sunshine", "storm"),
    "banking": ("invoice", "bank transfer", "refund", "credit card"),
    "travel": ("flight", "train ticket", "hotel room", "visa"),
    "cooking": ("soup", "roast chicken", "chocolate cake", "salad dressing"),
}
WORDINGS = (
    "tell me about the {}",
    "i need help with my {}",
    "is there a good {} today",
    "what about the next {}",
    "{} please",
    "find me another {}",
)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Routes that words alone tell apart."""
    folder = tmp_path_factory.mktemp("staged")
    files = {
        f"routes/{topic}/exemplars.txt": "\n".join(
            wording.format(thing) for thing in things for wording in WORDINGS
        )
        for topic, things in TOPICS.items()
    }
    write_folder(folder, files)
    built = waypost("build", "--routes", str(folder / "routes"), "--index", str(folder / "index"))
    assert built.returncode == 0, built.stderr
    return folder / "index"


QUERIES = (
    *("play that song again", "will the storm reach us", "the refund has not arrived"),
    *("book a hotel room in Lyon", "how long does roast chicken take", "which album came first"),
    *("who won the election", "why does my test hang", "hello there", "a poem about nothing"),
)


@pytest.fixture(scope="module")
def client(index: Path) -> Iterator[Client]:
    with running_server(index) as server, Client(server.address, timeout_s=20) as connected:
        yield connected


def test_what_the_static_encoder_decides_is_sure_and_says_so(index: Path, client: Client) -> None:
    first = BundleStore(index).load().first
    assert first is not None
    contracts = [client.route(text) for text in QUERIES]
    static = [contract.stage is Stage.STATIC_ENCODER for contract in contracts]
    assert 0 < sum(static) < len(static)
    fingerprint = StaticEncoder.load(STATIC).fingerprint
    for contract, decided_first in zip(contracts, static, strict=True):
        assert decided_first == (contract.encoder_fingerprint == fingerprint)
        assert contract.confidence >= first.gate.confidence or not decided_first


def test_off_with_one_setting(index: Path, client: Client) -> None:
    with (
        running_server(index, WAYPOST_TWO_STAGE="false") as server,
        Client(server.address, timeout_s=20) as alone,
    ):
        second = [alone.route(text) for text in QUERIES]
    assert {contract.stage for contract in second} == {Stage.ENCODER}
    both = [client.route(text) for text in QUERIES]
    for one, other in zip(both, second, strict=True):
        assert one.candidates[0].route == other.candidates[0].route


def test_another_static_encoder_than_the_bundles_is_refused_with_its_cure(
    index: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(STATIC, tmp_path / "static"))
    manifest = json.loads((other / "encoder.json").read_text())
    (other / "encoder.json").write_text(json.dumps(manifest | {"query_prefix": "query: "}))
    ended = waypost("serve", "--index", str(index), WAYPOST_STATIC_ENCODER=str(other))
    assert ended.returncode == 1
    assert "was built with static encoder" in ended.stderr
    assert "build again, or set WAYPOST_TWO_STAGE=false" in ended.stderr


def test_an_evaluation_decides_as_the_server_does(
    index: Path, client: Client, tmp_path: Path
) -> None:
    rows = [{"text": text, "label": "oos"} for text in QUERIES]
    (tmp_path / "asked.jsonl").write_text("\n".join(map(json.dumps, rows)))
    ran = waypost("eval", str(tmp_path / "asked.jsonl"), "--json", "--index", str(index))
    found = {row["text"]: row["confidence"] for row in json.loads(ran.stdout)["mistakes"]}
    contracts = {text: client.route(text) for text in QUERIES}
    wrong = {t: c.confidence for t, c in contracts.items() if c.outcome is not Outcome.OUT_OF_SCOPE}
    assert found == {
        text: pytest.approx(confidence, abs=1e-3) for text, confidence in wrong.items()
    }
