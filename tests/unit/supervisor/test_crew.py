"""What the supervisor does with processes that do what a test tells them."""

import asyncio
import errno
import logging
import os
import signal
from collections.abc import Awaitable, Callable

import pytest

from waypost_server.settings import Settings
from waypost_server.supervisor import delays
from waypost_server.supervisor.crew import Crew
from waypost_server.supervisor.job import Job

VERSION = "0123456789ab"


class Scripted:
    """A process that answers and ends when it is told."""

    def __init__(self, pid: int, job: Job, *, obeys: bool = True) -> None:
        self.pid, self.job, self.age = pid, job, delays.STEADY_SECONDS
        self.reloads = 0
        self.obedient = False
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        self._obeys = obeys
        self._ready: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._end: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def answer(self) -> None:
        self._ready.set_result(VERSION)

    def end(self, status: int) -> None:
        if not self._ready.done():
            self._ready.set_result(None)
        if not self._end.done():
            self._end.set_result(status)
            self._lines.put_nowait(None)

    async def ready(self) -> str | None:
        return await self._ready

    async def ended(self) -> int:
        return await self._end

    def terminate(self) -> None:
        if self._obeys:
            self.end(0 if self._ready.done() else -signal.SIGTERM)

    def reload(self) -> None:
        self.reloads += 1

    def say(self, line: str) -> None:
        order, version = line.split(" ")[:2]
        if self.obedient and order in ("prepare", "activate"):
            self._lines.put_nowait(f"done {version}")

    async def heard(self) -> str | None:
        return await self._lines.get()

    def kill(self) -> None:
        self.end(-signal.SIGKILL)


class System:
    """Starts scripted processes; each does `then` as soon as it has begun."""

    def __init__(self, *then: Callable[[Scripted], None], obeys: bool = True) -> None:
        self.begun: list[Scripted] = []
        self._then = list(then)
        self._obeys = obeys
        self.more = asyncio.Event()

    async def __call__(self, job: Job) -> Scripted:
        process = Scripted(len(self.begun), job, obeys=self._obeys)
        self.begun.append(process)
        action = self._then.pop(0) if self._then else Scripted.answer
        action(process)
        self.more.set()
        return process

    async def count(self, wanted: int) -> None:
        while len(self.begun) < wanted:
            self.more.clear()
            await asyncio.wait_for(self.more.wait(), 10)


def crew_of(system: System, *, processes: int = 3) -> Crew:
    settings = Settings.load(address="127.0.0.1:1", processes=processes, drain_seconds=0)
    return Crew(settings, system, options={"address": "127.0.0.1:1"}, grace_seconds=0.05)


def nothing(process: Scripted) -> None:
    """Goes on loading."""


def fail(process: Scripted) -> None:
    process.end(1)


def fall(process: Scripted) -> None:
    process.end(-signal.SIGKILL)


def no_room(process: Scripted) -> None:
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


async def within(limited: Awaitable[bool]) -> bool:
    return await asyncio.wait_for(limited, 10)


async def test_all_serve_the_version_that_the_first_found() -> None:
    system = System()
    crew = crew_of(system)
    assert await crew.start() == VERSION
    assert [process.job.index_version for process in system.begun] == [None, VERSION, VERSION]
    crew.stop()
    assert await within(crew.ended())


async def test_the_others_wait_until_the_first_answers() -> None:
    system = System(nothing)
    crew = crew_of(system)
    starting = asyncio.create_task(crew.start())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert len(system.begun) == 1
    system.begun[0].answer()
    assert await starting == VERSION
    assert len(system.begun) == 3
    crew.stop()
    assert await within(crew.ended())


@pytest.mark.parametrize("script", [(fail,), (Scripted.answer, Scripted.answer, fail)])
async def test_one_that_cannot_start_stops_all(
    script: tuple[Callable[[Scripted], None], ...], caplog: pytest.LogCaptureFixture
) -> None:
    system = System(*script)
    crew = crew_of(system)
    assert await crew.start() is None
    assert not await within(crew.ended())
    assert all([await process.ended() in (0, 1) for process in system.begun])
    assert len(system.begun) == len(script)
    assert not caplog.records  # it has said itself why


async def test_one_that_is_killed_as_it_starts_is_named(caplog: pytest.LogCaptureFixture) -> None:
    crew = crew_of(System(Scripted.answer, fall))
    assert await crew.start() is None
    assert not await within(crew.ended())
    assert caplog.messages == ["process 1 ended with SIGKILL as it started"]


@pytest.mark.parametrize("begun", [0, 2])
async def test_a_system_without_room_stops_all(
    begun: int, caplog: pytest.LogCaptureFixture
) -> None:
    system = System(*[Scripted.answer] * begun, no_room)
    crew = crew_of(system)
    assert await crew.start() is None
    assert not await within(crew.ended())
    assert caplog.messages == ["no process can be started: Resource temporarily unavailable"]


async def test_a_system_without_room_is_asked_again(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(delays, "SHORTEST_SECONDS", 0.01)
    system = System(Scripted.answer, Scripted.answer, no_room)
    crew = crew_of(system, processes=2)
    await crew.start()
    system.begun[0].end(0)
    await system.count(4)
    crew.stop()
    assert await within(crew.ended())
    assert "no process can be started: Resource temporarily unavailable" in caplog.messages


async def test_one_that_dies_is_started_again_with_the_same_version(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(delays, "SHORTEST_SECONDS", 0.01)
    caplog.set_level(logging.INFO)
    system = System()
    crew = crew_of(system, processes=2)
    await crew.start()
    for number, status in ((1, -signal.SIGSEGV), (2, 3)):
        system.begun[number].end(status)
        await system.count(number + 2)
    crew.stop()
    assert await within(crew.ended())
    assert [process.job.index_version for process in system.begun[2:]] == [VERSION, VERSION]
    assert [message for message in caplog.messages if "ended" in message] == [
        "process 1 ended with SIGSEGV",
        "process 2 ended with exit code 3",
    ]


async def test_one_that_is_started_again_begins_with_the_version_that_all_have_by_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delays, "SHORTEST_SECONDS", 0.01)
    system = System()
    crew = crew_of(system, processes=2)
    await crew.start()
    for process in system.begun:
        process.obedient = True
    await crew.swapping.change("ba9876543210")
    system.begun[0].end(1)
    await system.count(3)
    assert system.begun[2].job.index_version == "ba9876543210"
    crew.stop()
    assert await within(crew.ended())


async def test_one_that_dies_during_a_change_is_started_with_what_the_others_have_then(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delays, "SHORTEST_SECONDS", 0.01)
    system = System()
    crew = crew_of(system, processes=2)
    await crew.start()
    dying, loading = system.begun
    changing = asyncio.create_task(crew.swapping.change("ba9876543210"))
    await asyncio.sleep(0.01)
    dying.end(-signal.SIGKILL)
    await asyncio.sleep(0.05)
    assert len(system.begun) == 2
    loading.obedient = True
    loading.say("prepare ba9876543210")  # it is done
    await asyncio.wait_for(changing, 10)
    await system.count(3)
    assert system.begun[2].job.index_version == "ba9876543210"
    crew.stop()
    assert await within(crew.ended())


async def test_a_stop_while_they_start_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    system = System(Scripted.answer, nothing, nothing)
    crew = crew_of(system)
    starting = asyncio.create_task(crew.start())
    await system.count(3)
    crew.stop()
    assert await asyncio.wait_for(starting, 10) is None
    assert await within(crew.ended())
    assert not caplog.records


async def test_one_that_begins_after_the_stop_is_stopped_at_once() -> None:
    system = System(nothing)
    crew = crew_of(system)
    crew.stop()
    assert await asyncio.wait_for(crew.start(), 10) is None
    assert await within(crew.ended())
    assert len(system.begun) == 1


async def test_one_that_does_not_leave_is_killed_and_that_is_a_failure(
    caplog: pytest.LogCaptureFixture,
) -> None:
    system = System(obeys=False)
    crew = crew_of(system, processes=2)
    await crew.start()
    crew.stop()
    assert not await within(crew.ended())
    assert sorted(caplog.messages) == [
        "process 0 ended with SIGKILL as it stopped",
        "process 1 ended with SIGKILL as it stopped",
    ]


async def test_one_that_hangs_as_it_starts_is_killed_when_a_stop_has_waited_long_enough() -> None:
    system = System(nothing, obeys=False)
    crew = crew_of(system)
    starting = asyncio.create_task(crew.start())
    await system.count(1)
    crew.stop()
    assert await asyncio.wait_for(starting, 10) is None
    await asyncio.wait_for(crew.ended(), 10)


async def test_one_that_cannot_start_stops_those_that_have_not_started_yet() -> None:
    system = System(Scripted.answer, lambda process: process.end(1), nothing)
    crew = crew_of(system, processes=3)
    assert await asyncio.wait_for(crew.start(), 10) is None
    assert not await asyncio.wait_for(crew.ended(), 10)
    assert len(system.begun) == 3


async def test_all_read_their_settings_again_and_so_do_those_that_take_their_places() -> None:
    system = System()
    crew = crew_of(system, processes=2)
    await crew.start()
    crew.reload()
    assert [process.reloads for process in system.begun] == [1, 1]
    system.begun[0].end(1)
    await system.count(3)
    await asyncio.sleep(0)
    assert system.begun[2].reloads == 1
    crew.stop()
    await crew.ended()


async def test_one_that_still_starts_reads_its_settings_again_once_it_serves() -> None:
    system = System(nothing)
    crew = crew_of(system, processes=1)
    starting = asyncio.create_task(crew.start())
    await system.count(1)
    crew.reload()
    assert system.begun[0].reloads == 0  # SIGHUP would end it
    system.begun[0].answer()
    await starting
    assert system.begun[0].reloads == 1
    crew.stop()
    await crew.ended()
