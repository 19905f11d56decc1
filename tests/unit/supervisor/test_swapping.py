"""All processes take up a version, or none: with processes that answer as a test says."""

import asyncio
import logging
from collections.abc import Callable

import pytest

from waypost_server.core.errors import ActivationError
from waypost_server.supervisor.swapping import Swapping

Answer = Callable[[str, str], str | None]


def obeys(order: str, version: str) -> str | None:
    return {"prepare": f"ready {version}", "activate": f"active {version}"}.get(order)


def refuses(order: str, version: str) -> str | None:
    return f"refused {version} it is damaged" if order == "prepare" else obeys(order, version)


def hangs(order: str, version: str) -> str | None:
    return None


class Scripted:
    """A process."""

    def __init__(self, pid: int, answer: Answer = obeys) -> None:
        self.pid = pid
        self.answer = answer
        self.heard_of: list[str] = []
        self.killed = False
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()

    def say(self, line: str) -> None:
        self.heard_of.append(line)
        order, version = line.split(" ")[:2]
        if answer := self.answer(order, version):
            self._lines.put_nowait(answer)

    async def heard(self) -> str | None:
        return await self._lines.get()

    def ask(self, version: str) -> None:
        self._lines.put_nowait(f"swap {version}")

    def end(self) -> None:
        self._lines.put_nowait(None)

    def kill(self) -> None:
        self.killed = True
        self.end()


def joined(*answers: Answer, patience_seconds: float = 10) -> tuple[Swapping, list[Scripted]]:
    swapping = Swapping(patience_seconds=patience_seconds)
    processes = [Scripted(pid, answer) for pid, answer in enumerate(answers)]
    for process in processes:
        swapping.joins(process, "one")
    return swapping, processes


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_all_load_before_any_makes_it_live() -> None:
    swapping, processes = joined(obeys, hangs)
    slow = processes[1]
    changing = asyncio.create_task(swapping.change("two"))
    await settled()
    assert [process.heard_of for process in processes] == [["prepare two"]] * 2
    slow.answer = obeys
    slow._lines.put_nowait("ready two")
    await asyncio.wait_for(changing, 10)
    assert [process.heard_of for process in processes] == [["prepare two", "activate two"]] * 2
    assert swapping.version == "two"
    await swapping.change("two")  # nothing to do
    assert len(slow.heard_of) == 2


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (refuses, "process 1: it is damaged"),
        (hangs, "process 1: it has not answered within 0.05 s"),
    ],
)
async def test_where_one_cannot_none_does_and_all_hear_why(
    bad: Answer, why: str, caplog: pytest.LogCaptureFixture
) -> None:
    swapping, processes = joined(obeys, bad, obeys, patience_seconds=0.05)
    with pytest.raises(ActivationError, match=why):
        await swapping.change("two")
    for process in processes:
        assert process.heard_of == ["prepare two", f"discard two {why}"]
    assert swapping.version == "one"
    assert caplog.messages == [f"index one stays live: {why}"]


async def test_one_that_ends_meanwhile_holds_nobody_up() -> None:
    swapping, processes = joined(obeys, hangs, obeys)
    changing = asyncio.create_task(swapping.change("two"))
    await settled()
    processes[1].end()
    await asyncio.wait_for(changing, 10)
    assert processes[0].heard_of == processes[2].heard_of == ["prepare two", "activate two"]
    await swapping.change("three")
    assert processes[1].heard_of == ["prepare two"]


async def test_where_all_end_the_version_stays() -> None:
    swapping, processes = joined(hangs, hangs)
    changing = asyncio.create_task(swapping.change("two"))
    await settled()
    for process in processes:
        process.end()
    with pytest.raises(ActivationError, match="no process is left"):
        await asyncio.wait_for(changing, 10)
    assert swapping.version == "one"


async def test_the_one_that_asks_goes_first_and_is_told_the_end() -> None:
    _, (asker, other) = joined(obeys, obeys)
    order: list[int] = []

    def note(process: Scripted) -> Answer:
        def answer(word: str, version: str) -> str | None:
            if word == "activate":
                order.append(process.pid)
            return obeys(word, version)

        return answer

    asker.answer, other.answer = note(asker), note(other)
    asker.ask("two")
    await settled()
    assert order == [asker.pid, other.pid]
    assert asker.heard_of == ["prepare two", "activate two", "swapped two"]
    assert other.heard_of == ["prepare two", "activate two"]
    asker.ask("two")  # again: it is named again, and nobody minds
    await settled()
    assert asker.heard_of[-1] == "swapped two"


async def test_where_the_one_that_asks_cannot_name_it_nobody_takes_it_up() -> None:
    def full(order: str, version: str) -> str | None:
        return f"refused {version} disk full" if order == "activate" else obeys(order, version)

    swapping, (asker, other) = joined(full, obeys)
    asker.ask("two")
    await settled()
    assert asker.heard_of == [
        "prepare two",
        "activate two",
        "discard two disk full",
        "kept two disk full",
    ]
    assert other.heard_of == ["prepare two", "discard two disk full"]
    assert swapping.version == "one"


async def test_one_that_does_not_make_it_live_is_started_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def forgets(order: str, version: str) -> str | None:
        return f"refused {version} lost it" if order == "activate" else obeys(order, version)

    swapping, processes = joined(obeys, forgets)
    await swapping.change("two")
    assert [process.killed for process in processes] == [False, True]
    assert caplog.messages == ["process 1 is started again: lost it"]


async def test_one_that_joins_late_catches_up() -> None:
    swapping, _ = joined(obeys)
    await swapping.change("two")
    late, broken, current = Scripted(7), Scripted(8, refuses), Scripted(9)
    swapping.joins(late, "one")
    swapping.joins(broken, "one")
    swapping.joins(current, "two")
    await settled()
    assert late.heard_of == ["prepare two", "activate two"]
    assert broken.killed
    assert current.heard_of == []


async def test_changes_asked_for_at_once_take_turns(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    swapping, processes = joined(obeys, obeys)
    processes[0].ask("two")
    processes[1].ask("three")
    await settled()
    await settled()
    assert [line for line in processes[0].heard_of if line.startswith(("prepare", "activate"))] == [
        "prepare two",
        "activate two",
        "prepare three",
        "activate three",
    ]
    assert swapping.version == "three"


async def test_what_cannot_be_read_is_told_to_all(caplog: pytest.LogCaptureFixture) -> None:
    swapping, processes = joined(obeys, obeys)
    swapping.refuse("CURRENT: it names\nno version")
    await settled()
    assert [process.heard_of for process in processes] == [
        ["discard - CURRENT: it names no version"]
    ] * 2
    assert caplog.messages == ["index one stays live: CURRENT: it names\nno version"]


async def test_one_begins_to_start_after_a_change_and_knows_its_version() -> None:
    swapping, (slow,) = joined(hangs)
    changing = asyncio.create_task(swapping.change("two"))
    await settled()
    began_with: list[str | None] = []

    async def start() -> None:
        async with swapping.starting():
            began_with.append(swapping.version)

    starting = asyncio.create_task(start())
    await settled()
    assert began_with == []
    slow.answer = obeys
    slow._lines.put_nowait("ready two")
    await asyncio.wait_for(asyncio.gather(changing, starting), 10)
    assert began_with == ["two"]


async def test_a_change_waits_for_those_that_start_and_takes_them_along() -> None:
    swapping, (old,) = joined(obeys)
    late = Scripted(9)
    async with swapping.starting(), swapping.starting():  # side by side
        changing = asyncio.create_task(swapping.change("two"))
        await settled()
        assert old.heard_of == []
        swapping.joins(late, "one")
    await asyncio.wait_for(changing, 10)
    await settled()
    assert old.heard_of == late.heard_of == ["prepare two", "activate two"]


async def test_a_change_does_not_wait_for_ever_for_one_that_starts() -> None:
    swapping, _ = joined(obeys, patience_seconds=0.05)
    late = Scripted(9)
    async with swapping.starting():
        await asyncio.wait_for(swapping.change("two"), 10)
        swapping.joins(late, "one")
    await settled()
    assert late.heard_of == ["prepare two", "activate two"]


async def test_one_that_joins_during_a_change_catches_up_and_is_not_killed() -> None:
    swapping, (slow,) = joined(hangs)
    changing = asyncio.create_task(swapping.change("two"))
    await settled()
    late = Scripted(9)
    swapping.joins(late, "one")
    slow.answer = obeys
    slow._lines.put_nowait("ready two")
    await asyncio.wait_for(changing, 10)
    await settled()
    assert late.heard_of == ["prepare two", "activate two"]
    assert not late.killed
