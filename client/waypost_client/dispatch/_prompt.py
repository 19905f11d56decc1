"""Puts a prompt together: what never changes first, so that providers can keep it."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from waypost_client.dispatch._messages import Message, Prompt, Role

_HEADING = "Parameters of the request:"
_KEY_LETTERS = 32
"""Of a hash's 64: OpenAI takes keys of up to 64 letters, and half of them tell prompts apart."""


def prompt_for(
    *,
    static: str,
    prompt_sha256: str,
    params: Mapping[str, Any],
    dialogue: Iterable[Message],
    query: str,
) -> Prompt:
    """What a specialist is given.

    Args:
        static: the specialist's system prompt.
        prompt_sha256: its hash, in hexadecimal digits.
        params: what was extracted from the query.
        dialogue: what was said before.
        query: the query.
    """
    return Prompt(
        static=static,
        params=_written(params),
        messages=(*dialogue, Message(Role.USER, query)),
        cache_key=f"waypost-{prompt_sha256[:_KEY_LETTERS]}",
    )


def _written(params: Mapping[str, Any]) -> str:
    if not params:
        return ""
    return f"{_HEADING}\n{json.dumps(params, ensure_ascii=False, sort_keys=True)}"
