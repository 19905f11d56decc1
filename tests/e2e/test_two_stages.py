"""A server with both stages, with one, and with the wrong static encoder."""

import json
import shutil
from pathlib import Path

import pytest

from tests.e2e.processes import ROOT, ServerProcess, running_server, waypost
from waypost_client import Client, Contract, Stage
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.adapters.static_encoder import StaticEncoder

STATIC = ROOT / "models/all-MiniLM-L6-v2-static"


def exemplars(index_folder: Path) -> list[str]:
    return list(BundleStore(index_folder).load().exemplars.texts[::7])


def test_what_the_static_encoder_decides_is_sure_and_says_so(
    index_folder: Path, client: Client
) -> None:
    first = BundleStore(index_folder).load().first
    assert first is not None
    contracts = [client.route(text) for text in exemplars(index_folder)]
    static = [c for c in contracts if c.stage is Stage.STATIC_ENCODER]
    assert 0 < len(static) < len(contracts)
    fingerprint = StaticEncoder.load(STATIC).fingerprint
    for contract in contracts:
        decided_first = contract.stage is Stage.STATIC_ENCODER
        assert decided_first == (contract.encoder_fingerprint == fingerprint)
        assert contract.confidence >= first.gate or not decided_first


def test_off_with_one_setting(index_folder: Path, client: Client) -> None:
    texts = exemplars(index_folder)
    with running_server(index_folder, WAYPOST_TWO_STAGE="false") as server:
        with Client(server.address, timeout_s=20) as alone:
            second: list[Contract] = [alone.route(text) for text in texts]
        server.terminate()
        server.exit_code()
    assert {contract.stage for contract in second} == {Stage.ENCODER}
    both = [client.route(text) for text in texts]
    same = sum(a.route == b.route for a, b in zip(both, second, strict=True))
    assert same >= 0.95 * len(texts)


def test_another_static_encoder_than_the_bundles_is_refused_with_its_cure(
    index_folder: Path, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(STATIC, tmp_path / "static"))
    manifest = json.loads((other / "encoder.json").read_text())
    (other / "encoder.json").write_text(json.dumps(manifest | {"query_prefix": "query: "}))
    ended = waypost("serve", "--index", str(index_folder), WAYPOST_STATIC_ENCODER=str(other))
    assert ended.returncode == 1
    assert "was built with static encoder" in ended.stderr
    assert "build again, or set WAYPOST_TWO_STAGE=false" in ended.stderr


def test_an_evaluation_decides_as_the_server_does(
    index_folder: Path, server: ServerProcess, client: Client, tmp_path: Path
) -> None:
    texts = exemplars(index_folder)
    rows = [{"text": text, "label": "oos"} for text in texts]
    (tmp_path / "asked.jsonl").write_text("\n".join(map(json.dumps, rows)))
    ran = waypost("eval", str(tmp_path / "asked.jsonl"), "--json", WAYPOST_INDEX=str(index_folder))
    found = {row["text"]: row["confidence"] for row in json.loads(ran.stdout)["mistakes"]}
    assert found == {text: pytest.approx(client.route(text).confidence, abs=1e-3) for text in texts}
