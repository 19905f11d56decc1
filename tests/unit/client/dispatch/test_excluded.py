"""Models that a contract excludes are called neither at once nor on the way back."""

import pytest

from tests.llm_server import Answer, Fails, LlmServer
from tests.scripted_router import specialist
from tests.unit.client.dispatch.test_plans import APART, QUERY, planned
from tests.unit.client.dispatch.worlds import at, told, tries, world
from waypost.v1 import contract_pb2
from waypost_client.dispatch import NoAnswerError


def excluded(**whys: str) -> list[contract_pb2.ExcludedModel]:
    return [contract_pb2.ExcludedModel(name=name, why=why) for name, why in whys.items()]


@pytest.mark.parametrize("streamed", [False, True])
async def test_the_fallback_route_is_asked_without_what_the_contract_excludes(
    streamed: bool, llm: LlmServer
) -> None:
    llm.always("local", Fails(status=500))
    for name in ("hosted", "other"):
        llm.always(name, Answer(f"{name} says so"))
    routes = {
        "code": specialist(
            [at(llm, "local")],
            fallback="general",
            excluded_models=excluded(hosted="it lacks the tag 'local'"),
        ),
        "general": specialist([at(llm, "hosted"), at(llm, "other")]),
    }
    async with world(llm, routes) as w:
        answer = await told(w, streamed=streamed)
    assert (answer.text, answer.route) == ("other says so", "general")
    assert tries(answer) == [("local", "server_error"), ("other", "ok")]


@pytest.mark.parametrize("streamed", [False, True])
async def test_where_no_model_may_be_called_the_error_says_why_of_each_and_nobody_is_called(
    streamed: bool, llm: LlmServer
) -> None:
    routes = {
        "code": specialist(
            fallback="general", excluded_models=excluded(hosted="summarise or split first")
        ),
        "general": specialist([at(llm, "hosted")]),
    }
    async with world(llm, routes) as w:
        with pytest.raises(NoAnswerError) as caught:
            await told(w, streamed=streamed)
        (report,) = await w.reports(1)
    assert str(caught.value) == (
        "UNAVAILABLE: no model answered: code: the contract names no model that may be called "
        "(hosted: summarise or split first); then general: the contract names no model that may be "
        "called (hosted: summarise or split first)"
    )
    assert not llm.calls
    assert not report.attempts


async def test_a_plans_step_takes_no_model_of_the_fallback_route_that_is_excluded(
    llm: LlmServer,
) -> None:
    llm.always("local", Fails(status=500))
    llm.always("hosted", Answer("it must not see this"))
    bars = excluded(hosted="it lacks the tag 'local'")
    own = {
        route: specialist([at(llm, "local")], fallback="general", excluded_models=bars)
        for route in ("review", "explain")
    }
    routes = {**own, "general": specialist([at(llm, "hosted"), at(llm, "local")])}
    async with world(llm, routes, router=planned(APART)) as here:
        with pytest.raises(NoAnswerError):
            await told(here, QUERY, streamed=False)
    assert {call.model for call in llm.calls} == {"local"}
