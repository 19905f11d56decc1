"""What the server can be told to do with a call; all times are in seconds."""

import json
import re
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Answer:
    """Answers.

    Attributes:
        text: the answer.
        pieces: how it is cut when it is streamed; empty for word by word.
        first_token_s: time until its first token; a stream's headers come at once.
        piece_s: time between its pieces.
        finish: why it stopped, in OpenAI's words: stop, length, content_filter, tool_calls.
        input_tokens: tokens that it says it read.
        output_tokens: tokens that it says it wrote; None for one a piece.
        cached_input_tokens: how many of the input tokens came from its cache.
        reports_usage: whether it says anything of tokens.
        logprobs: one for each token, given to a caller who asks for them.
        tool: name and arguments of a tool that it calls; None for none.
    """

    text: str = "ok"
    _: KW_ONLY
    pieces: tuple[str, ...] = ()
    first_token_s: float = 0.0
    piece_s: float = 0.0
    finish: str = "stop"
    input_tokens: int = 10
    output_tokens: int | None = None
    cached_input_tokens: int = 0
    reports_usage: bool = True
    logprobs: tuple[float, ...] = ()
    tool: tuple[str, Mapping[str, object]] | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        return self.pieces or tuple(re.findall(r"\S+\s*|\s+", self.text))

    @property
    def whole(self) -> str:
        return "".join(self.pieces) or self.text

    @property
    def written_tokens(self) -> int:
        return len(self.parts) if self.output_tokens is None else self.output_tokens


@dataclass(frozen=True, slots=True)
class SlowFirstToken:
    """Answers, after a while."""

    seconds: float
    text: str = "late"


@dataclass(frozen=True, slots=True)
class Fails:
    """Refuses the call with an HTTP status.

    Attributes:
        status: the status.
        code: the error's code or type.
        message: the error's text.
        headers: further headers.
        after_s: time until it does so.
    """

    status: int = 500
    code: str = "server_error"
    _: KW_ONLY
    message: str = "No."
    headers: Mapping[str, str] = field(default_factory=dict)
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class RateLimited:
    """429; `retry_after` is the header's value, a number or an HTTP date; None for no header."""

    retry_after: float | str | None = None
    header: str = "retry-after"


class Cut(StrEnum):
    """How a connection ends before its answer does."""

    CLOSED = "closed"
    RESET = "reset"
    ENDED = "ended"
    """The response is whole as HTTP has it; a stream's last event is missing."""


@dataclass(frozen=True, slots=True)
class CutInTheMiddle:
    """Begins to answer, then goes; a stream after `after` pieces."""

    text: str = "one two three four"
    after: int = 2
    how: Cut = Cut.CLOSED


@dataclass(frozen=True, slots=True)
class MalformedJson:
    """Answers with something that is no JSON; in a stream after `after` pieces."""

    text: str = "one two three four"
    after: int = 2


@dataclass(frozen=True, slots=True)
class Raw:
    """Answers with these bytes."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Flood:
    """Writes what it likes, and goes; more of it only when the client has read what came before.

    Attributes:
        head: bytes that come first, the status line among them.
        part: bytes that come over and over.
        most: bytes after which it goes; an attack that works ends there.
    """

    head: bytes
    part: bytes
    most: int = 64 << 20


@dataclass(frozen=True, slots=True)
class FailsInTheMiddle:
    """Tells of an error after `after` pieces of a stream; any other call gets a 500."""

    code: str = "server_error"
    text: str = "one two three four"
    after: int = 2


@dataclass(frozen=True, slots=True)
class Hangs:
    """Never ends; a stream after `after` pieces. With 0, not even the headers come."""

    after: int = 0
    text: str = "one two three four"


@dataclass(frozen=True, slots=True)
class ContentFilter:
    """Stops for what it said, after `text`; or refuses to say anything, with a 400."""

    text: str = ""
    as_error: bool = False


@dataclass(frozen=True, slots=True)
class ContextOverflow:
    """400: the prompt is too long, in the words of `dialect`.

    Attributes:
        dialect: "openai", "vllm", "llama.cpp", "llama-cpp-python" or "anthropic"; empty for that of
            the path that was called.
    """

    dialect: str = ""


@dataclass(frozen=True, slots=True)
class Escalates:
    """Says that the query is not its own: by the tool `escalate`, or in text."""

    reason: str = "not mine"
    as_text: bool = False

    @property
    def answer(self) -> Answer:
        if not self.as_text:
            return Answer("", finish="tool_calls", tool=("escalate", {"reason": self.reason}))
        return Answer(json.dumps({"escalate": True, "reason": self.reason}))


Behaviour = (
    Answer
    | SlowFirstToken
    | Fails
    | RateLimited
    | CutInTheMiddle
    | MalformedJson
    | Raw
    | Flood
    | FailsInTheMiddle
    | Hangs
    | ContentFilter
    | ContextOverflow
    | Escalates
)
