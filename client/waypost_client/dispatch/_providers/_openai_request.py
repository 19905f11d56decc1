"""A request in the words of OpenAI's chat completions."""

from openai.types.chat import ChatCompletionFunctionToolParam, ChatCompletionMessageParam
from openai.types.chat.completion_create_params import CompletionCreateParamsBase

from waypost_client import Model
from waypost_client.dispatch._messages import Prompt, Role
from waypost_client.dispatch._output._text import well_formed
from waypost_client.dispatch._providers._endpoint import is_host
from waypost_client.dispatch._providers._provider import ESCALATE, ModelRequest
from waypost_client.dispatch._providers._schemas import (
    ESCALATE_DESCRIPTION,
    ESCALATE_PARAMETERS,
    is_closed,
    offers_escalation,
    wanted_schema,
)

PUBLIC_URL = "https://api.openai.com/v1"
_PUBLIC_HOST = "api.openai.com"

_TOOL: ChatCompletionFunctionToolParam = {
    "type": "function",
    "function": {
        "name": ESCALATE,
        "description": ESCALATE_DESCRIPTION,
        "parameters": ESCALATE_PARAMETERS,
    },
}


def body_of(request: ModelRequest, *, streamed: bool) -> CompletionCreateParamsBase:
    """The request's body; the prompt's static part comes before all that changes."""
    body: CompletionCreateParamsBase = {
        "messages": _messages(request.prompt),
        "model": request.model.model_id,
    }
    _add_sampling(body, request)
    if streamed:
        # Servers that do not know it ignore it.
        body["stream_options"] = {"include_usage": True}
    if schema := wanted_schema(request):
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": schema, "strict": is_closed(schema)},
        }
    if offers_escalation(request):
        body["tools"] = [_TOOL]
    if request.wants_confidence and "logprobs" in request.model.features:
        body["logprobs"] = True
        # Not said, llama.cpp tells twenty for each token; with 0 it tells none at all.
        body["top_logprobs"] = 1
    if is_public(request.model):
        _add_public(body, request)
    return body


def is_public(model: Model) -> bool:
    """Whether it is OpenAI's own, which knows words that other servers refuse."""
    return is_host(model.base_url or PUBLIC_URL, _PUBLIC_HOST)


def _messages(prompt: Prompt) -> list[ChatCompletionMessageParam]:
    system = "\n\n".join(filter(None, (prompt.static, prompt.params)))
    messages: list[ChatCompletionMessageParam] = []
    if system:
        messages.append({"role": "system", "content": well_formed(system)})
    for message in prompt.messages:
        if message.role is Role.USER:
            messages.append({"role": "user", "content": well_formed(message.text)})
        else:
            messages.append({"role": "assistant", "content": well_formed(message.text)})
    return messages


def _add_sampling(body: CompletionCreateParamsBase, request: ModelRequest) -> None:
    sampling = request.sampling
    if sampling.temperature is not None:
        body["temperature"] = sampling.temperature
    if sampling.top_p is not None:
        body["top_p"] = sampling.top_p
    if sampling.seed is not None:
        body["seed"] = sampling.seed
    if sampling.stop:
        body["stop"] = list(sampling.stop)
    if sampling.max_output_tokens and is_public(request.model):
        body["max_completion_tokens"] = sampling.max_output_tokens
    elif sampling.max_output_tokens:
        body["max_tokens"] = sampling.max_output_tokens


def _add_public(body: CompletionCreateParamsBase, request: ModelRequest) -> None:
    if request.prompt.cache_key:
        body["prompt_cache_key"] = request.prompt.cache_key
    if "reasoning" in request.model.features:
        match request.effort:
            case "low" | "medium" | "high":
                body["reasoning_effort"] = request.effort
