"""Calls models behind an endpoint that speaks Anthropic's messages, with Anthropic's SDK."""

import dataclasses
import json

import anthropic
from anthropic.types import Message, MessageDeltaUsage, RawMessageStreamEvent
from anthropic.types import Usage as MessageUsage

from waypost_client import Model
from waypost_client.dispatch._providers._anthropic_request import body_of, unnamed
from waypost_client.dispatch._providers._endpoint import is_host
from waypost_client.dispatch._providers._provider import ModelRequest, Usage
from waypost_client.dispatch._providers._reading import Reader
from waypost_client.dispatch._providers._sdk import SdkProvider
from waypost_client.dispatch._providers._usage import count_of, usage_of

_PUBLIC_HOST = "api.anthropic.com"


class AnthropicProvider(SdkProvider[anthropic.AsyncAnthropic]):
    """Anthropic's models, and whoever speaks as they do."""

    public_url = "https://api.anthropic.com"

    def __init__(self) -> None:
        super().__init__(anthropic.DefaultAsyncHttpxClient())

    def _connect(self, model: Model, url: str, key: str) -> anthropic.AsyncAnthropic:
        client = anthropic.AsyncAnthropic(
            base_url=url, api_key=key, max_retries=0, http_client=self._http
        )
        # The SDK takes them from the environment; they are nobody else's business.
        client.auth_token = None
        if not is_host(url, _PUBLIC_HOST):
            client._custom_headers = {}
        return client

    async def _send(
        self, request: ModelRequest, *, streamed: bool
    ) -> Message | anthropic.AsyncStream[RawMessageStreamEvent]:
        answer: Message | anthropic.AsyncStream[RawMessageStreamEvent]
        answer = await self._client(request.model).messages.create(
            **body_of(request),
            stream=True if streamed else anthropic.omit,
            extra_body=unnamed(request),
            extra_headers=self._headers(),
            timeout=anthropic.Timeout(None, connect=request.connect_timeout_s),
        )
        return answer

    def _read(self, answer: Message, reader: Reader) -> None:
        for index, block in enumerate(answer.content):
            if block.type == "text":
                reader.text(block.text)
            elif block.type == "tool_use":
                reader.tool(index, block.name, _written(block.input))
        reader.finish(answer.stop_reason)
        reader.usage = _usage(answer.usage)

    def _read_event(self, event: RawMessageStreamEvent, reader: Reader) -> str:
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
