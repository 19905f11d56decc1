"""A gRPC server that does nothing: the floor under any decision over gRPC.

    python -m tests.bench.serving.echo FILE

It answers Waypost's RouteQuery with the bytes of FILE, and prints its address when it is ready.
"""

import asyncio
import signal
import sys
from pathlib import Path

import grpc
import uvloop

from tests.bench.serving.wire import METHOD, SERVICE


async def serve(response: bytes) -> None:
    """Serves until SIGTERM."""

    async def answer(request: bytes, context: object) -> bytes:
        return response

    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
        METHOD: grpc.unary_unary_rpc_method_handler(answer)
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    sys.stdout.write(f"127.0.0.1:{port}\n")
    sys.stdout.flush()
    await stopped.wait()
    await server.stop(0)


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]).read_bytes()))
