"""A server of the tests: speaks OpenAI's and Anthropic's wire formats and does as it is told.

    with LlmServer() as llm:
        llm.script("small", RateLimited(2), CutInTheMiddle("half an answer"))  # one call each
        llm.always("small", Answer("Hello, world"))  # every call after those
        llm.always("flaky", lambda call: Fails(500) if call.number % 5 == 0 else Answer("ok"))
        ...  # call it: base_url=llm.openai_url, or base_url=llm.anthropic_url
        assert [call.model for call in llm.calls] == ["small"] * 3
        assert llm.calls[0].body["messages"][-1]["content"] == "Hi"
        await llm.until(lambda: llm.calls[-1].hung_up)  # the client went before the end

It runs in a thread of its own, so that synchronous and asynchronous tests use it alike. A model
that has no script answers "ok". `pytest` has it as the fixture `llm`.
"""

from tests.llm_server._behaviours import (
    Answer,
    Behaviour,
    ContentFilter,
    ContextOverflow,
    Cut,
    CutInTheMiddle,
    Escalates,
    Fails,
    FailsInTheMiddle,
    Flood,
    Hangs,
    MalformedJson,
    RateLimited,
    Raw,
    SlowFirstToken,
)
from tests.llm_server._call import Call
from tests.llm_server._server import LlmServer, refused_url

__all__ = [
    "Answer",
    "Behaviour",
    "Call",
    "ContentFilter",
    "ContextOverflow",
    "Cut",
    "CutInTheMiddle",
    "Escalates",
    "Fails",
    "FailsInTheMiddle",
    "Flood",
    "Hangs",
    "LlmServer",
    "MalformedJson",
    "RateLimited",
    "Raw",
    "SlowFirstToken",
    "refused_url",
]
