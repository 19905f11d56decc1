"""The client stays thin: gRPC and protobuf, nothing else."""

import json
import subprocess
import sys

HEAVY = {
    "anthropic",
    "click",
    "faiss",
    "httpx2",
    "jsonschema",
    "numpy",
    "onnxruntime",
    "openai",
    "opentelemetry",
    "pydantic",
    "re2",
    "tenacity",
    "tokenizers",
    "uvloop",
    "yaml",
}

CLIENT_ONLY = """
import sys

ALLOWED = {*sys.stdlib_module_names, "google", "grpc", "typing_extensions"}
ALLOWED |= {"waypost", "waypost_client", "waypost_server"}  # the wheel holds all three

class NothingElse:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in ALLOWED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, NothingElse())
"""
"""Puts an interpreter where `pip install waypost` without extras would leave it."""


def test_importing_the_client_loads_nothing_of_the_server() -> None:
    loaded = _run("import waypost_client, json, sys; print(json.dumps(list(sys.modules)))")
    tops = {name.partition(".")[0] for name in json.loads(loaded.stdout)}
    assert {"grpc", "google", "waypost", "waypost_client"} <= tops
    assert not tops & (HEAVY | {"waypost_server"})


def test_importing_the_server_loads_nothing_of_the_client() -> None:
    loaded = _run("import waypost_server.app, json, sys; print(json.dumps(list(sys.modules)))")
    assert not [name for name in json.loads(loaded.stdout) if name.startswith("waypost_client")]


def test_the_client_needs_nothing_but_grpc_and_protobuf() -> None:
    ended = _run(f"{CLIENT_ONLY}\nimport waypost_client; print(waypost_client.Client.__name__)")
    assert (ended.stdout, ended.stderr) == ("Client\n", "")


def test_the_command_line_of_a_client_only_install_names_the_extra() -> None:
    ended = _run(f"{CLIENT_ONLY}\nfrom waypost_server.__main__ import main; main()")
    assert ended.returncode == 1
    assert "needs click" in ended.stderr
    assert "pip install 'waypost[server]'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_the_dispatcher_of_a_client_only_install_names_the_extra() -> None:
    ended = _run(f"{CLIENT_ONLY}\nimport waypost_client.dispatch")
    assert ended.stderr.splitlines()[-1] == (
        "ModuleNotFoundError: the dispatcher needs more than the client: "
        "pip install 'waypost[dispatch]'"
    )


def _run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
