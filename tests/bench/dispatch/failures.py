"""What becomes of a query when its first model fails, failure by failure."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests.bench.pages import table
from tests.e2e.dispatching import QUERIES, build, routes_folder
from tests.e2e.processes import running_server
from tests.llm_server import (
    Answer,
    Behaviour,
    ContentFilter,
    ContextOverflow,
    CutInTheMiddle,
    Fails,
    Hangs,
    LlmServer,
    MalformedJson,
    RateLimited,
    SlowFirstToken,
    refused_url,
)
from waypost_client.dispatch import Attempt, Dispatcher, DispatchError

FAILURES: Mapping[str, Behaviour] = {
    "429, Retry-After: 0.3": RateLimited("0.3"),
    "429, Retry-After: 30": RateLimited(30),
    "500": Fails(500),
    "slow first token (5 s; limit 1 s)": SlowFirstToken(5),
    "stream cut before its first piece": CutInTheMiddle(after=0),
    "stream cut in the middle": CutInTheMiddle("one two three four", after=2),
    "malformed JSON": MalformedJson(after=0),
    "hang (limit 1 s)": Hangs(),
    "content filter": ContentFilter(as_error=True),
    "context overflow": ContextOverflow(),
}
REFUSED = "connection refused"
DEADLINE_S = 6.0


async def failures_table(folder: Path) -> str:
    """A row for each failure: the calls that were made, and what the caller saw, in both ways."""
    with LlmServer() as llm, refused_url() as nobody:
        llm.always("second", Answer("a good answer"))
        models = {"first": "retries: 1", "second": "retries: 1", "nobody": "retries: 1"}
        routes = routes_folder(
            folder / "routes",
            llm,
            models=models,
            specialists={
                "travel": "{models: [first, second], first_token_timeout_ms: 1000}",
                "billing": "{models: [nobody, second]}",
            },
        )
        fleet = routes / "fleet.yaml"
        text = fleet.read_text("utf-8")
        at = f"model: nobody, base_url: '{llm.openai_url}'"
        fleet.write_text(text.replace(at, f"model: nobody, base_url: '{nobody}'"), "utf-8")
        build(routes, folder / "index")
        rows: list[list[str]] = []
        with running_server(folder / "index") as server:
            for title, behaviour in [*FAILURES.items(), (REFUSED, Hangs())]:
                llm.always("first", behaviour)
                query = QUERIES["billing" if title == REFUSED else "travel"]
                async with Dispatcher(server.address) as dispatcher:
                    await dispatcher.answer(QUERIES["billing"])  # loads the SDK
                    for way in ("answer", "stream"):
                        rows.append([title, way, *await _asked(dispatcher, query, way)])
    header = ["the first model", "asked by", "calls", "the caller saw", "after, s"]
    return table(header, rows)


async def _asked(dispatcher: Dispatcher, query: str, way: str) -> Iterator[str]:
    began = time.perf_counter()
    shown = ""
    try:
        if way == "answer":
            answer = await dispatcher.answer(query, timeout_s=DEADLINE_S)
            shown = answer.text
        else:
            async with dispatcher.stream(query, timeout_s=DEADLINE_S) as pieces:
                async for piece in pieces:
                    shown += piece
            answer = pieces.answer
        attempts, saw = answer.attempts, f'"{shown}"'
    except DispatchError as error:
        attempts, saw = error.attempts, f'"{shown}", then {type(error).__name__}'
    took = time.perf_counter() - began
    return iter([" then ".join(map(_line, attempts)), saw, f"{took:.2f}"])


def _line(attempt: Attempt) -> str:
    return f"{attempt.model}: {attempt.error or 'ok'} ({attempt.latency_s:.2f} s)"
