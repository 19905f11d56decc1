"""A request in the words of Anthropic's messages."""

from anthropic.types import MessageParam, TextBlockParam, ToolParam
from anthropic.types.message_create_params import MessageCreateParamsBase

from waypost_client.dispatch._messages import Message, Prompt, Role
from waypost_client.dispatch._output._text import well_formed
from waypost_client.dispatch._providers._provider import ESCALATE, ModelRequest
from waypost_client.dispatch._providers._schemas import (
    ESCALATE_DESCRIPTION,
    ESCALATE_PARAMETERS,
    offers_escalation,
    wanted_schema,
)

_MAX_OUTPUT_TOKENS = 4096
"""The protocol insists on a limit; all of its models can write that much."""

_TOOL: ToolParam = {
    "name": ESCALATE,
    "description": ESCALATE_DESCRIPTION,
    "input_schema": ESCALATE_PARAMETERS,
}


def body_of(request: ModelRequest) -> MessageCreateParamsBase:
    """The request's body, except for what the SDK has no name for; no seed, no probabilities."""
    body: MessageCreateParamsBase = {
        "max_tokens": request.sampling.max_output_tokens or _MAX_OUTPUT_TOKENS,
        "messages": [_message(message) for message in request.prompt.messages],
        "model": request.model.model_id,
    }
    if system := _system(request.prompt):
        body["system"] = system
    if request.sampling.stop:
        body["stop_sequences"] = list(request.sampling.stop)
    if offers_escalation(request):
        body["tools"] = [_TOOL]
    _add_output_config(body, request)
    return body


def unnamed(request: ModelRequest) -> dict[str, float] | None:
    """What the protocol knows and the SDK's newer versions do not: its newest models refuse it."""
    sampling = request.sampling
    asked = {"temperature": sampling.temperature, "top_p": sampling.top_p}
    return {name: value for name, value in asked.items() if value is not None} or None


def _message(message: Message) -> MessageParam:
    if message.role is Role.USER:
        return {"role": "user", "content": well_formed(message.text)}
    return {"role": "assistant", "content": well_formed(message.text)}


def _system(prompt: Prompt) -> list[TextBlockParam]:
    blocks: list[TextBlockParam] = []
    if prompt.static:
        # All up to here is the same in every call, and so what the provider shall keep.
        cached: TextBlockParam = {
            "type": "text",
            "text": well_formed(prompt.static),
            "cache_control": {"type": "ephemeral"},
        }
        blocks.append(cached)
    if prompt.params:
        blocks.append({"type": "text", "text": well_formed(prompt.params)})
    return blocks


def _add_output_config(body: MessageCreateParamsBase, request: ModelRequest) -> None:
    schema = wanted_schema(request)
    if schema:
        body["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
    if "reasoning" in request.model.features:
        match request.effort:
            case "low" | "medium" | "high":
                body["output_config"] = body.get("output_config", {}) | {"effort": request.effort}
