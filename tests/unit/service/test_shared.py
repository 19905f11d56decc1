"""Several processes' shares in one state, and a state that goes away."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from itertools import count

import pytest

from waypost_server.adapters.memory_state import MemoryState
from waypost_server.core.breakers import Breakers
from waypost_server.core.catalog import Catalog, Model, Route, Taxonomy
from waypost_server.core.errors import InvalidQueryError, SharedStateError, UnknownRouteError
from waypost_server.core.report import Attempt
from waypost_server.core.shared_state import NEVER, Process, Revisions
from waypost_server.core.switches import NOTHING_OFF, Kind, Off, Switches, Target
from waypost_server.service.caller import ANYBODY, Caller, set_caller
from waypost_server.service.shared import HEED_SECONDS, Answer, Shared

DEFAULT = "general"
POETRY, SMALL = Target(Kind.ROUTE, "poetry"), Target(Kind.MODEL, "small")
MODELS = ("small", "large")
CATALOG = Catalog(
    taxonomy=Taxonomy(default_route=DEFAULT),
    routes={name: Route(name=name) for name in ("poetry", "prose", DEFAULT)},
    models={name: Model(name=name, provider="openai", model_id="x") for name in MODELS},
)
PATIENCE_SECONDS = 10.0


class Wire:
    """A process's way to a state, which may be cut, or slow."""

    def __init__(self, state: MemoryState) -> None:
        self.state = state
        self.is_cut = False
        self.slow_seconds = 0.0
        self.bug: Exception | None = None
        self.asked: Counter[str] = Counter()

    def __getattr__(self, name: str) -> object:
        self.asked[name] += 1
        if self.is_cut and name not in ("wake", "close"):
            raise SharedStateError("the wire is cut")
        if self.bug and name == "revisions":
            raise self.bug
        return getattr(self.state, name)

    def switches(self) -> Switches:
        """The way to the process is long."""
        time.sleep(self.slow_seconds)
        return self.state.switches()

    def beat(self, process: Process, revision: int) -> None:
        """So is the way back of what it is answered, while others know already."""
        self.__getattr__("beat")(process, revision)  # type: ignore[operator]
        time.sleep(self.slow_seconds)


class One:
    """A process."""

    numbers = count()

    def __init__(self, state: MemoryState) -> None:
        number = next(self.numbers)
        self.wire = Wire(MemoryState(beside=state))
        self.breakers = Breakers(time.monotonic)
        self.process = Process(process_id=f"box-{number}", host="box", pid=number)
        self.shared = Shared(self.wire, self.breakers, self.process)  # type: ignore[arg-type]

    def hears(self, model: str, *, succeeded: bool = False, open_ms: int = 0) -> None:
        attempt = Attempt(
            model=model, succeeded=succeeded, breaker_open=not succeeded, breaker_open_ms=open_ms
        )
        self.breakers.hear(attempt, MODELS)

    @property
    def left_out(self) -> set[str]:
        return {*self.breakers.left_out()}


@asynccontextmanager
async def together(state: MemoryState, how_many: int) -> AsyncIterator[Sequence[One]]:
    processes = [One(state) for _ in range(how_many)]
    for process in processes:
        await process.shared.start()
    yield processes
    for process in processes:
        await process.shared.stop()


@pytest.fixture
def state() -> MemoryState:
    return MemoryState()


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it has not come about"
        await asyncio.sleep(0.005)


async def test_once_a_switch_is_answered_every_process_heeds_it(state: MemoryState) -> None:
    async with together(state, 3) as (one, two, three):
        # Longer than any thread of theirs would take by chance, and less than a switch waits.
        three.wire.slow_seconds = HEED_SECONDS / 8
        for enabled in (False, True, False):
            answer = await one.shared.switch(POETRY, CATALOG, enabled=enabled, note="drill")
            off = frozenset() if enabled else frozenset({"poetry"})
            heeded = [each.shared.off(CATALOG).routes for each in (one, two, three)]
            assert heeded == [off] * 3
            assert answer == Answer(was_enabled=not enabled, pending=0)
        assert {peer.revision for peer in state.peers()} == {3}


async def test_what_is_off_is_worked_out_once_a_change_and_a_version(state: MemoryState) -> None:
    async with together(state, 1) as (one,):
        shared = one.shared
        assert shared.off(CATALOG) is NOTHING_OFF
        await shared.switch(SMALL, CATALOG, enabled=False, note="")
        first = shared.off(CATALOG)
        assert first == Off(models=frozenset({"small"}))
        assert shared.off(CATALOG) is first
        await shared.switch(POETRY, CATALOG, enabled=False, note="")
        assert shared.off(CATALOG) == Off(frozenset({"poetry"}), frozenset({"small"}))
        other = Catalog(taxonomy=Taxonomy(default_route="poetry"), routes=CATALOG.routes)
        assert shared.off(other).routes == frozenset()


async def test_who_calls_and_why_is_kept(state: MemoryState) -> None:
    async with together(state, 1) as (one,):
        set_caller(Caller(name="ada"))
        await one.shared.switch(POETRY, CATALOG, enabled=False, note="it drifts")
        await one.shared.audit("activate", "0123", note="rollback", before="4567", after="0123")
        set_caller(ANYBODY)
        first, second = (audited.act for audited in state.audited())
        assert (first.who, first.target, first.note) == ("ada", "poetry", "it drifts")
        assert (second.who, second.act, second.before, second.after) == (
            *("ada", "activate"),
            *("4567", "0123"),
        )
        assert one.shared.switches.off[POETRY].who == "ada"


async def test_the_log_says_who_switched_or_that_it_was_somebody_without_a_token(
    state: MemoryState, caplog: pytest.LogCaptureFixture
) -> None:
    async with together(state, 1) as (one,):
        await one.shared.switch(POETRY, CATALOG, enabled=False, note="drill")
        set_caller(Caller(name="ada"))
        await one.shared.switch(POETRY, CATALOG, enabled=True, note="over")
        set_caller(ANYBODY)
    assert [message for message in caplog.messages if " is switched " in message] == [
        "route poetry is switched off by somebody without a token: 'drill'",
        "route poetry is switched on by 'ada': 'over'",
    ]


@pytest.mark.parametrize(
    ("target", "note", "error", "said"),
    [
        (POETRY, "é" * 513, InvalidQueryError, "note is 1,026 bytes in UTF-8; the limit is 1,024"),
        (POETRY, "a\0b", InvalidQueryError, "note has a NUL character"),
        (Target(Kind.ROUTE, "poems"), "", UnknownRouteError, "no route is called 'poems'"),
    ],
)
async def test_what_is_refused_leaves_no_trace(
    state: MemoryState, target: Target, note: str, error: type[Exception], said: str
) -> None:
    async with together(state, 1) as (one,):
        with pytest.raises(error, match=said):
            await one.shared.switch(target, CATALOG, enabled=False, note=note)
    assert (state.audited(), state.switches()) == ([], Switches())


async def test_a_process_that_does_not_answer_is_pending_and_catches_up_by_itself(
    state: MemoryState, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with together(state, 2) as (one, two):
        two.wire.is_cut = True
        state.hint("x", None)  # ends its wait
        await until(lambda: two.shared.problem != "")
        began = time.monotonic()
        answer = await one.shared.switch(POETRY, CATALOG, enabled=False, note="")
        assert answer == Answer(was_enabled=True, pending=1)
        assert time.monotonic() - began >= HEED_SECONDS
        assert two.shared.problem == "the wire is cut"
        assert two.shared.off(CATALOG) is NOTHING_OFF
        with pytest.raises(SharedStateError, match="the wire is cut"):
            await two.shared.switch(POETRY, CATALOG, enabled=False, note="")
        two.wire.is_cut = False
        await until(lambda: two.shared.off(CATALOG).routes == {"poetry"})
        await until(lambda: two.shared.problem == "")
        again = await one.shared.switch(POETRY, CATALOG, enabled=False, note="")
        assert again == Answer(was_enabled=False, pending=0)
    said = [record.message for record in caplog.records if record.levelno >= logging.ERROR]
    assert said == ["the last switches stay in force: the wire is cut"]
    assert "the database that processes share can be used again" in caplog.messages


async def test_a_bug_is_a_problem_until_it_is_over(state: MemoryState) -> None:
    async with together(state, 1) as (one,):
        one.wire.bug = ZeroDivisionError("private")
        state.hint("x", None)  # ends its wait
        await until(lambda: one.shared.problem == "a bug of ours: ZeroDivisionError")
        one.wire.bug = None
        await until(lambda: one.shared.problem == "")


async def test_nobody_waits_for_the_silent_but_they_count_until_they_are_forgotten(
    state: MemoryState,
) -> None:
    now = time.time()
    for silent in (10.0, 50.0, 70.0):
        other = Process(process_id=f"other-{silent}", host="box", pid=9)
        MemoryState(lambda at=now - silent: at, beside=state).beat(other, NEVER)  # type: ignore[misc]
    async with together(state, 1) as (one,):
        one.wire.asked.clear()
        answer = await one.shared.switch(POETRY, CATALOG, enabled=False, note="")
        assert answer == Answer(was_enabled=True, pending=2)
        assert one.wire.asked["peers"] < 10  # to wait would be 200 looks
        assert one.shared.processes == 1


async def test_nobody_waits_for_a_process_that_left(state: MemoryState) -> None:
    async with together(state, 1) as (one,):
        async with together(state, 1) as (two,):
            assert {peer.process for peer in state.peers()} == {one.process, two.process}
        assert [peer.process for peer in state.peers()] == [one.process]
        answer = await one.shared.switch(POETRY, CATALOG, enabled=False, note="")
        assert answer.pending == 0


async def test_a_process_knows_the_switches_before_it_has_started(state: MemoryState) -> None:
    state.switch(POETRY, enabled=False, who="", note="")
    async with together(state, 1) as (one,):
        assert one.shared.off(CATALOG).routes == {"poetry"}
        assert [peer.revision for peer in state.peers()] == [1]


async def test_without_its_state_a_process_starts_only_if_it_is_told_to(
    state: MemoryState,
) -> None:
    state.switch(POETRY, enabled=False, who="", note="")
    careful, told = One(state), One(state)
    careful.wire.is_cut = told.wire.is_cut = True
    with pytest.raises(SharedStateError, match=r"^the wire is cut; mend it or name another with "):
        await careful.shared.start()
    await told.shared.start(required=False)
    assert told.shared.problem == "the wire is cut"
    assert told.shared.off(CATALOG) is NOTHING_OFF
    told.wire.is_cut = False
    await until(lambda: told.shared.off(CATALOG).routes == {"poetry"})
    await told.shared.stop()


async def test_switches_that_went_back_are_taken_and_told(
    state: MemoryState, caplog: pytest.LogCaptureFixture
) -> None:
    async with together(state, 1) as (one,):
        await one.shared.switch(POETRY, CATALOG, enabled=False, note="")
        one.wire.state = MemoryState()
        state.hint("small", None)
        await until(lambda: one.shared.switches.revision == 0)
        assert one.shared.off(CATALOG) is NOTHING_OFF
    assert any("went back from revision 1 to 0" in message for message in caplog.messages)


async def test_an_open_breaker_is_left_out_by_all_until_anyone_hears_of_a_success(
    state: MemoryState,
) -> None:
    async with together(state, 2) as (one, two):
        one.hears("small", open_ms=60_000)
        one.hears("large", open_ms=60_000)
        await until(lambda: two.left_out == {"small", "large"})
        assert two.breakers.left_out()["small"].endswith("as reported 0 s ago")
        two.hears("small", succeeded=True)
        assert two.left_out == {"large"}
        await until(lambda: one.left_out == {"large"})
        assert {*state.hints().open} == {"large"}


async def test_an_open_breaker_ends_after_its_time_everywhere(state: MemoryState) -> None:
    async with together(state, 2) as (one, two):
        one.hears("small", open_ms=300)
        await until(lambda: two.left_out == {"small"})
        await until(lambda: not one.left_out)
        await until(lambda: not two.left_out)


async def test_a_process_that_starts_later_leaves_out_what_is_open(state: MemoryState) -> None:
    async with together(state, 1) as (one,):
        one.hears("small", open_ms=60_000)
        await until(lambda: state.revisions() == Revisions(breakers=1))
        async with together(state, 1) as (late,):
            await until(lambda: late.left_out == {"small"})


async def test_words_on_breakers_wait_for_the_state_and_stale_ones_are_not_told(
    state: MemoryState,
) -> None:
    async with together(state, 2) as (one, two):
        one.wire.is_cut = True
        state.hint("x", None)  # ends its wait
        await until(lambda: one.shared.problem != "")
        one.hears("small", open_ms=60_000)
        one.hears("large", open_ms=1)
        assert one.left_out >= {"small"}
        await asyncio.sleep(0.01)
        assert not two.left_out
        one.wire.is_cut = False
        await until(lambda: two.left_out == {"small"})
        assert one.left_out == {"small"}
        assert state.hints().revision == 2  # one of them ended the wait


async def test_a_success_with_a_model_that_is_not_left_out_is_not_told(state: MemoryState) -> None:
    async with together(state, 1) as (one,):
        one.hears("small", succeeded=True)
        await asyncio.sleep(0.05)
        assert state.revisions() == Revisions()
