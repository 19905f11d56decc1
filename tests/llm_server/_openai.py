"""The wire format of OpenAI's chat completions."""

import json
from typing import Any

from tests.llm_server._behaviours import Answer, Fails
from tests.llm_server._call import Call
from tests.llm_server._wire import packed

_CREATED = 1_750_000_000
"""When all answers were made: they are the same in every run."""


class OpenAIWire:
    """Implements Wire."""

    dialect = "openai"

    def whole(self, answer: Answer, call: Call) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": answer.whole}
        if answer.tool:
            message |= {"content": answer.whole or None, "tool_calls": [_tool(answer)]}
        choice = {"index": 0, "message": message, "finish_reason": answer.finish}
        if call.body.get("logprobs"):
            choice["logprobs"] = {"content": _tokens(answer, call)}
        document = _base(call, "chat.completion") | {"choices": [choice]}
        return document | ({"usage": _usage(answer)} if answer.reports_usage else {})

    def opening(self, answer: Answer, call: Call) -> bytes:
        return _event(call, [_choice({"role": "assistant", "content": ""})])

    def piece(self, answer: Answer, index: int, call: Call) -> bytes:
        choice = _choice({"content": answer.parts[index]})
        if call.body.get("logprobs"):
            choice["logprobs"] = {"content": _tokens(answer, call)[index : index + 1]}
        return _event(call, [choice])

    def closing(self, answer: Answer, call: Call) -> bytes:
        events = []
        if answer.tool:
            events += [_event(call, [choice]) for choice in _tool_in_pieces(answer)]
        events.append(_event(call, [_choice({}, finish=answer.finish)]))
        if answer.reports_usage and (call.body.get("stream_options") or {}).get("include_usage"):
            events.append(_event(call, [], usage=_usage(answer)))
        return b"".join([*events, b"data: [DONE]\n\n"])

    def error(self, failure: Fails) -> dict[str, Any]:
        return {
            "error": {
                "message": failure.message,
                "type": failure.code,
                "param": None,
                "code": failure.code,
            }
        }

    def error_event(self, failure: Fails) -> bytes:
        return b"data: " + packed(self.error(failure)) + b"\n\n"


def _base(call: Call, kind: str) -> dict[str, Any]:
    name = f"chatcmpl-{call.number}"
    return {"id": name, "object": kind, "created": _CREATED, "model": call.model}


def _event(call: Call, choices: list[dict[str, Any]], **more: object) -> bytes:
    document = _base(call, "chat.completion.chunk") | {"choices": choices} | more
    return b"data: " + packed(document) + b"\n\n"


def _choice(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    return {"index": 0, "delta": delta, "finish_reason": finish}


def _tokens(answer: Answer, call: Call) -> list[dict[str, Any]]:
    """As llama.cpp does: the twenty likeliest if no number is said, and with 0 nothing."""
    likeliest = call.body.get("top_logprobs", 20)
    tokens = [
        {"token": part, "logprob": logprob, "bytes": list(part.encode())}
        for part, logprob in zip(answer.parts, answer.logprobs, strict=False)
    ]
    return [token | {"top_logprobs": [token] * likeliest} for token in tokens if likeliest]


def _tool(answer: Answer) -> dict[str, Any]:
    name, arguments = answer.tool or ("", {})
    function = {"name": name, "arguments": json.dumps(arguments)}
    return {"id": "call_1", "type": "function", "function": function}


def _tool_in_pieces(answer: Answer) -> list[dict[str, Any]]:
    tool = _tool(answer)
    arguments = tool["function"]["arguments"]
    half = len(arguments) // 2
    first = tool | {"index": 0, "function": tool["function"] | {"arguments": ""}}
    rest = [
        {"index": 0, "function": {"arguments": arguments[:half]}},
        {"index": 0, "function": {"arguments": arguments[half:]}},
    ]
    return [_choice({"tool_calls": [piece]}) for piece in [first, *rest]]


def _usage(answer: Answer) -> dict[str, Any]:
    return {
        "prompt_tokens": answer.input_tokens,
        "completion_tokens": answer.written_tokens,
        "total_tokens": answer.input_tokens + answer.written_tokens,
        "prompt_tokens_details": {"cached_tokens": answer.cached_input_tokens},
    }
