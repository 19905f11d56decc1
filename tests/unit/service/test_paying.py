"""Whose budget the server's own calls of models are on."""

import asyncio
from dataclasses import replace

import pytest

from tests.unit.service.models import FakeModel
from waypost_server.core.budgets import Budgets
from waypost_server.core.catalog import Model, Taxonomy
from waypost_server.core.consultation import Consultation, Purpose, Result
from waypost_server.core.errors import (
    MalformedAnswerError,
    ModelRefusedError,
    ModelTimeoutError,
    ModelUnreachableError,
)
from waypost_server.core.language_model import Prompt
from waypost_server.core.model_policy import Budget, Period, TenantPolicy
from waypost_server.core.policy import Breaker
from waypost_server.core.query import Query
from waypost_server.service.consulting import Consulting
from waypost_server.service.paying import Payer, Paying, most_usd, payer_of

DEAR = Model(
    name="dear",
    provider="openai",
    model_id="x",
    usd_per_mtok_in=1_000_000.0,
    usd_per_mtok_out=2_000_000.0,
    breaker=Breaker(failures=1, open_ms=10_000),
)
"""A dollar a token that it reads, two a token that it writes."""

PROMPT = Prompt("abc", "abc")
AT_MOST = most_usd(DEAR, PROMPT, max_tokens=10)
BUDGET = Budget(usd=100.0, per=Period.DAY)
PAYER = Payer("d1", "acme", BUDGET)


class World:
    def __init__(self, says: object = "yes", *, usd: float = 100.0) -> None:
        self.budgets = Budgets(lambda: 0.0)
        self.budgets.open({"acme": replace(BUDGET, usd=usd)})
        self.payer = replace(PAYER, budget=replace(BUDGET, usd=usd))
        self.model = FakeModel(says)
        self.woken = 0
        self.consulting = Consulting(self.model, paying=Paying(self.budgets, wake=self._wake))

    def _wake(self) -> None:
        self.woken += 1

    async def ask(self, model: Model = DEAR, *, payer: Payer | None = PAYER) -> Consultation:
        return await self.consulting.ask(
            model,
            PROMPT,
            {},
            purpose=Purpose.ROUTE,
            query=Query(text="x"),
            deadline_seconds=1.0,
            left_seconds=None,
            max_concurrent=2,
            max_tokens=10,
            payer=self.payer if payer is PAYER else payer,
        )

    @property
    def left(self) -> float:
        return self.budgets.left("acme", self.payer.budget)


def test_a_call_costs_what_it_reads_and_may_write_at_most() -> None:
    # Each "abc" counts as 3 tokens at least, and 10 may be written.
    assert pytest.approx(2 * 3 + 2 * 10, abs=2) == AT_MOST
    assert (
        most_usd(replace(DEAR, usd_per_mtok_in=0.0, usd_per_mtok_out=0.0), PROMPT, max_tokens=9)
        == 0
    )


async def test_a_call_is_set_apart_while_it_is_under_way_and_then_costs_what_it_did() -> None:
    world = World()
    world.model.tokens = (3, 4)
    world.model.gate.clear()
    asking = asyncio.create_task(world.ask())
    await asyncio.sleep(0)
    assert world.left == pytest.approx(100.0 - AT_MOST)
    world.model.gate.set()
    found = await asking
    assert found.result is Result.ANSWERED
    assert found.cost_usd == pytest.approx(11.0)  # 3 for what it read, 2 * 4 for what it wrote
    assert world.left == pytest.approx(100.0 - 11.0)


async def test_who_says_nothing_of_tokens_costs_what_was_set_apart() -> None:
    world = World()
    assert (await world.ask()).cost_usd == pytest.approx(AT_MOST)
    assert world.left == pytest.approx(100.0 - AT_MOST)


@pytest.mark.parametrize(
    ("error", "usd"),
    [
        (ModelUnreachableError("x"), 0.0),
        (ModelRefusedError("x"), 0.0),
        (ModelTimeoutError("x"), AT_MOST),
        (MalformedAnswerError("x"), AT_MOST),
    ],
)
async def test_a_call_that_failed_costs_only_where_the_model_may_have_begun(
    error: Exception, usd: float
) -> None:
    world = World(error)
    assert (await world.ask()).cost_usd == pytest.approx(usd)
    assert world.left == pytest.approx(100.0 - usd)


async def test_a_call_whose_caller_went_away_is_paid_for() -> None:
    world = World()
    world.model.gate.clear()
    asking = asyncio.create_task(world.ask())
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert world.left == pytest.approx(100.0 - AT_MOST)


async def test_with_too_little_left_nobody_is_asked_and_the_breaker_learns_nothing() -> None:
    world = World(usd=AT_MOST - 0.01)
    for _ in range(3):  # more than the breaker bears
        found = await world.ask()
        assert (found.result, found.cost_usd) == (Result.OVER_BUDGET, 0.0)
    assert world.model.asked == []
    assert world.left == pytest.approx(AT_MOST - 0.01)
    assert (await world.ask(payer=None)).result is Result.ANSWERED


async def test_what_is_free_is_asked_though_nothing_is_left() -> None:
    world = World(usd=0.0)
    free = replace(DEAR, usd_per_mtok_in=0.0, usd_per_mtok_out=0.0)
    assert (await world.ask(free)).result is Result.ANSWERED
    assert (await world.ask()).result is Result.OVER_BUDGET


async def test_processes_agree_again_once_much_of_a_share_is_used() -> None:
    budgets = Budgets(lambda: 0.0, is_shared=True)
    budgets.open({"acme": BUDGET})  # a tenth of it, until the others were asked
    woken: list[None] = []
    paying = Paying(budgets, wake=lambda: woken.append(None))
    settle = paying.reserve(PAYER, Purpose.ROUTE, 6.0)
    assert settle
    assert len(woken) == 1
    assert paying.reserve(PAYER, Purpose.PARAMS, 6.0) is None


@pytest.mark.parametrize(
    ("tenant", "payer"), [("acme", "acme"), ("zoo", "default"), ("", "default")]
)
def test_tenants_without_a_section_share_the_default_ones_budget(tenant: str, payer: str) -> None:
    policy = TenantPolicy(budget=BUDGET)
    taxonomy = Taxonomy(default_route="x", tenants={"acme": policy, "default": policy})
    assert payer_of("d1", Query(text="x", tenant=tenant), taxonomy) == Payer("d1", payer, BUDGET)
    assert payer_of("d1", Query(text="x", tenant=tenant), replace(taxonomy, tenants={})) is None
