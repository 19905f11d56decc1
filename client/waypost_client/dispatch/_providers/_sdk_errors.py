"""What the SDKs raise, as ModelErrors whose text holds nothing that a user or a server wrote."""

import email.utils
import math
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from waypost_client.dispatch._failures import FailureKind, ModelError

_STATUSES = {
    401: FailureKind.NOT_AUTHORISED,
    402: FailureKind.NOT_AUTHORISED,
    403: FailureKind.NOT_AUTHORISED,
    408: FailureKind.TIMEOUT,
    413: FailureKind.CONTEXT_OVERFLOW,
    429: FailureKind.RATE_LIMITED,
}
"""Other statuses from 500 on are SERVER_ERROR, all others BAD_REQUEST."""

_WORDS = {
    # OpenAI, llama.cpp's server, llama-cpp-python, vLLM, Anthropic, in this order.
    "context_length_exceeded": FailureKind.CONTEXT_OVERFLOW,
    "exceed_context_size": FailureKind.CONTEXT_OVERFLOW,
    "exceed context window": FailureKind.CONTEXT_OVERFLOW,
    "maximum context length": FailureKind.CONTEXT_OVERFLOW,
    "prompt is too long": FailureKind.CONTEXT_OVERFLOW,
    # OpenAI and Azure.
    "content_filter": FailureKind.CONTENT_FILTER,
    "content_policy_violation": FailureKind.CONTENT_FILTER,
}
"""What a refusal's code, type or text says; it outweighs the status."""

_TYPES = {
    "rate_limit": FailureKind.RATE_LIMITED,
    "insufficient_quota": FailureKind.RATE_LIMITED,
    "timeout": FailureKind.TIMEOUT,
    "invalid_request": FailureKind.BAD_REQUEST,
    "badrequest": FailureKind.BAD_REQUEST,
    "not_found": FailureKind.BAD_REQUEST,
    "authentication": FailureKind.NOT_AUTHORISED,
    "permission": FailureKind.NOT_AUTHORISED,
}
"""How an error's code or type begins that comes in a stream, so without a status of its own."""

_EXCEPTIONS = {
    "ConnectError": FailureKind.UNREACHABLE,
    # Nothing was sent, so it is no timeout of the model.
    "ConnectTimeout": FailureKind.UNREACHABLE,
    "ProxyError": FailureKind.UNREACHABLE,
    "UnsupportedProtocol": FailureKind.BAD_REQUEST,
    "InvalidURL": FailureKind.BAD_REQUEST,
    "TooManyRedirects": FailureKind.BAD_REQUEST,
    "RedirectedElsewhereError": FailureKind.BAD_REQUEST,
    "DecodingError": FailureKind.MALFORMED,
    "TimeoutException": FailureKind.TIMEOUT,
    "TransportError": FailureKind.CUT,
    "SSLError": FailureKind.CUT,
    "EndOfStream": FailureKind.CUT,
    "APITimeoutError": FailureKind.TIMEOUT,
    "APIConnectionError": FailureKind.CUT,
    "APIResponseValidationError": FailureKind.MALFORMED,
    # What reading an answer of the wrong shape leads to, JSONDecodeError among them.
    "ValueError": FailureKind.MALFORMED,
    "TypeError": FailureKind.MALFORMED,
    "LookupError": FailureKind.MALFORMED,
    "AttributeError": FailureKind.MALFORMED,
    "ArithmeticError": FailureKind.MALFORMED,
    "RecursionError": FailureKind.MALFORMED,
}
"""By name, because the SDKs run on httpx or httpx2; the nearest class in the family counts."""

_CODE = re.compile(r"[a-z][a-z_]{2,47}")
"""A code that may be shown: one word, without digits, so no key."""


class SdkErrors:
    """Turns what is raised in its block into ModelErrors.

    Args:
        where: the address that was called, fit to be shown.
    """

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, Exception) and not isinstance(error, ModelError):
            # Not "from error": its text may quote the query.
            raise model_error(error, self._where) from None


def model_error(error: Exception, where: str) -> ModelError:
    """What an SDK's exception means."""
    if found := _by_exception(error):
        kind, name = found
        return ModelError(kind, f"{kind}: {name} from {where}")
    details = _details(getattr(error, "body", None))
    status = getattr(error, "status_code", None)
    if status is None or status < 400:
        kind = _by_word(details) or _by_type(details)
        return ModelError(kind, f"error {_code(details)} in the answer from {where}")
    kind = (_by_word(details) if status != 429 else None) or _by_status(status)
    headers = error.response.headers if hasattr(error, "response") else {}
    return ModelError(
        kind,
        f"{kind}: HTTP {status} {_code(details)} from {where}",
        retry_after_s=retry_after_s(headers),
    )


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """How many seconds a response asks to wait; None when it does not say."""
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        value = headers.get(name, "")
        seconds = _number(value, unit) if value else None
        if seconds is None and value and unit == 1.0:
            seconds = _until(value)
        if seconds is not None:
            return max(seconds, 0.0)
    return None


def _number(value: str, unit: float) -> float | None:
    try:
        seconds = float(value) * unit
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None


def _until(value: str) -> float | None:
    try:
        then = email.utils.parsedate_to_datetime(value)
    except (ArithmeticError, ValueError):  # numbers of a stranger, of any size
        return None
    then = then if then.tzinfo else then.replace(tzinfo=UTC)
    return (then - datetime.now(UTC)).total_seconds()


def _by_exception(error: Exception) -> tuple[FailureKind, str] | None:
    """The kind, and the name of the exception that says so; None for what tells more itself."""
    for link in (error.__cause__, error):
        for family in type(link).__mro__:
            if family.__name__ in _EXCEPTIONS:
                return _EXCEPTIONS[family.__name__], type(link).__name__
    # The SDKs' own errors tell more; what is neither theirs nor known is a fault of ours.
    return None if hasattr(error, "body") else (FailureKind.BROKEN, type(error).__name__)


def _details(body: object) -> list[str]:
    """Code, type and text of an error, in small letters; the last may quote the query."""
    error = _only(body)
    if isinstance(error, Mapping):
        error = _only(error.get("error", error))
    if not isinstance(error, Mapping):
        return ["", "", _word(error)]
    return [_word(error.get(name)) for name in ("code", "type", "message")]


def _only(said: object) -> object:
    """What a list holds that some gateways put around their one error."""
    return said[0] if isinstance(said, list) and len(said) == 1 else said


def _word(said: object) -> str:
    """What a gateway says, in whatever form; empty for nothing, and for what is too deep."""
    try:
        return str(said or "").casefold()
    except RecursionError:
        return ""


def _by_word(details: Iterable[str]) -> FailureKind | None:
    text = "\n".join(details)
    return next((kind for word, kind in _WORDS.items() if word in text), None)


def _by_type(details: list[str]) -> FailureKind:
    for name in details[:2]:
        if name.isdecimal() and len(name) < 10:
            return _by_status(int(name))
        for beginning, kind in _TYPES.items():
            if name.startswith(beginning):
                return kind
    return FailureKind.SERVER_ERROR


def _by_status(status: int) -> FailureKind:
    default = FailureKind.SERVER_ERROR if status >= 500 else FailureKind.BAD_REQUEST
    return _STATUSES.get(status, default)


def _code(details: list[str]) -> str:
    return next((name for name in details[:2] if _CODE.fullmatch(name)), "without a code")
