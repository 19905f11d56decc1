"""The wire format of Anthropic's messages."""

import json
from typing import Any

from tests.llm_server._behaviours import Answer, Fails
from tests.llm_server._call import Call
from tests.llm_server._wire import packed

_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "content_filter": "refusal",
    "tool_calls": "tool_use",
}


class AnthropicWire:
    """Implements Wire."""

    dialect = "anthropic"

    def whole(self, answer: Answer, call: Call) -> dict[str, Any]:
        content: list[dict[str, Any]] = []
        if answer.whole or not answer.tool:
            content.append({"type": "text", "text": answer.whole})
        if answer.tool:
            content.append(_tool(answer))
        return _message(answer, call) | {
            "content": content,
            "stop_reason": _REASONS[answer.finish],
            "usage": _usage(answer),
        }

    def opening(self, answer: Answer, call: Call) -> bytes:
        usage = _usage(answer) | {"output_tokens": 1}
        message = _message(answer, call) | {"content": [], "stop_reason": None, "usage": usage}
        block = {"type": "text", "text": ""}
        return (
            _event("message_start", message=message)
            + _event("content_block_start", index=0, content_block=block)
            + _event("ping")
        )

    def piece(self, answer: Answer, index: int, call: Call) -> bytes:
        delta = {"type": "text_delta", "text": answer.parts[index]}
        return _event("content_block_delta", index=0, delta=delta)

    def closing(self, answer: Answer, call: Call) -> bytes:
        events = [_event("content_block_stop", index=0)]
        if answer.tool:
            events += _tool_in_pieces(answer)
        delta = {"stop_reason": _REASONS[answer.finish], "stop_sequence": None}
        usage = {"output_tokens": answer.written_tokens}
        events.append(_event("message_delta", delta=delta, usage=usage))
        return b"".join([*events, _event("message_stop")])

    def error(self, failure: Fails) -> dict[str, Any]:
        error = {"type": failure.code, "message": failure.message}
        return {"type": "error", "error": error, "request_id": "req_1"}

    def error_event(self, failure: Fails) -> bytes:
        return b"event: error\ndata: " + packed(self.error(failure)) + b"\n\n"


def _event(kind: str, **fields: object) -> bytes:
    return f"event: {kind}\ndata: ".encode() + packed({"type": kind} | fields) + b"\n\n"


def _message(answer: Answer, call: Call) -> dict[str, Any]:
    return {
        "id": f"msg_{call.number}",
        "type": "message",
        "role": "assistant",
        "model": call.model,
        "stop_sequence": None,
    }


def _tool(answer: Answer) -> dict[str, Any]:
    name, arguments = answer.tool or ("", {})
    return {"type": "tool_use", "id": "toolu_1", "name": name, "input": dict(arguments)}


def _tool_in_pieces(answer: Answer) -> list[bytes]:
    tool = _tool(answer)
    arguments = json.dumps(tool["input"])
    half = len(arguments) // 2
    deltas = [
        _event(
            "content_block_delta", index=1, delta={"type": "input_json_delta", "partial_json": part}
        )
        for part in ("", arguments[:half], arguments[half:])
    ]
    start = _event("content_block_start", index=1, content_block=tool | {"input": {}})
    return [start, *deltas, _event("content_block_stop", index=1)]


def _usage(answer: Answer) -> dict[str, Any]:
    return {
        "input_tokens": answer.input_tokens - answer.cached_input_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": answer.cached_input_tokens,
        "output_tokens": answer.written_tokens,
    }
