"""Calls models behind an endpoint that speaks Anthropic's messages, with Anthropic's SDK."""

import dataclasses
import json
from collections.abc import AsyncGenerator

import anthropic
from anthropic.types import Message, MessageDeltaUsage, RawMessageStreamEvent
from anthropic.types import Usage as MessageUsage

from waypost_client import Model
from waypost_client.dispatch._providers._anthropic_request import body_of, unnamed
from waypost_client.dispatch._providers._endpoint import api_key, is_host, shown
from waypost_client.dispatch._providers._provider import ModelRequest, Reply, Usage
from waypost_client.dispatch._providers._reading import Reader
from waypost_client.dispatch._providers._sdk_errors import SdkErrors
from waypost_client.dispatch._providers._usage import count_of, usage_of

_PUBLIC_URL = "https://api.anthropic.com"
_PUBLIC_HOST = "api.anthropic.com"


class AnthropicProvider:
    """Implements Provider."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str, str], anthropic.AsyncAnthropic] = {}
        # One for all: each would read the certificates again, for 60 ms.
        self._http = anthropic.DefaultAsyncHttpxClient()

    async def complete(self, request: ModelRequest) -> Reply:
        """The whole answer at once."""
        where = shown(request.model.base_url or _PUBLIC_URL)
        reader = Reader(where)
        with SdkErrors(where):
            message = await self._client(request.model).messages.create(
                **body_of(request), extra_body=unnamed(request), timeout=_timeout(request)
            )
            _read(message, reader)
            return reader.reply()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | Reply, None]:
        """The answer piece by piece, then the Reply, whose text is all pieces."""
        where = shown(request.model.base_url or _PUBLIC_URL)
        reader = Reader(where)
        with SdkErrors(where):
            events = await self._client(request.model).messages.create(
                **body_of(request),
                stream=True,
                extra_body=unnamed(request),
                timeout=_timeout(request),
            )
            async with events:
                async for event in events:
                    if piece := _read_event(event, reader):
                        yield piece
            if rest := reader.rest():
                yield rest
            yield reader.reply()

    async def close(self) -> None:
        """Ends the connections."""
        await self._http.aclose()

    def _client(self, model: Model) -> anthropic.AsyncAnthropic:
        key = api_key(model)
        name = (model.base_url, model.api_key_env)
        if name not in self._clients:
            self._clients[name] = anthropic.AsyncAnthropic(
                base_url=model.base_url or _PUBLIC_URL,
                api_key=key,
                max_retries=0,
                http_client=self._http,
            )
            # The SDK takes them from the environment; they are nobody else's business.
            self._clients[name].auth_token = None
            if not is_host(model.base_url or _PUBLIC_URL, _PUBLIC_HOST):
                self._clients[name]._custom_headers = {}
        client = self._clients[name]
        client.api_key = key
        return client


def _timeout(request: ModelRequest) -> anthropic.Timeout:
    return anthropic.Timeout(None, connect=request.connect_timeout_s)


def _read(message: Message, reader: Reader) -> None:
    for index, block in enumerate(message.content):
        if block.type == "text":
            reader.text(block.text)
        elif block.type == "tool_use":
            reader.tool(index, block.name, _written(block.input))
    reader.finish(message.stop_reason)
    reader.usage = _usage(message.usage)


def _read_event(event: RawMessageStreamEvent, reader: Reader) -> str:
    match event.type:
        case "message_start":
            reader.usage = _usage(event.message.usage)
        case "content_block_start" if event.content_block.type == "tool_use":
            reader.tool(event.index, event.content_block.name, None)
        case "content_block_delta" if event.delta.type == "text_delta":
            return reader.text(event.delta.text)
        case "content_block_delta" if event.delta.type == "input_json_delta":
            reader.tool(event.index, None, event.delta.partial_json)
        case "message_delta":
            reader.finish(event.delta.stop_reason)
            reader.usage = _final(reader.usage, event.usage)
    return ""


def _usage(usage: MessageUsage | MessageDeltaUsage | None) -> Usage | None:
    if usage is None:
        return None
    # The SDK checks no types, so that each of them may be anything.
    cached = count_of(getattr(usage, "cache_read_input_tokens", None)) or 0
    kept = count_of(getattr(usage, "cache_creation_input_tokens", None)) or 0
    read: object = getattr(usage, "input_tokens", "")
    if (cached or kept or read) and (fresh := count_of(read)) is not None:
        # The protocol counts apart what was read from its cache and written to it.
        read = fresh + cached + kept
    return usage_of(read, getattr(usage, "output_tokens", ""), cached)


def _final(before: Usage | None, usage: MessageDeltaUsage | None) -> Usage | None:
    # Some servers know what they read only at the end, others say it at the beginning alone.
    if before is None or usage is None or getattr(usage, "input_tokens", None):
        return _usage(usage) or before
    written = count_of(getattr(usage, "output_tokens", ""))
    return None if written is None else dataclasses.replace(before, output_tokens=written)


def _written(document: object) -> str:
    try:
        return json.dumps(document)
    except RecursionError:
        return ""
