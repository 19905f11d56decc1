"""A question that is to be answered in JSON, in the words of OpenAI's chat completions."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from waypost_server.core.catalog import Model
from waypost_server.core.language_model import Prompt

PUBLIC_URL = "https://api.openai.com/v1"

TOOL = "answer"

REASONING_TOKENS = 1024
"""More for a model that thinks before it answers: without them it would never come to the end."""

IN_WORDS = "\nAnswer with that JSON object alone, which fits this JSON Schema:\n{schema}"


def request_of(
    model: Model, prompt: Prompt, schema: Mapping[str, Any], *, max_tokens: int
) -> dict[str, Any]:
    """The request's body.

    The schema is enforced as far as the endpoint can: by `json_schema`, or else by a tool that must
    be called, or else it is asked for in words.
    """
    system = prompt.system
    body: dict[str, Any] = {"model": model.model_id}
    if "json_schema" in model.features:
        body["response_format"] = {
            "type": "json_schema",
            "json_schema": {"name": TOOL, "schema": schema, "strict": True},
        }
    elif "tools" in model.features:
        function = {"name": TOOL, "description": "Gives the answer.", "parameters": schema}
        body["tools"] = [{"type": "function", "function": function}]
        body["tool_choice"] = {"type": "function", "function": {"name": TOOL}}
    else:
        system += IN_WORDS.format(schema=json.dumps(schema, ensure_ascii=False))
    body["messages"] = [
        {"role": "system", "content": system},
        {"role": "user", "content": prompt.user},
    ]
    if "reasoning" in model.features:
        max_tokens += REASONING_TOKENS
    else:
        body["temperature"] = 0  # a model that thinks refuses it
    body["max_completion_tokens" if is_public(model) else "max_tokens"] = max_tokens
    return body


def is_public(model: Model) -> bool:
    """Whether it is OpenAI's own, which has words of its own."""
    host = urlsplit(model.base_url or PUBLIC_URL).hostname or ""
    return host == "api.openai.com" or host.endswith(".api.openai.com")
