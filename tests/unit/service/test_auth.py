"""Who a call is found to be from, wherever in its handling somebody asks."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeAlias

import grpc
import pytest

from waypost_server.core.tokens import Role, Token, Tokens, digest_of
from waypost_server.service.auth import Authentication
from waypost_server.service.caller import current_caller

MethodHandler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
SECRETS = {"alice": "waypost_a", "bob": "waypost_b"}
TOKENS = Tokens(
    [
        Token(name=name, role=Role.CALLER, tenant=f"of {name}", sha256=digest_of(secret))
        for name, secret in SECRETS.items()
    ]
)


class Names(grpc.GenericRpcHandler):
    """Answers with the caller's name, as the handler and a task of its own see it."""

    async def _unary(self, request: bytes, context: object) -> bytes:
        await asyncio.sleep(0.01)
        return await asyncio.create_task(self._name())

    async def _stream(
        self, requests: AsyncIterator[bytes], context: object
    ) -> AsyncIterator[bytes]:
        async for _ in requests:
            await asyncio.sleep(0.01)
            yield await asyncio.create_task(self._name())

    async def _name(self) -> bytes:
        caller = current_caller()
        return f"{caller.name}, {caller.tenant}".encode()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "MethodHandler":
        if handler_call_details.method == "/names/unary":
            return grpc.unary_unary_rpc_method_handler(self._unary)
        return grpc.stream_stream_rpc_method_handler(self._stream)


@pytest.fixture
async def channel() -> AsyncIterator[grpc.aio.Channel]:
    server = grpc.aio.server(interceptors=[Authentication(lambda: TOKENS, needed=Role.CALLER)])
    server.add_generic_rpc_handlers((Names(),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as opened:
        yield opened
    await server.stop(0)


async def test_each_of_many_calls_at_once_is_its_own_callers(channel: grpc.aio.Channel) -> None:
    async def name(who: str) -> str:
        call: Any = channel.unary_unary("/names/unary")
        answer: bytes = await call(b"", metadata=(("authorization", f"Bearer {SECRETS[who]}"),))
        return answer.decode()

    async def names(who: str) -> set[str]:
        call: Any = channel.stream_stream("/names/stream")
        metadata = (("authorization", f"Bearer {SECRETS[who]}"),)
        return {answer.decode() async for answer in call(iter([b""] * 5), metadata=metadata)}

    people = ["alice", "bob"] * 20
    assert await asyncio.gather(*map(name, people)) == [f"{who}, of {who}" for who in people]
    assert await asyncio.gather(*map(names, people)) == [{f"{who}, of {who}"} for who in people]


class Clock:
    """What a loop's `call_later` would do, when the test says so."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        self.due.append(act)

    def goes_on(self) -> None:
        due, self.due = self.due, []
        for act in due:
            act()


async def never(details: object) -> None:
    raise AssertionError("it was let in")


async def refuse(guard: Authentication, secret: str, count: int) -> None:
    class Details:
        method = "/x/y"
        invocation_metadata = (("authorization", f"Bearer {secret}"),)

    for _ in range(count):
        await guard.intercept_service(never, Details())  # type: ignore[arg-type]


SINCE = "calls without a valid token since the last such line:"


async def test_strangers_are_told_to_the_log_now_and_then(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = Clock()
    guard = Authentication(lambda: TOKENS, needed=Role.CALLER, later=clock.later)
    await refuse(guard, "waypost_wrong", 50)
    assert caplog.messages == [f"{SINCE} 1"]
    clock.goes_on()
    assert caplog.messages[1:] == [f"{SINCE} 49"]  # though nobody has come since
    clock.goes_on()
    assert not clock.due
    assert len(caplog.messages) == 2
    await refuse(guard, "waypost_wrong", 1)
    assert caplog.messages[2:] == [f"{SINCE} 1"]
    assert "waypost_wrong" not in caplog.text


async def test_the_log_names_whose_token_is_tried_though_it_was_revoked(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, known = Clock(), Tokens([]).after(TOKENS)
    guard = Authentication(lambda: known, needed=Role.CALLER, later=clock.later)
    await refuse(guard, SECRETS["alice"], 1)
    await refuse(guard, SECRETS["bob"], 2)
    clock.goes_on()
    former = "with one that was revoked or has ended:"
    assert caplog.messages == [f"{SINCE} 1; {former} 'alice' 1", f"{SINCE} 2; {former} 'bob' 2"]
    assert not [secret for secret in SECRETS.values() if secret in caplog.text]
