"""A real proxy before replicas: HAProxy, HTTP/2 on both sides, each call balanced for itself."""

import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

HAPROXY = shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin:/usr/bin:/usr/local/bin")
SHIPPED = Path(__file__).parents[2] / "deploy/haproxy/haproxy.cfg"
START_SECONDS = 20.0

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SERVING = bytes.fromhex("0000000002" + "0801")
"""The answer of grpc.health.v1, as a gRPC message: status 1."""


def health_check() -> bytes:
    """A call of grpc.health.v1.Health/Check as bytes on a connection."""

    def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
        size = len(payload).to_bytes(3, "big")
        return size + bytes((kind, flags)) + stream.to_bytes(4, "big") + payload

    def literal(name: bytes, value: bytes) -> bytes:
        return b"\x00" + bytes([len(name)]) + name + bytes([len(value)]) + value

    headers = (
        b"\x83\x86"  # :method POST, :scheme http
        + literal(b":path", b"/grpc.health.v1.Health/Check")
        + literal(b":authority", b"check")
        + literal(b"content-type", b"application/grpc")
        + literal(b"te", b"trailers")
    )
    settings, header, data = 4, 1, 0
    ended, whole = 1, 4
    return (
        PREFACE
        + frame(settings, 0, 0, b"")
        + frame(header, whole, 1, headers)
        + frame(data, ended, 1, bytes(5))
    )


def configuration(port: int, replicas: Sequence[int]) -> str:
    """That of deploy/, for a port of loopback and replicas on theirs."""
    shipped = SHIPPED.read_text("utf-8")
    servers = "".join(f"  server r{i} 127.0.0.1:{port}\n" for i, port in enumerate(replicas))
    found = re.sub(r"^  server .*\n", "", shipped, flags=re.MULTILINE) + servers
    return found.replace("bind :50051", f"bind 127.0.0.1:{port}")


@contextmanager
def running_proxy(folder: Path, replicas: Sequence[int]) -> Iterator[int]:
    """The proxy's port; it is ended at the end."""
    assert HAPROXY
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    path = folder / "haproxy.cfg"
    path.write_text(configuration(port, replicas), "utf-8")
    with (folder / "haproxy.log").open("w") as log:
        process = subprocess.Popen([HAPROXY, "-db", "-f", str(path)], stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + START_SECONDS
            while not _listens(port):
                said = (folder / "haproxy.log").read_text("utf-8")
                assert process.poll() is None and time.monotonic() < deadline, said  # noqa: PT018
                time.sleep(0.1)
            yield port
        finally:
            process.terminate()
            process.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as attempt:
        return attempt.connect_ex(("127.0.0.1", port)) == 0
