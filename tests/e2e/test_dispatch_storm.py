"""A thousand queries, a fifth of the calls failing, one model dead."""

import asyncio
import random
from collections import Counter
from pathlib import Path

from tests.e2e.dispatching import DEFAULT, QUERIES, build, routes_folder
from tests.e2e.processes import running_server
from tests.llm_server import (
    Answer,
    Behaviour,
    Call,
    ContentFilter,
    ContextOverflow,
    CutInTheMiddle,
    Escalates,
    Fails,
    Hangs,
    LlmServer,
    MalformedJson,
    RateLimited,
)
from waypost_client import AsyncClient
from waypost_client.dispatch import Dispatcher, DispatchError

COUNT = 1_000
AT_ONCE = 32
DEADLINE_S = 3.0
GRACE_S = 0.1
"""How much longer than its deadline a query may take, beside what the machine itself is late."""

FAILURES: tuple[Behaviour, ...] = (
    RateLimited("0.05"),
    RateLimited(5),
    Fails(500),
    Fails(503),
    CutInTheMiddle(after=0),
    CutInTheMiddle(after=2),
    MalformedJson(after=0),
    ContentFilter(as_error=True),
    ContextOverflow(),
    Escalates("not mine", as_text=True),
    Hangs(),
)
MODELS = {
    "dead": "retries: 0, breaker: {failures: 5, open_seconds: 60}",
    "first": "retries: 1, breaker: {failures: 50, open_seconds: 1}",
    "second": "retries: 1, breaker: {failures: 50, open_seconds: 1}",
}
SPECIALISTS = dict.fromkeys(QUERIES, "{models: [dead, first, second], max_calls: 6}") | {
    DEFAULT: "{models: [second, first]}"
}


async def test_every_query_ends_in_an_answer_or_in_one_clear_error(
    tmp_path: Path, llm: LlmServer
) -> None:
    fate = random.Random(5)  # noqa: S311

    def moody(call: Call) -> Behaviour:
        return fate.choice(FAILURES) if fate.random() < 0.2 else Answer("a good answer")

    llm.always("dead", Hangs())
    llm.always("first", moody)
    llm.always("second", moody)
    routes = routes_folder(tmp_path / "routes", llm, models=MODELS, specialists=SPECIALISTS)
    build(routes, tmp_path / "index")
    with running_server(tmp_path / "index") as server:
        async with (
            AsyncClient(server.address, timeout_s=20) as router,
            Dispatcher(server.address) as dispatcher,
        ):
            ends, overruns, lag = await _storm(dispatcher)
            decided = sum(len(contracts) for _, contracts, _ in ends)
            await llm.until(lambda: dispatcher.counts.reports_sent >= decided, within_s=30)
            status = await router.status()
            counts = dispatcher.counts
    kinds = Counter(kind for kind, _, _ in ends)
    assert sum(kinds.values()) == COUNT
    assert set(kinds) <= {
        "Answer",
        "NoAnswerError",
        "AnswerTooLateError",
        "RejectedError",
        "BrokenStreamError",
    }
    assert kinds["Answer"] > 0.9 * COUNT, kinds
    assert max(calls for _, _, calls in ends) <= 6

    # Those that were under way when the fifth failed, and not one more for a minute.
    assert len(llm.calls_of("dead")) <= 5 + AT_ONCE

    assert max(overruns) <= GRACE_S + lag, (max(overruns), lag)

    ids = [contract.decision_id for _, contracts, _ in ends for contract in contracts]
    assert len(ids) == len(set(ids)) == decided
    assert (counts.reports_sent, counts.reports_dropped) == (decided, 0)
    heard = sum(
        each.accepted + each.rejected + each.failed + each.not_called
        for each in status.route_outcomes
    )
    assert heard == decided
    assert status.decision_count == decided


async def _storm(
    dispatcher: Dispatcher,
) -> tuple[list[tuple[str, tuple, int]], list[float], float]:  # type: ignore[type-arg]
    """How each query ended, how late each was, and how late the event loop was at worst."""
    clock = asyncio.get_running_loop().time
    room = asyncio.Semaphore(AT_ONCE)
    overruns: list[float] = []
    lag = 0.0

    async def watch() -> None:
        nonlocal lag
        while True:
            before = clock()
            await asyncio.sleep(0.01)
            lag = max(lag, clock() - before - 0.01)

    async def one(number: int) -> tuple[str, tuple, int]:  # type: ignore[type-arg]
        query = list(QUERIES.values())[number % len(QUERIES)]
        async with room:
            began = clock()
            try:
                if number % 2:
                    answer = await dispatcher.answer(query, timeout_s=DEADLINE_S)
                else:
                    async with dispatcher.stream(query, timeout_s=DEADLINE_S) as pieces:
                        shown = [piece async for piece in pieces]
                    answer = pieces.answer
                    assert "".join(shown) == answer.text
                return "Answer", answer.contracts, _calls(answer.attempts)
            except DispatchError as error:
                return type(error).__name__, error.contracts, _calls(error.attempts)
            finally:
                overruns.append(clock() - began - DEADLINE_S)

    watching = asyncio.create_task(watch())
    ends = await asyncio.gather(*(one(number) for number in range(COUNT)))
    watching.cancel()
    return ends, overruns, lag


def _calls(attempts: tuple) -> int:  # type: ignore[type-arg]
    return sum(attempt.error != "breaker_open" for attempt in attempts)
