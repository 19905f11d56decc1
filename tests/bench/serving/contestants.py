"""Who is asked: servers, the bare encoder in this process, a library in another."""

import asyncio
import itertools
import json
import os
import subprocess
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import grpc

from tests.bench.serving.children import line_of
from tests.bench.serving.figures import Leg
from tests.bench.serving.load import Call, CallFailedError, Open, closed_loop, open_loop
from tests.bench.serving.machine import cpu_seconds, family, resident_mb
from tests.bench.serving.wire import METHOD, SERVICE, request_of
from waypost_server.adapters.onnx_encoder import OnnxEncoder

LEG_SECONDS = 5.0
"""No leg asks for longer: a contestant that is slow has fewer calls, not a longer run."""

CALL_SECONDS = 30.0

CHANNELS = 8
"""Connections that many callers share: one would lead to one process of several."""


class Contestant(Protocol):
    """Something that decides, or does part of it."""

    @property
    def name(self) -> str:
        """What the page calls it."""

    @property
    def at_once(self) -> Sequence[int]:
        """How many callers it is measured with."""

    def ask(self, texts: Sequence[str], at_once: int) -> Leg:
        """Asks about all texts, `at_once` at a time."""

    def resident_mb(self) -> float | None:
        """Memory of its process, if it has one to itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """A server on loopback.

    Attributes:
        name: what the page calls it.
        at_once: callers.
        runner: of the generator's event loop.
        address: where it listens.
        pid: its process; what that started answers with it.
        strangers: whether it is asked about queries of no route as well.
    """

    name: str
    at_once: Sequence[int]
    runner: asyncio.Runner
    address: str
    pid: int
    strangers: bool = False

    def ask(self, texts: Sequence[str], at_once: int) -> Leg:
        """Closed loop."""
        return self.runner.run(self._closed(texts, at_once))

    async def _closed(self, texts: Sequence[str], at_once: int) -> Leg:
        requests = [request_of(text) for text in texts]
        async with connected(self.address, min(at_once, CHANNELS)) as call:
            pids = family(self.pid)
            mine, its = cpu_seconds(os.getpid()), cpu_seconds(*pids)
            closed = await closed_loop(call, requests, at_once=at_once, limit_seconds=LEG_SECONDS)
            return Leg(
                seconds=closed.seconds,
                elapsed=closed.elapsed,
                cpu=cpu_seconds(*pids) - its,
                generator_cpu=cpu_seconds(os.getpid()) - mine,
                # One caller's are looked into; of the others there would be too many.
                responses=closed.responses if at_once == 1 else (),
                failed=closed.failed,
            )

    def ask_at(self, texts: Sequence[str], rate: float) -> Open:
        """Open loop."""
        return self.runner.run(self._open(texts, rate))

    async def _open(self, texts: Sequence[str], rate: float) -> Open:
        requests = [request_of(text) for text in texts]
        async with connected(self.address, CHANNELS) as call:
            return await open_loop(call, requests, per_second=rate)

    def resident_mb(self) -> float | None:
        """Of all its processes; what they share counts in each."""
        return sum(resident_mb(pid) for pid in family(self.pid))


@asynccontextmanager
async def connected(address: str, count: int) -> AsyncIterator[Call]:
    """A call of RouteQuery, bytes to bytes, that takes so many connections in turn.

    They are new each time: which of several processes a connection leads to is chance, and would
    otherwise be chance once for the whole run.
    """
    async with AsyncExitStack() as opened:
        methods = []
        for _ in range(count):
            # Channels of equal options to one address share a connection, unless told not to.
            channel = await opened.enter_async_context(
                grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])
            )
            await channel.channel_ready()
            method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]
            method = channel.unary_unary(f"/{SERVICE}/{METHOD}")
            methods.append(method)
        turns = itertools.cycle(methods)

        async def call(request: bytes) -> bytes:
            try:
                return await next(turns)(request, timeout=CALL_SECONDS)
            except grpc.aio.AioRpcError as error:
                raise CallFailedError(error.code().name) from None

        yield call


@dataclass(frozen=True, slots=True)
class Encoding:
    """The shipped encoder, called in this process: what no decision by transformer can beat."""

    encoder: OnnxEncoder
    name: str
    at_once: Sequence[int] = (1, 2)

    def ask(self, texts: Sequence[str], at_once: int) -> Leg:
        """Calls it in as many threads."""

        def one(text: str) -> float:
            began = time.perf_counter()
            self.encoder.encode([text])
            return time.perf_counter() - began

        cpu, began = cpu_seconds(os.getpid()), time.perf_counter()
        if at_once == 1:
            seconds = [one(text) for text in texts]
        else:
            with ThreadPoolExecutor(at_once) as pool:
                seconds = list(pool.map(one, texts))
        elapsed = time.perf_counter() - began
        return Leg(seconds=seconds, elapsed=elapsed, cpu=cpu_seconds(os.getpid()) - cpu)

    def resident_mb(self) -> float | None:
        """It has no process of its own."""
        return None


@dataclass(frozen=True, slots=True)
class Library:
    """semantic-router, called in its own process."""

    process: "subprocess.Popen[str]"
    name: str
    at_once: Sequence[int] = (1, 2, 4)

    def ask(self, texts: Sequence[str], at_once: int) -> Leg:
        """Calls it in as many threads."""
        cpu = cpu_seconds(self.process.pid)
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps({"texts": texts, "threads": at_once}) + "\n")
        self.process.stdin.flush()
        said = json.loads(line_of(self.process))
        return Leg(
            seconds=said["seconds"],
            elapsed=said["elapsed"],
            cpu=cpu_seconds(self.process.pid) - cpu,
        )

    def resident_mb(self) -> float | None:
        """Of its process."""
        return resident_mb(self.process.pid)
