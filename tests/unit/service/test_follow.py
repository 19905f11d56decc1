import asyncio
import logging
import threading

import pytest

from waypost_server.core.errors import BundleError
from waypost_server.service.follow import Follow


class Elsewhere:
    """Answers as it is told; the last answer again and again."""

    def __init__(self, *answers: str | Exception | None) -> None:
        self.answers = [*answers]
        self.asked = 0
        self.gate = threading.Event()
        self.gate.set()

    def fetch(self) -> str | None:
        self.gate.wait(10)
        self.asked += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO, "waypost_server.service.follow")
    return caplog


def lines(log: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in log.records]


async def test_what_is_fetched_is_told(log: pytest.LogCaptureFixture) -> None:
    follow = Follow(Elsewhere(None, "two", None).fetch, where="s3://fleet")
    for _ in range(3):
        await follow.look()
    assert lines(log) == ["bundle two is fetched from s3://fleet"]


async def test_what_goes_wrong_is_told_once_and_that_it_is_well_again(
    log: pytest.LogCaptureFixture,
) -> None:
    gone = BundleError("connection refused")
    elsewhere = Elsewhere(gone, gone, gone, BundleError("access denied"), gone, None, gone, "two")
    follow = Follow(elsewhere.fetch, where="s3://fleet")
    for _ in range(8):
        await follow.look()
    assert lines(log) == [
        "what is live stays: connection refused",
        "what is live stays: access denied",
        "what is live stays: connection refused",
        "s3://fleet answers again",
        "what is live stays: connection refused",
        "s3://fleet answers again",
        "bundle two is fetched from s3://fleet",
    ]


async def test_a_bug_of_ours_does_not_end_it(log: pytest.LogCaptureFixture) -> None:
    follow = Follow(Elsewhere(ValueError("secret"), "two").fetch, where="s3://fleet")
    await follow.look()
    await follow.look()
    assert lines(log)[0] == "what is live stays: a bug of ours, on the way from s3://fleet"
    assert lines(log)[-1] == "bundle two is fetched from s3://fleet"


async def test_an_answer_that_does_not_come_is_told_and_awaited(
    log: pytest.LogCaptureFixture,
) -> None:
    elsewhere = Elsewhere("two")
    elsewhere.gate.clear()
    follow = Follow(elsewhere.fetch, where="s3://fleet", silent_seconds=0.01)
    looking = asyncio.create_task(follow.look())
    while not log.records:  # noqa: ASYNC110
        await asyncio.sleep(0.005)
    assert lines(log) == ["what is live stays: no answer from s3://fleet for 0.01 s"]
    elsewhere.gate.set()
    await looking
    assert lines(log)[1:] == ["s3://fleet answers again", "bundle two is fetched from s3://fleet"]
    assert elsewhere.asked == 1


async def test_it_asks_again_and_again_until_it_is_cancelled() -> None:
    elsewhere = Elsewhere(BundleError("gone"), None)
    running = asyncio.create_task(Follow(elsewhere.fetch, where="here").run(0.001))
    async with asyncio.timeout(10):
        while elsewhere.asked < 5:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
