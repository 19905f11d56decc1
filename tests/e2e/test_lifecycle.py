"""How a server begins and ends."""

import json
import os
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.e2e.processes import ROOT, ServerProcess, running_server, waypost
from waypost_client import AdminClient, Client, Contract, UnavailableError, WaypostError

ROUTER = health_pb2.HealthCheckRequest(service="waypost.v1.RouterService")
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
SHIPPED_ENCODER = ROOT / "models" / "all-MiniLM-L6-v2"


def test_sigterm_turns_readiness_off_and_lets_calls_in_flight_finish(index_folder: Path) -> None:
    with running_server(index_folder) as server, grpc.insecure_channel(server.address) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        watches = [health.Watch(ROUTER, timeout=30) for _ in range(3)]
        assert [next(watch).status for watch in watches] == [SERVING] * 3
        watches.pop().cancel()  # the others must be told all the same
        answers: list[list[Contract | WaypostError]] = []
        batch = threading.Thread(target=_send_batch, args=(server, answers))
        batch.start()
        with AdminClient(server.admin_address) as admin:
            while (decided := admin.status().decision_count) == 0:
                time.sleep(0.002)
        assert decided < 256
        began = time.monotonic()
        server.terminate()
        assert [[answer.status for answer in watch] for watch in watches] == [[NOT_SERVING]] * 2
        assert server.exit_code() == 0
        assert time.monotonic() - began < 8  # WAYPOST_DRAIN_SECONDS is 10: nothing held it up
        batch.join()
        assert Counter(type(answer) for answer in answers[0]) == {Contract: 256}


def test_callers_of_a_stopping_server_get_an_answer_or_unavailable(index_folder: Path) -> None:
    with running_server(index_folder) as server:
        results: list[Contract | WaypostError] = []
        threads = [
            threading.Thread(target=_send_until_refused, args=(server, results)) for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        time.sleep(0.5)
        server.terminate()
        assert server.exit_code() == 0
        for thread in threads:
            thread.join()
        errors = [result for result in results if isinstance(result, WaypostError)]
        assert [type(error) for error in errors] == [UnavailableError] * len(threads), errors
        assert len(results) > 2 * len(threads)
        assert "Traceback" not in server.log_text()


def test_a_second_server_on_the_port_is_refused_in_one_sentence(
    server: ServerProcess, admin: AdminClient, index_folder: Path
) -> None:
    second = waypost("serve", "--index", str(index_folder), "--address", server.address)
    assert second.returncode == 1
    assert "ready" not in second.stdout
    assert second.stderr.splitlines()[-1] == (
        f"waypost: WAYPOST_ADDRESS is '{server.address}': cannot listen there; is the port taken? "
        "Name another with --address or WAYPOST_ADDRESS"
    )
    assert "Traceback" not in second.stderr
    assert admin.status().state == "SERVING"


def test_serving_without_a_bundle_names_the_cure(tmp_path: Path) -> None:
    ended = waypost("serve", "--index", str(tmp_path), "--address", "127.0.0.1:0")
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr == (
        f"waypost: {tmp_path}: no bundle is live here; run `waypost build --index {tmp_path}`\n"
    )


def test_a_bundle_of_another_encoder_is_refused_naming_both(
    admin: AdminClient, index_folder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    for name in ("model.onnx", "tokenizer.json"):
        os.symlink(SHIPPED_ENCODER / name, other / name)
    manifest = json.loads((SHIPPED_ENCODER / "encoder.json").read_text("utf-8"))
    manifest["query_prefix"] = "query: "
    (other / "encoder.json").write_text(json.dumps(manifest), "utf-8")
    ended = waypost("serve", "--index", str(index_folder), "--encoder", str(other))
    assert ended.returncode == 1
    (sentence,) = ended.stderr.splitlines()
    assert admin.status().encoder_fingerprint in sentence
    assert f"but {other} is " in sentence
    assert sentence.endswith("; build again, or name the encoder that it was built with")


def test_a_wrong_setting_is_named_before_anything_is_loaded() -> None:
    ended = waypost("serve", WAYPOST_ADDRES="127.0.0.1:0")
    assert ended.returncode == 1
    assert ended.stderr == (
        "waypost: WAYPOST_ADDRES is no setting of Waypost; did you mean WAYPOST_ADDRESS?\n"
    )


def _send_batch(server: ServerProcess, answers: list[list[Contract | WaypostError]]) -> None:
    with Client(server.address, timeout_s=20) as client:
        answers.append(client.route_many([f"why is step {i} slow" for i in range(256)]))


def _send_until_refused(server: ServerProcess, results: list[Contract | WaypostError]) -> None:
    with Client(server.address, timeout_s=5) as client:
        while True:
            try:
                results.append(client.route("why does it stop"))
            except WaypostError as error:
                results.append(error)
                return
