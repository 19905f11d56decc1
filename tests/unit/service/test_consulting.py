"""Who is asked, how often, how long, and what is said of failures."""

import asyncio
import logging
from dataclasses import replace

import pytest

from tests.unit.service.models import FakeModel, free
from waypost_server.core.catalog import Model
from waypost_server.core.clues import Clues
from waypost_server.core.consultation import Consultation, Purpose, Result
from waypost_server.core.errors import (
    MalformedAnswerError,
    ModelRefusedError,
    ModelTimeoutError,
    ModelUnreachableError,
)
from waypost_server.core.language_model import Prompt
from waypost_server.core.policy import Breaker
from waypost_server.core.query import Query
from waypost_server.core.switches import Off
from waypost_server.service.consulting import Consulting

MODEL = Model(
    name="small",
    provider="openai",
    model_id="x",
    tags=("local", "cheap"),
    breaker=Breaker(failures=2, open_ms=10_000),
)
QUERY = Query(text="x")


class Asking:
    def __init__(self, says: object = "yes") -> None:
        self.now = 0
        self.model = FakeModel(says)
        self.consulting = Consulting(self.model, paying=free(), clock=lambda: self.now)

    async def ask(
        self,
        query: Query = QUERY,
        *,
        model: Model = MODEL,
        left: float | None = None,
        at_once: int = 2,
    ) -> Consultation:
        return await self.consulting.ask(
            model,
            Prompt("s", "u"),
            {},
            purpose=Purpose.PARAMS,
            query=query,
            deadline_seconds=1.0,
            left_seconds=left,
            max_concurrent=at_once,
            max_tokens=10,
        )


async def test_an_answer_comes_back_with_how_long_it_took() -> None:
    asking = Asking()
    asking.model.gate.clear()
    answer = asyncio.create_task(asking.ask())
    await asyncio.sleep(0)
    asking.now = 5_000_000
    asking.model.gate.set()
    assert await answer == Consultation(
        purpose=Purpose.PARAMS,
        model="small",
        result=Result.ANSWERED,
        took_ns=5_000_000,
        answer="yes",
    )


@pytest.mark.parametrize(
    ("left", "given"), [(None, 1.0), (10.0, 1.0), (0.5, pytest.approx(0.4)), (0.1, 0.08)]
)
async def test_the_callers_deadline_counts_and_leaves_time_for_the_way_back(
    left: float | None, given: float
) -> None:
    asking = Asking()
    assert (await asking.ask(left=left)).result is Result.ANSWERED
    assert asking.model.asked[0][1] == pytest.approx(given)


async def test_with_no_time_left_nobody_is_asked() -> None:
    asking = Asking()
    for left in (0.024, 0.0, -1.0):
        assert (await asking.ask(left=left)).result is Result.TOO_LATE
    assert asking.model.asked == []


@pytest.mark.parametrize(
    ("query", "model", "result"),
    [
        (replace(QUERY, clues=Clues(required_tags=frozenset({"local"}))), MODEL, Result.ANSWERED),
        (
            replace(QUERY, clues=Clues(required_tags=frozenset({"local"}))),
            replace(MODEL, tags=("hosted",)),
            Result.NOT_ALLOWED,
        ),
        (replace(QUERY, off=Off(models=frozenset({"small"}))), MODEL, Result.NOT_ALLOWED),
        (replace(QUERY, off=Off(models=frozenset({"other"}))), MODEL, Result.ANSWERED),
        (QUERY, replace(MODEL, enabled=False), Result.NOT_ALLOWED),
    ],
)
async def test_a_query_that_must_not_leave_and_a_model_that_is_off(
    query: Query, model: Model, result: Result
) -> None:
    asking = Asking()
    assert (await asking.ask(query, model=model)).result is result
    assert len(asking.model.asked) == (result is Result.ANSWERED)


async def test_no_more_than_so_many_at_a_time() -> None:
    asking = Asking()
    asking.model.gate.clear()
    calls = [asyncio.create_task(asking.ask()) for _ in range(3)]
    await asyncio.sleep(0)
    other = replace(MODEL, name="another")
    another = asyncio.create_task(asking.ask(model=other))
    await asyncio.sleep(0)
    asking.model.gate.set()
    results = [(await call).result for call in (*calls, another)]
    assert results == [Result.ANSWERED, Result.ANSWERED, Result.FULL, Result.ANSWERED]
    assert (await asking.ask()).result is Result.ANSWERED  # there is room again


async def test_a_caller_who_goes_away_leaves_the_room_and_no_failure() -> None:
    asking = Asking()
    asking.model.gate.clear()
    for _ in range(5):
        call = asyncio.create_task(asking.ask(at_once=1))
        await asyncio.sleep(0)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    asking.model.gate.set()
    assert (await asking.ask(at_once=1)).result is Result.ANSWERED


FAILURES = {
    Result.TIMEOUT: ModelTimeoutError("late"),
    Result.UNREACHABLE: ModelUnreachableError("gone"),
    Result.REFUSED: ModelRefusedError("no"),
    Result.MALFORMED: MalformedAnswerError("blah"),
    Result.BROKEN: RuntimeError("what tenant acme asked"),
}


@pytest.mark.parametrize("result", FAILURES)
async def test_failures_open_the_breaker_and_a_probe_closes_it(result: Result) -> None:
    asking = Asking(FAILURES[result])
    assert [(await asking.ask()).result for _ in range(4)] == [
        result,
        result,
        Result.BREAKER_OPEN,
        Result.BREAKER_OPEN,
    ]
    assert len(asking.model.asked) == 2
    asking.now += 10_000_000_000
    assert [(await asking.ask()).result for _ in range(2)] == [result, Result.BREAKER_OPEN]
    asking.now += 10_000_000_000
    asking.model.says = "yes"
    assert [(await asking.ask()).result for _ in range(2)] == [Result.ANSWERED] * 2


async def test_callers_in_a_hurry_open_no_breaker() -> None:
    asking = Asking(ModelTimeoutError("late"))
    for _ in range(5):
        assert (await asking.ask(left=0.1)).result is Result.TIMEOUT
    assert len(asking.model.asked) == 5


async def test_a_spell_of_failures_is_two_lines_without_the_query(
    caplog: pytest.LogCaptureFixture,
) -> None:
    asking = Asking(FAILURES[Result.BROKEN])
    with caplog.at_level(logging.DEBUG):
        for _ in range(2):
            await asking.ask()
        asking.now += 10_000_000_000
        asking.model.says = "yes"
        for _ in range(2):
            await asking.ask()
        asking.model.says = ModelUnreachableError("nobody answers at http://x")
        await asking.ask()
    assert [record.getMessage() for record in caplog.records] == [
        "model small was asked in vain: RuntimeError in Waypost; decisions go on without it",
        "model small answers again",
        "model small was asked in vain: nobody answers at http://x; decisions go on without it",
    ]
