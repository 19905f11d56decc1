"""Calls models behind an endpoint that speaks OpenAI's chat completions, with OpenAI's SDK."""

from collections.abc import AsyncGenerator

import openai
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from waypost_client import Model
from waypost_client.dispatch._providers._endpoint import api_key, shown
from waypost_client.dispatch._providers._openai_request import PUBLIC_URL, body_of, is_public
from waypost_client.dispatch._providers._provider import ModelRequest, Reply, Usage
from waypost_client.dispatch._providers._reading import Reader
from waypost_client.dispatch._providers._sdk_errors import SdkErrors
from waypost_client.dispatch._providers._usage import usage_of


class OpenAIProvider:
    """Implements Provider: hosted models, vLLM, Ollama, llama.cpp."""

    def __init__(self) -> None:
        self._clients: dict[tuple[str, str], openai.AsyncOpenAI] = {}
        # One for all: each would read the certificates again, for 60 ms.
        self._http = openai.DefaultAsyncHttpxClient()

    async def complete(self, request: ModelRequest) -> Reply:
        """The whole answer at once."""
        where = shown(request.model.base_url or PUBLIC_URL)
        reader = Reader(where)
        with SdkErrors(where):
            completion = await self._client(request.model).chat.completions.create(
                **body_of(request, streamed=False), timeout=_timeout(request)
            )
            _read(completion, reader)
            return reader.reply()

    async def stream(self, request: ModelRequest) -> AsyncGenerator[str | Reply, None]:
        """The answer piece by piece, then the Reply, whose text is all pieces."""
        where = shown(request.model.base_url or PUBLIC_URL)
        reader = Reader(where)
        with SdkErrors(where):
            chunks = await self._client(request.model).chat.completions.create(
                **body_of(request, streamed=True), stream=True, timeout=_timeout(request)
            )
            async with chunks:
                async for chunk in chunks:
                    if piece := _read_chunk(chunk, reader):
                        yield piece
            if rest := reader.rest():
                yield rest
            yield reader.reply()

    async def close(self) -> None:
        """Ends the connections."""
        await self._http.aclose()

    def _client(self, model: Model) -> openai.AsyncOpenAI:
        key = api_key(model)
        name = (model.base_url, model.api_key_env)
        if name not in self._clients:
            self._clients[name] = openai.AsyncOpenAI(
                base_url=model.base_url or PUBLIC_URL,
                api_key=key,
                max_retries=0,
                http_client=self._http,
            )
            if not is_public(model):
                # The SDK takes them from the environment; they are nobody else's business.
                self._clients[name].organization = self._clients[name].project = None
                self._clients[name]._custom_headers = {}
        client = self._clients[name]
        client.api_key = key
        return client


def _timeout(request: ModelRequest) -> openai.Timeout:
    return openai.Timeout(None, connect=request.connect_timeout_s)


def _read(completion: ChatCompletion, reader: Reader) -> None:
    choice = completion.choices[0]
    if choice.message.refusal:
        reader.finish("refusal")
    reader.text(choice.message.content)
    for index, call in enumerate(choice.message.tool_calls or ()):
        if call.type == "function":
            reader.tool(index, call.function.name, call.function.arguments)
    if choice.logprobs:
        reader.logprobs(token.logprob for token in choice.logprobs.content or ())
    reader.finish(choice.finish_reason)
    reader.usage = _usage(completion.usage)


def _read_chunk(chunk: ChatCompletionChunk, reader: Reader) -> str:
    if chunk.usage:
        reader.usage = _usage(chunk.usage)
    # The chunk that tells the usage has no choice; Azure's first has none either.
    if not chunk.choices:
        return ""
    choice = chunk.choices[0]
    if choice.delta.refusal:
        reader.finish("refusal")
    for call in choice.delta.tool_calls or ():
        if call.function:
            reader.tool(call.index, call.function.name, call.function.arguments)
    if choice.logprobs:
        reader.logprobs(token.logprob for token in choice.logprobs.content or ())
    reader.finish(choice.finish_reason)
    return reader.text(choice.delta.content)


def _usage(usage: CompletionUsage | None) -> Usage | None:
    if usage is None:
        return None
    # The SDK checks no types, so that each of them may be anything.
    details = getattr(usage, "prompt_tokens_details", None)
    return usage_of(
        getattr(usage, "prompt_tokens", ""),
        getattr(usage, "completion_tokens", ""),
        getattr(details, "cached_tokens", None),
    )
