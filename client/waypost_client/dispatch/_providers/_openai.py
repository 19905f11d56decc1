"""Calls models behind an endpoint that speaks OpenAI's chat completions, with OpenAI's SDK."""

import openai
from openai.types import CompletionUsage
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from waypost_client import Model
from waypost_client.dispatch._providers._openai_request import PUBLIC_URL, body_of, is_public
from waypost_client.dispatch._providers._provider import ModelRequest, Usage
from waypost_client.dispatch._providers._reading import Reader
from waypost_client.dispatch._providers._sdk import SdkProvider
from waypost_client.dispatch._providers._usage import usage_of


class OpenAIProvider(SdkProvider[openai.AsyncOpenAI]):
    """Hosted models, vLLM, Ollama, llama.cpp."""

    public_url = PUBLIC_URL
    tells_logprobs = True

    def __init__(self) -> None:
        super().__init__(openai.DefaultAsyncHttpxClient())

    def _connect(self, model: Model, url: str, key: str) -> openai.AsyncOpenAI:
        client = openai.AsyncOpenAI(
            base_url=url, api_key=key, max_retries=0, http_client=self._http
        )
        if not is_public(model):
            # The SDK takes them from the environment; they are nobody else's business.
            client.organization = client.project = None
            client._custom_headers = {}
        return client

    async def _send(
        self, request: ModelRequest, *, streamed: bool
    ) -> ChatCompletion | openai.AsyncStream[ChatCompletionChunk]:
        answer: ChatCompletion | openai.AsyncStream[ChatCompletionChunk]
        answer = await self._client(request.model).chat.completions.create(
            **body_of(request, streamed=streamed),
            stream=True if streamed else openai.omit,
            extra_headers=self._headers(),
            timeout=openai.Timeout(None, connect=request.connect_timeout_s),
        )
        return answer

    def _read(self, answer: ChatCompletion, reader: Reader) -> None:
        choice = answer.choices[0]
        if choice.message.refusal:
            reader.finish("refusal")
        reader.text(choice.message.content)
        for index, call in enumerate(choice.message.tool_calls or ()):
            if call.type == "function":
                reader.tool(index, call.function.name, call.function.arguments)
        if choice.logprobs:
            reader.logprobs(token.logprob for token in choice.logprobs.content or ())
        reader.finish(choice.finish_reason)
        reader.usage = _usage(answer.usage)

    def _read_event(self, event: ChatCompletionChunk, reader: Reader) -> str:
        if event.usage:
            reader.usage = _usage(event.usage)
        # The chunk that tells the usage has no choice; Azure's first has none either.
        if not event.choices:
            return ""
        choice = event.choices[0]
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
