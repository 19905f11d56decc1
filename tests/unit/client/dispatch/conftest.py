"""Both protocols, each with its real SDK, at the scripted server."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.llm_server import LlmServer
from tests.unit.client.dispatch.calls import a_model, a_request
from waypost_client.dispatch._providers._anthropic import AnthropicProvider
from waypost_client.dispatch._providers._openai import OpenAIProvider
from waypost_client.dispatch._providers._provider import ModelRequest, Provider


@dataclass(frozen=True)
class Protocol:
    """A provider, and the address of the server for it."""

    name: str
    provider: Provider
    url: str

    def request(self, *features: str, **more: Any) -> ModelRequest:  # noqa: ANN401
        return a_request(a_model(self.url, features=features, provider=self.name), **more)


@pytest.fixture
async def openai(llm: LlmServer) -> AsyncIterator[Protocol]:
    provider = OpenAIProvider()
    yield Protocol("openai", provider, llm.openai_url)
    await provider.close()


@pytest.fixture
async def anthropic(llm: LlmServer) -> AsyncIterator[Protocol]:
    provider = AnthropicProvider()
    yield Protocol("anthropic", provider, llm.anthropic_url)
    await provider.close()


@pytest.fixture(params=["openai", "anthropic"])
async def protocol(request: pytest.FixtureRequest, llm: LlmServer) -> AsyncIterator[Protocol]:
    if request.param == "openai":
        openai = OpenAIProvider()
        yield Protocol("openai", openai, llm.openai_url)
        await openai.close()
    else:
        anthropic = AnthropicProvider()
        yield Protocol("anthropic", anthropic, llm.anthropic_url)
        await anthropic.close()


@pytest.fixture(params=[False, True], ids=["whole", "streamed"])
def streamed(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "shadow.jsonl"
