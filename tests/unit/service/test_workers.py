"""The queue in front of the encoder: bounded, fair to those who wait, quick to forget the rest."""

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests.fakes import HashEncoder
from tests.unit.service.engines import (
    PRIVATE,
    EngineWorkers,
    GatedEncoder,
    ask,
    engine_of,
    serving,
)
from waypost_server.core.errors import (
    EncoderError,
    InvalidQueryError,
    OverloadedError,
    TooLateError,
)
from waypost_server.core.first_stage import FirstStage, Gate
from waypost_server.core.outcome import Reason, Stage
from waypost_server.core.ports import Encodings
from waypost_server.core.query import Query
from waypost_server.service.admission import DEGRADED_AFTER_SECONDS, Admission
from waypost_server.service.routed import Routed
from waypost_server.service.workers import ON_LOOP


class NotingEncoder(HashEncoder):
    """Notes in which thread each text is encoded."""

    def __init__(self) -> None:
        super().__init__()
        self.asked_in: list[threading.Thread] = []

    def encode(self, texts: Sequence[str]) -> Encodings:
        self.asked_in.append(threading.current_thread())
        return super().encode(texts)


@pytest.fixture
def encoder() -> GatedEncoder:
    return GatedEncoder()


@pytest.fixture
def workers(encoder: GatedEncoder, tmp_path: Path) -> Iterator[EngineWorkers]:
    """One thread, three places; its encoder has forgotten the build and is shut."""
    made = EngineWorkers(engine_of(encoder, tmp_path), threads=1, capacity=3)
    encoder.encoded.clear()
    encoder.runs.clear()
    encoder.gate.clear()
    yield made
    encoder.gate.set()
    made.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  (workers signal nothing; they are looked at)
            await asyncio.sleep(0.005)


async def running(workers: EngineWorkers, text: str) -> asyncio.Task[Routed]:
    """A query that a thread has."""
    task = asyncio.create_task(workers.ask(Query(text=text)))
    before = workers.running
    await until(lambda: workers.running == before + 1)
    return task


async def test_a_full_queue_refuses_and_takes_again_once_there_is_room(
    workers: EngineWorkers, encoder: GatedEncoder
) -> None:
    taken = [await running(workers, "a")]
    taken += [asyncio.create_task(workers.ask(Query(text=text))) for text in "bc"]
    await until(lambda: workers.queue_depth == 2)
    with pytest.raises(OverloadedError, match="3 queries are waiting or running"):
        await workers.ask(Query(text="one too many"))
    encoder.gate.set()
    routed = await asyncio.gather(*taken)
    assert [r.query.text for r in routed] == ["a", "b", "c"]
    assert (await workers.ask(Query(text="d"))).query.text == "d"
    assert encoder.encoded == ["a", "b", "c", "d"]
    assert (workers.decision_count, workers.queue_depth) == (4, 0)


async def test_a_waiting_query_whose_caller_went_away_is_not_computed(
    workers: EngineWorkers, encoder: GatedEncoder
) -> None:
    first = await running(workers, "first")
    second, third = (
        asyncio.create_task(workers.ask(Query(text=text))) for text in ("second", "third")
    )
    await until(lambda: workers.queue_depth == 2)
    second.cancel()
    await until(lambda: workers.queue_depth == 1)
    encoder.gate.set()
    await asyncio.gather(first, third)
    assert second.cancelled()
    assert encoder.encoded == ["first", "third"]
    assert workers.decision_count == 2


async def test_waiting_counts_as_queueing_and_not_as_encoding(
    workers: EngineWorkers, encoder: GatedEncoder
) -> None:
    first = await running(workers, "a")
    waiting = asyncio.create_task(workers.ask(Query(text="b")))
    await until(lambda: workers.queue_depth == 1)
    await asyncio.sleep(0.2)
    encoder.gate.set()
    timings = [(await task).timings for task in (first, waiting)]
    assert timings[0].encode_ns > 150e6 > timings[0].queue_ns
    assert timings[1].queue_ns > 150e6 > timings[1].encode_ns
    for t in timings:
        assert t.total_ns == t.queue_ns + t.encode_ns + t.search_ns + t.decide_ns


async def test_what_waits_while_a_thread_is_busy_is_encoded_together(
    workers: EngineWorkers, encoder: GatedEncoder
) -> None:
    first = await running(workers, "first")
    waiting = [asyncio.create_task(workers.ask(Query(text=text))) for text in ("b", "c")]
    await until(lambda: workers.queue_depth == 2)
    encoder.gate.set()
    answers = await asyncio.gather(first, *waiting)
    assert encoder.runs == [["first"], ["b", "c"]]
    assert [answer.query.text for answer in answers] == ["first", "b", "c"]
    alone = [ask(workers.engine, Query(text=text)).decision for text in ("first", "b", "c")]
    assert [answer.decision for answer in answers] == alone


async def test_two_threads_share_what_waits(encoder: GatedEncoder, tmp_path: Path) -> None:
    workers = EngineWorkers(engine_of(encoder, tmp_path), threads=2, capacity=32)
    encoder.runs.clear()
    encoder.gate.clear()
    try:
        taken = [await running(workers, text) for text in "ab"]
        waiting = [asyncio.create_task(workers.ask(Query(text=str(i)))) for i in range(9)]
        await until(lambda: workers.queue_depth == 9)
        encoder.gate.set()
        await asyncio.gather(*taken, *waiting)
        # Of nine that wait, the first that is free takes one and half of the others.
        assert max(map(len, encoder.runs)) == 5
    finally:
        encoder.gate.set()
        workers.close()


async def test_a_long_text_is_not_looked_at_on_the_loop(
    workers: EngineWorkers, encoder: GatedEncoder
) -> None:
    static = NotingEncoder()
    never_sure = Gate(1.0, lead=99.0)
    workers.engine.first = FirstStage(static, workers.engine.router, never_sure)
    encoder.gate.set()
    for text in ("a word", "word " * ON_LOOP):
        await workers.ask(Query(text=text))
    short, long = static.asked_in
    assert short is threading.current_thread()
    assert long is not short


async def test_a_query_that_breaks_a_limit_takes_no_place(workers: EngineWorkers) -> None:
    for _ in range(10):
        with pytest.raises(InvalidQueryError):
            await workers.ask(Query(text=" "))
    assert workers.queue_depth == 0


class ShortEncoder(GatedEncoder):
    """Makes one encoding too few of texts that say "boom"."""

    def encode(self, texts: Sequence[str]) -> Encodings:
        encodings = super().encode(texts)
        return encodings[1:] if "boom" in texts else encodings


async def test_an_encoder_that_makes_too_few_encodings_fails_one_query_and_ends_no_thread(
    tmp_path: Path,
) -> None:
    workers = EngineWorkers(engine_of(ShortEncoder(), tmp_path), threads=1, capacity=8)
    try:
        for _ in range(2):
            with pytest.raises(EncoderError, match="0 encodings of 1 texts"):
                await asyncio.wait_for(workers.ask(Query(text="boom")), 5)
        assert (await asyncio.wait_for(workers.ask(Query(text="a red apple")), 5)).decision
        assert (workers.queue_depth, workers.running) == (0, 0)
    finally:
        workers.close()


class Panic(BaseException):
    """As of a library in Rust: no Exception."""


class PanickingEncoder(HashEncoder):
    """Panics at texts that say "boom"."""

    def encode(self, texts: Sequence[str]) -> Encodings:
        if any("boom" in text for text in texts):
            raise Panic(PRIVATE)
        return super().encode(texts)


@pytest.mark.parametrize("is_first", [False, True], ids=["the encoder", "the first stage"])
async def test_what_is_no_exception_fails_its_caller_and_ends_no_thread(
    tmp_path: Path, *, is_first: bool
) -> None:
    encoder = HashEncoder() if is_first else PanickingEncoder()
    workers = EngineWorkers(engine_of(encoder, tmp_path), threads=1, capacity=8)
    if is_first:
        never_sure = Gate(1.0, lead=99.0)
        workers.engine.first = FirstStage(PanickingEncoder(), workers.engine.router, never_sure)
    boom = "boom " * ON_LOOP  # so long that a thread looks at it
    try:
        for _ in range(2):
            with pytest.raises(RuntimeError, match=r"^Panic in a thread that encodes$"):
                await asyncio.wait_for(workers.ask(Query(text=boom)), 5)
        assert (await asyncio.wait_for(workers.ask(Query(text="a red apple")), 5)).decision
        assert (workers.queue_depth, workers.running) == (0, 0)
    finally:
        workers.close()


async def test_callers_that_leave_while_a_thread_has_their_queries_leave_the_queues_count_alone(
    encoder: GatedEncoder, tmp_path: Path
) -> None:
    workers = EngineWorkers(engine_of(encoder, tmp_path), threads=1, capacity=8)
    encoder.gate.clear()
    try:
        taken = await running(workers, "a")
        waiting = [asyncio.create_task(workers.ask(Query(text=text))) for text in "bcd"]
        await until(lambda: workers.queue_depth == 3)
        taken.cancel()
        waiting.pop().cancel()
        await asyncio.sleep(0)
        await until(lambda: workers.queue_depth == 2)
        assert workers.running == 1
        encoder.gate.set()
        assert len(await asyncio.gather(*waiting)) == 2
        await until(lambda: workers.running == 0)
        assert workers.queue_depth == 0
    finally:
        encoder.gate.set()
        workers.close()


async def test_what_is_sure_does_not_wait_for_what_a_thread_took_beside_it(
    workers: EngineWorkers, encoder: GatedEncoder
) -> None:
    always_sure = Gate(0.0, lead=-1.0)
    workers.engine.first = FirstStage(HashEncoder(), workers.engine.router, always_sure)
    long = "a ripe red apple " * ON_LOOP  # not looked at on the loop, and decided first
    assert (await asyncio.wait_for(workers.ask(Query(text=long)), 5)).stage is Stage.STATIC_ENCODER
    assert not encoder.gate.is_set()


async def test_a_lone_query_comes_in_between_a_batch_that_is_decided_at_once(
    tmp_path: Path,
) -> None:
    workers = EngineWorkers(engine_of(HashEncoder(), tmp_path), threads=1, capacity=512)
    workers.engine.first = FirstStage(HashEncoder(), workers.engine.router, Gate(0.0, lead=-1.0))
    async with serving(workers) as client:
        batch = asyncio.create_task(client.route_many(["a red apple"] * 256))
        while workers.decision_count == 0:  # noqa: ASYNC110  (workers signal nothing)
            await asyncio.sleep(0)
        await client.route("an iron bar")
        assert workers.decision_count < 257
        assert len(await batch) == 256


async def test_tenants_take_turns(encoder: GatedEncoder, tmp_path: Path) -> None:
    workers = EngineWorkers(engine_of(encoder, tmp_path), threads=2, capacity=64)
    encoder.runs.clear()
    encoder.gate.clear()
    try:
        taken = [await running(workers, text) for text in "ab"]
        asked = [("flood", i) for i in range(9)] + [("quiet", i) for i in range(2)]
        queries = [Query(text=f"{tenant} {i}", tenant=tenant) for tenant, i in asked]
        waiting = [asyncio.create_task(workers.ask(query)) for query in queries]
        await until(lambda: workers.queue_depth == len(queries))
        encoder.gate.set()
        await asyncio.gather(*taken, *waiting)
        # Of eleven that wait, the first that is free takes one and half of the others.
        first = ["flood 0", "flood 1", "flood 2", "flood 3", "quiet 0", "quiet 1"]
        assert first in [sorted(run) for run in encoder.runs]
    finally:
        encoder.gate.set()
        workers.close()


async def test_a_query_that_cannot_be_answered_in_time_is_not_encoded(
    workers: EngineWorkers, encoder: GatedEncoder
) -> None:
    def wait_for(text: str, seconds: float) -> asyncio.Task[Routed]:
        routing = workers.route(workers.engine, Query(text=text), remaining_seconds=seconds)
        return asyncio.create_task(routing)

    first = await running(workers, "first")
    late, patient = wait_for("late", 0.05), wait_for("patient", 60)
    await until(lambda: workers.queue_depth == 2)
    await asyncio.sleep(0.06)
    encoder.gate.set()
    assert (await first).query.text == "first"
    assert (await patient).query.text == "patient"
    with pytest.raises(TooLateError):
        await late
    assert encoder.encoded == ["first", "patient"]
    assert workers.running == 0


async def test_what_waited_too_long_under_overload_is_refused_and_not_encoded(
    workers: EngineWorkers, encoder: GatedEncoder
) -> None:
    taken = [await running(workers, "a")]
    taken += [asyncio.create_task(workers.ask(Query(text=text))) for text in "bc"]
    await until(lambda: workers.queue_depth == 2)
    with pytest.raises(OverloadedError):
        await workers.ask(Query(text="d"))
    await asyncio.sleep(0.06)  # longer than may be waited under overload
    encoder.gate.set()
    first, *others = await asyncio.gather(*taken, return_exceptions=True)
    assert isinstance(first, Routed)
    assert [type(other) for other in others] == [OverloadedError] * 2
    assert encoder.encoded == ["a"]
    assert (workers.queue_depth, workers.running) == (0, 0)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_after_a_while_of_overload_who_finds_no_room_is_served_without_the_transformer(
    encoder: GatedEncoder, tmp_path: Path
) -> None:
    clock = Clock()
    admission = Admission(threads=1, capacity=1, degrades=True, clock=clock)
    engine = engine_of(encoder, tmp_path)
    engine.first = FirstStage(HashEncoder(), engine.router, Gate(1.0, lead=99.0))  # never sure
    workers = EngineWorkers(engine, threads=1, capacity=1, admission=admission)
    encoder.gate.clear()
    try:
        taken = await running(workers, "a red apple")
        for _ in range(10):  # no static encoder would do any better so early
            with pytest.raises(OverloadedError):
                await workers.ask(Query(text="an iron bar"))
            clock.now += DEGRADED_AFTER_SECONDS / 10 + 0.001
        hasty = await workers.ask(Query(text="an iron bar"))
        assert hasty.stage is Stage.STATIC_ENCODER
        assert hasty.decision.reasons[-1] is Reason.DEGRADED
        assert hasty.decision.candidates[0].route == "metal"
        encoder.gate.set()
        assert Reason.DEGRADED not in (await taken).decision.reasons
        assert (await workers.ask(Query(text="an iron bar"))).stage is Stage.ENCODER
    finally:
        encoder.gate.set()
        workers.close()
