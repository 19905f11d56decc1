"""SDKs are loaded when they are needed and no sooner."""

import asyncio
import subprocess
import sys

import pytest

from tests.llm_server import Answer, LlmServer
from tests.unit.client.dispatch.calls import a_model, a_request, reply_of
from tests.unit.client.dispatch.conftest import Protocol
from waypost_client.dispatch._failures import FailureKind, ModelError
from waypost_client.dispatch._providers._lazy import LazyProvider, lazy_providers
from waypost_client.dispatch._providers._provider import Reply

HEAVY = {"openai", "anthropic", "httpx2", "opentelemetry", "pydantic", "genai_prices"}


def test_importing_loads_no_sdk() -> None:
    code = (
        "import sys, waypost_client\n"
        "import waypost_client.dispatch\n"
        "from waypost_client.dispatch._providers import _lazy\n"
        "_lazy.lazy_providers()\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_each_protocol_has_its_provider(
    llm: LlmServer, protocol: Protocol, streamed: bool
) -> None:
    lazy = lazy_providers()
    llm.script("m", Answer("Hello, world"))
    reply = await reply_of(lazy[protocol.name], protocol.request(), streamed=streamed)
    assert reply.text == "Hello, world"
    for provider in lazy.values():
        await provider.close()


async def test_a_caller_who_goes_leaves_the_sdk_to_the_others(
    llm: LlmServer, openai: Protocol
) -> None:
    lazy = LazyProvider("waypost_client.dispatch._providers._openai", "OpenAIProvider")
    impatient = asyncio.create_task(lazy.complete(openai.request()))
    patient = asyncio.create_task(lazy.complete(openai.request()))
    await asyncio.sleep(0)
    impatient.cancel()
    assert (await patient).text == "ok"
    with pytest.raises(asyncio.CancelledError):
        await impatient
    await lazy.close()


async def test_a_missing_sdk_is_one_clear_error(streamed: bool) -> None:
    lazy = LazyProvider("waypost_client.dispatch._no_such_module", "OpenAIProvider")
    for _ in range(2):
        with pytest.raises(ModelError, match=r"waypost\[dispatch\]") as failure:
            await reply_of(lazy, a_request(a_model()), streamed=streamed)
        assert failure.value.kind is FailureKind.BROKEN
    await lazy.close()


def test_a_reply_says_nothing_by_default() -> None:
    assert Reply(text="").escalation is None
