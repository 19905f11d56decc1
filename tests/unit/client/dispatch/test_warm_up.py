"""What keeping models warm may cost at most, whatever a router says."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from tests.llm_server import Fails, Hangs, LlmServer
from tests.scripted_router import specialist
from tests.unit.client.dispatch.worlds import Model, at
from waypost.v1 import contract_pb2
from waypost_client import SpecialistRef
from waypost_client._convert_specialist import specialist_ref_of
from waypost_client.dispatch._calls import ModelCaller
from waypost_client.dispatch._counts import Counts
from waypost_client.dispatch._providers._registry import Providers
from waypost_client.dispatch._warm_up import LEAST_IDLE_S, MOST_KEPT, WarmUp

HOUR_MS = 3_600_000
PATIENT = contract_pb2.Breaker(failures=1_000)


@pytest.fixture
async def warm_up() -> AsyncIterator[WarmUp]:
    now = asyncio.get_running_loop().time
    providers = Providers({})
    keeping = WarmUp(ModelCaller(providers, Counts(), clock=now), Counts(), clock=now)
    yield keeping
    await keeping.close()
    await providers.close()


def ref_of(*models: Model) -> SpecialistRef:
    """A specialist as a router names it."""
    return specialist_ref_of(specialist(models).ref)


async def called(llm: LlmServer, name: str, times: int) -> None:
    """Waits until a model has been called so often."""
    await llm.until(lambda: len(llm.calls_of(name)) >= times)


def pauses(llm: LlmServer, name: str) -> list[float]:
    """Seconds from each call of a model to the next."""
    began = [call.began_at for call in llm.calls_of(name)]
    return [later - earlier for earlier, later in pairwise(began)]


async def test_only_so_many_models_are_kept_warm(llm: LlmServer, warm_up: WarmUp) -> None:
    idle = [at(llm, f"idle-{i}", warm_up_after_ms=HOUR_MS) for i in range(MOST_KEPT - 1)]
    last, beyond = (at(llm, name, warm_up_after_ms=1) for name in ("last", "beyond"))
    never = [at(llm, f"never-{i}") for i in range(MOST_KEPT)]
    for _ in range(3):
        warm_up.saw(ref_of(*never, *idle, last, beyond))
        await called(llm, "last", len(llm.calls_of("last")) + 2)
    assert not llm.calls_of("beyond")
    warm_up.keep_only({"last", "beyond", *(model.name for model in idle[1:])})
    warm_up.saw(ref_of(beyond))  # in the place of the one that no route has any more
    await called(llm, "beyond", 2)


async def test_between_two_calls_there_is_a_pause_whatever_a_router_says(
    llm: LlmServer, warm_up: WarmUp
) -> None:
    warm_up.saw(ref_of(at(llm, "eager", warm_up_after_ms=1)))
    await called(llm, "eager", 5)
    assert min(pauses(llm, "eager")) >= LEAST_IDLE_S


async def test_a_warm_up_that_fails_is_not_tried_again_before_its_time(
    llm: LlmServer, warm_up: WarmUp
) -> None:
    llm.always("down", Fails(500))
    warm_up.saw(ref_of(at(llm, "down", warm_up_after_ms=1, retries=5, breaker=PATIENT)))
    await called(llm, "down", 5)
    assert min(pauses(llm, "down")) >= LEAST_IDLE_S


async def test_a_model_that_hangs_is_left_and_tried_again(
    llm: LlmServer, warm_up: WarmUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("waypost_client.dispatch._warm_up.LIMIT_S", 0.3)
    llm.always("hangs", Hangs())
    warm_up.saw(ref_of(at(llm, "hangs", warm_up_after_ms=1, breaker=PATIENT)))
    await called(llm, "hangs", 2)
    await llm.until(lambda: llm.calls_of("hangs")[0].hung_up)


async def test_a_model_that_moves_is_called_where_it_is_now(
    llm: LlmServer, warm_up: WarmUp
) -> None:
    warm_up.saw(ref_of(at(llm, "m", model_id="old", warm_up_after_ms=1)))
    await called(llm, "old", 1)
    warm_up.saw(ref_of(at(llm, "m", model_id="new", warm_up_after_ms=1)))
    before = len(llm.calls_of("old"))
    await called(llm, "new", 3)
    assert len(llm.calls_of("old")) <= before + 1  # one that was under way
