"""A gRPC server that does nothing: the floor under any decision over gRPC.

    python -m tests.bench.serving.echo FILE [ENCODER]

It answers Waypost's RouteQuery with the bytes of FILE, and prints its address when it is ready.
With the folder of an encoder it encodes each query before it answers, in a thread: the floor under
any decision that takes the encoder.
"""

import asyncio
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import uvloop

from tests.bench.serving.wire import METHOD, SERVICE
from waypost.v1 import router_pb2
from waypost_server.adapters.onnx_encoder import OnnxEncoder


async def serve(response: bytes, encoder: OnnxEncoder | None) -> None:
    """Serves until SIGTERM."""
    thread = ThreadPoolExecutor(1)

    async def answer(request: bytes, context: object) -> bytes:
        if encoder:
            text = router_pb2.RouteQueryRequest.FromString(request).text
            await asyncio.get_running_loop().run_in_executor(thread, encoder.encode, [text])
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
    file, *folders = map(Path, sys.argv[1:])
    uvloop.run(serve(file.read_bytes(), OnnxEncoder.load(folders[0]) if folders else None))
