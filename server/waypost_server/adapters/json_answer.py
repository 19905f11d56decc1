"""JSON in what a language model says."""

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from waypost_server.core.errors import MalformedAnswerError

MAX_ANSWER = 16_384
"""Characters that are looked at; the tokens asked for make far fewer."""

_FENCED = re.compile(r"```(?:json)?\s*+(.*?)```", re.DOTALL)


def answer_in(completion: Any, schema: Mapping[str, Any], where: str) -> Any:  # noqa: ANN401
    """The answer in a chat completion.

    Args:
        completion: the SDK's, whose fields may hold anything.
        schema: what the answer must fit.
        where: who said it, fit to be shown.

    Raises:
        MalformedAnswerError: there is none, or it does not fit; without its words.
    """
    message = completion.choices[0].message
    calls = message.tool_calls
    said = calls[0].function.arguments if calls else message.content
    if not isinstance(said, str):
        raise MalformedAnswerError(f"{where} said nothing")
    answer = _parsed(said[:MAX_ANSWER], where)
    if not _fits(answer, schema):
        raise MalformedAnswerError(f"what {where} said does not fit the schema")
    return answer


def _parsed(said: str, where: str) -> Any:  # noqa: ANN401  (what JSON knows)
    """The JSON itself, or the first one in words or fences around it."""
    fenced = _FENCED.search(said)
    text = fenced[1] if fenced else said
    begins = text.find("{")
    try:
        answer, _ = _DECODER.raw_decode(text, max(begins, 0))
    except (ValueError, RecursionError):
        raise MalformedAnswerError(f"what {where} said is no JSON") from None
    return answer


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _fraction(said: str) -> float:
    """A number; raises ValueError for one that no contract carries."""
    number = float(said)
    if not math.isfinite(number):
        raise ValueError("it is beyond what a double holds")
    return number


def _whole(said: str) -> int:
    _fraction(said)
    return int(said)


_DECODER = json.JSONDecoder(parse_constant=_refused, parse_float=_fraction, parse_int=_whole)


def _fits(answer: Any, schema: Mapping[str, Any]) -> bool:  # noqa: ANN401
    from jsonschema import Draft202012Validator  # takes 0.1 s, and most servers ask nobody

    return Draft202012Validator(schema).is_valid(answer)
