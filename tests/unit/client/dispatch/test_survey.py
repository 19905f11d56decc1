"""What a dispatcher learns of the router's specialists beside the queries."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from tests.llm_server import Fails, LlmServer
from tests.scripted_router import ScriptedRouter, Specialist, scripted_router, specialist
from tests.unit.client.dispatch.worlds import at, world
from waypost.v1 import contract_pb2 as pb
from waypost_client import AsyncClient
from waypost_client.dispatch._calls import ModelCaller
from waypost_client.dispatch._counts import Counts
from waypost_client.dispatch._providers._registry import Providers
from waypost_client.dispatch._specialists import Specialists
from waypost_client.dispatch._survey import PAUSE_S, Survey
from waypost_client.dispatch._warm_up import WarmUp


@dataclass
class Surveyed:
    """A survey of a router, at a time of one's own."""

    router: ScriptedRouter
    client: AsyncClient
    survey: Survey
    llm: LlmServer
    passed_s: float = 0.0

    async def sees(self, query: str) -> None:
        """A contract, a good while after the last."""
        self.passed_s += PAUSE_S
        self.survey.saw(await self.client.route(query))

    def has(self, **models: str) -> None:
        """The router takes up other routes, each with one model."""
        for route, name in models.items():
            self.router.specialists[route] = warm(self.llm, name)
        self.router.index_version += "1"

    async def warms(self, name: str, times: int = 1) -> None:
        """Waits until a model has been warmed so many times more."""
        wanted = len(self.llm.calls_of(name)) + times
        await self.llm.until(lambda: len(self.llm.calls_of(name)) >= wanted)

    async def lets_go_cold(self, name: str) -> None:
        """Waits until a model is not warmed any more while another one is, several times."""
        async with asyncio.timeout(10):
            before = -1
            while before != len(self.llm.calls_of(name)):
                before = len(self.llm.calls_of(name))
                await self.warms("kept", times=5)


def warm(llm: LlmServer, name: str) -> Specialist:
    return specialist([at(llm, name, warm_up_after_ms=20)])


@pytest.fixture
async def surveyed(llm: LlmServer) -> AsyncIterator[Surveyed]:
    """One route's model is kept, the other's is old; both are warm."""
    now = asyncio.get_running_loop().time
    routes = {"code": warm(llm, "kept"), "rare": warm(llm, "old")}
    async with scripted_router(routes) as router, AsyncClient(router.address) as client:
        providers = Providers({})
        warm_up = WarmUp(ModelCaller(providers, Counts(), clock=now), Counts(), clock=now)
        survey = Survey(client, Specialists(client), warm_up, clock=lambda: now() + s.passed_s)
        s = Surveyed(router, client, survey, llm)
        survey.begin()
        await s.warms("old")
        yield s
        await survey.close()
        await warm_up.close()
        await providers.close()


async def test_a_model_that_no_route_has_any_more_is_not_kept_warm(surveyed: Surveyed) -> None:
    surveyed.has(rare="new")
    await surveyed.sees("code: hi")
    await surveyed.warms("new")
    await surveyed.lets_go_cold("old")
    await surveyed.warms("new")


async def test_a_contract_that_comes_late_does_not_bring_a_model_back_for_good(
    surveyed: Surveyed,
) -> None:
    late = await surveyed.client.route("rare: hi")
    surveyed.has(rare="new")
    await surveyed.sees("code: hi")
    await surveyed.lets_go_cold("old")
    surveyed.survey.saw(late)
    await surveyed.warms("old")
    await surveyed.sees("code: hi")
    await surveyed.lets_go_cold("old")


async def test_a_look_that_fails_lets_no_model_go_cold(surveyed: Surveyed) -> None:
    surveyed.has(rare="new")
    surveyed.router.default_route = "gone"
    looked = len(surveyed.router.fetched)
    await surveyed.sees("code: hi")
    await surveyed.llm.until(lambda: len(surveyed.router.fetched) > looked)
    await surveyed.warms("old", times=5)


async def test_a_fallbacks_prompt_is_fetched_once(llm: LlmServer) -> None:
    llm.always("a", Fails(500))
    prompt = "You are the other."
    specialists = {
        "code": specialist([at(llm, "a", breaker=pb.Breaker(failures=100))], fallback="other"),
        "other": specialist([at(llm, "b")], prompt=prompt),
    }
    async with world(llm, specialists) as w:
        await w.dispatcher.answer("other: hi")
        before = len(w.router.fetched)
        for _ in range(5):
            assert (await w.dispatcher.answer("code: hi")).model == "b"
        asked = [each for each in w.router.fetched[before:] if each.route == "other"]
        systems = [call.body["messages"][0]["content"] for call in llm.calls_of("b")]
    hashes = {each.known_prompt_sha256 for each in asked}
    assert hashes == {specialists["other"].ref.prompt_sha256}
    assert systems == [prompt] * 6


async def test_a_fallbacks_newer_prompt_takes_the_place_of_the_known_one(llm: LlmServer) -> None:
    llm.always("a", Fails(500))
    first = at(llm, "a", breaker=pb.Breaker(failures=100))
    specialists = {
        "code": specialist([first], fallback="other"),
        "other": specialist([at(llm, "b")], prompt="You are old."),
    }
    async with world(llm, specialists) as w:
        await w.dispatcher.answer("code: hi")
        for prompt in ("You are new.", "", "You are new."):
            w.router.specialists["other"] = specialist([at(llm, "b")], prompt=prompt)
            await w.dispatcher.answer("code: hi")
    systems = [
        [each["content"] for each in call.body["messages"] if each["role"] == "system"]
        for call in llm.calls_of("b")
    ]
    assert ["old" in "".join(system) for system in systems] == [True, False, False, False]
    assert ["new" in "".join(system) for system in systems] == [False, True, False, True]
