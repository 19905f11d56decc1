"""The supervisor is one process more; it must cost little and may start others at any time."""

import subprocess
import sys

HEAVY = {
    *("faiss", "grpc", "numpy", "onnxruntime", "opentelemetry", "prometheus_client"),
    *("tokenizers", "uvloop", "waypost"),
}

LOADED = """
import waypost_server.commands.group, waypost_server.commands.serve
import waypost_server.settings, waypost_server.supervisor.run
import sys; print(*sys.modules)
"""


def test_the_supervisor_loads_no_library_that_threads_or_serves() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", LOADED], capture_output=True, text=True, timeout=60, check=True
    )
    loaded = {name.partition(".")[0] for name in ended.stdout.split()}
    assert "pydantic" in loaded
    assert not loaded & HEAVY
