"""What clients report, counted and forgotten in bounded memory."""

import math
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost_server.core.breakers import DEFAULT_SECONDS, MAX_SECONDS, NOTHING, Breakers
from waypost_server.core.errors import InvalidQueryError
from waypost_server.core.outcomes import MAX_MODELS, REMEMBERED, ModelCount, Outcomes
from waypost_server.core.report import (
    MAX_ATTEMPTS,
    Attempt,
    OutcomeReport,
    SpecialistOutcome,
    check_report,
)

FLEET = ("small", "large")
LOADED = ("a", "b")
ACCEPTED, REJECTED = SpecialistOutcome.ACCEPTED, SpecialistOutcome.REJECTED


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def id_of(number: int) -> str:
    return str(uuid.UUID(int=number << 80 | 0x7 << 76 | 0b10 << 62))


def opened(model: str = "small", ms: int = 0) -> Attempt:
    return Attempt(model=model, breaker_open=True, breaker_open_ms=ms)


def said(seconds: int) -> str:
    return f"a client's circuit breaker for it is open, as reported {seconds} s ago"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breakers(clock: Clock) -> Breakers:
    return Breakers(clock)


@pytest.mark.parametrize(
    ("ms", "seconds"),
    [(0, DEFAULT_SECONDS), (1_500, 1.5), (300_000, MAX_SECONDS), (4_000_000_000, MAX_SECONDS)],
)
def test_a_model_is_left_out_for_as_long_as_was_said_and_no_longer(
    breakers: Breakers, clock: Clock, ms: int, seconds: float
) -> None:
    breakers.hear(opened(ms=ms), FLEET)
    assert breakers.left_out() == {"small": said(0)}
    clock.now += seconds - 0.01
    assert breakers.left_out() == {"small": said(int(seconds - 0.01))}
    clock.now += 0.02
    assert breakers.left_out() == {}
    assert breakers.left_out() is NOTHING


def test_a_success_ends_it_and_a_mere_failure_does_not(breakers: Breakers) -> None:
    breakers.hear(opened(), FLEET)
    breakers.hear(Attempt(model="small"), FLEET)
    breakers.hear(Attempt(model="large", succeeded=True), FLEET)
    assert set(breakers.left_out()) == {"small"}
    breakers.hear(Attempt(model="small", succeeded=True), FLEET)
    assert breakers.left_out() is NOTHING


def test_a_new_word_begins_a_new_time(breakers: Breakers, clock: Clock) -> None:
    breakers.hear(opened(ms=60_000), FLEET)
    clock.now += 50
    breakers.hear(opened(ms=20_000), FLEET)
    clock.now += 15
    assert breakers.left_out() == {"small": said(15)}
    clock.now += 5
    assert breakers.left_out() == {}


def test_it_is_the_same_object_as_long_as_it_says_the_same(
    breakers: Breakers, clock: Clock
) -> None:
    breakers.hear(opened(), FLEET)
    first = breakers.left_out()
    clock.now += 0.9
    assert breakers.left_out() is first
    clock.now += 0.2
    assert breakers.left_out() == {"small": said(1)}
    assert first == {"small": said(0)}


def test_a_model_that_the_fleet_has_not_is_counted_and_not_left_out(clock: Clock) -> None:
    outcomes = Outcomes(clock)
    outcomes.hear(OutcomeReport(decision_id=id_of(1), attempts=[opened("judge")]), fleet=FLEET)
    assert outcomes.breakers.left_out() is NOTHING
    assert outcomes.models == {"judge": ModelCount(0, 1)}


REPORT = st.builds(
    OutcomeReport,
    decision_id=st.integers(0, 20).map(id_of),
    outcome=st.sampled_from([*SpecialistOutcome, None]),
    route=st.sampled_from(["", *LOADED]),
    answered_by=st.sampled_from(["", *LOADED]),
    attempts=st.lists(
        st.builds(
            Attempt,
            model=st.sampled_from([*FLEET, "judge"]),
            succeeded=st.booleans(),
            breaker_open=st.booleans(),
        ),
        max_size=3,
    ),
)


@given(st.lists(REPORT, max_size=40))
def test_each_decision_is_counted_once_whatever_is_sent_again(reports: list[OutcomeReport]) -> None:
    outcomes = Outcomes(Clock())
    answers = [outcomes.hear(report, fleet=FLEET) for report in reports]
    told = [r for r in reports if r.outcome or r.attempts]
    once = list({report.decision_id: report for report in reversed(told)}.values())
    for outcome in SpecialistOutcome:
        for route in LOADED:
            expected = sum(
                (r.answered_by or r.route if outcome is ACCEPTED else r.route) == route
                for r in once
                if r.outcome is outcome
            )
            assert outcomes.routes.get(route, {}).get(outcome, 0) == expected
    for model in (*FLEET, "judge"):
        calls = [a.succeeded for r in once for a in r.attempts if a.model == model]
        counted = outcomes.models.get(model, ModelCount())
        assert counted == ModelCount(sum(calls), len(calls) - sum(calls))
    assert sum(answers) == len(told) - len(once)


def test_what_people_thought_is_no_repetition_before_the_outcome_or_after_it() -> None:
    outcomes = Outcomes(Clock())
    thought = OutcomeReport(decision_id=id_of(1), correct_route="b", note="n", route="a")
    happened = OutcomeReport(decision_id=id_of(1), outcome=REJECTED, route="a")
    heard = [outcomes.hear(each, fleet=FLEET) for each in (thought, happened, thought, happened)]
    assert heard == [False, False, False, True]
    assert outcomes.routes == {"a": {REJECTED: 1}}


def test_a_repetition_opens_no_breaker_again(clock: Clock) -> None:
    outcomes = Outcomes(clock)
    report = OutcomeReport(decision_id=id_of(1), attempts=[opened(ms=1_000)])
    outcomes.hear(report, fleet=FLEET)
    clock.now += 2
    assert outcomes.hear(report, fleet=FLEET)
    assert outcomes.breakers.left_out() == {}


def test_the_decision_heard_longest_ago_is_forgotten_first() -> None:
    outcomes = Outcomes(Clock())

    def hear(number: int) -> bool:
        report = OutcomeReport(decision_id=id_of(number), outcome=ACCEPTED, route="a")
        return outcomes.hear(report, fleet=FLEET)

    assert not any(hear(number) for number in range(REMEMBERED + 1))
    assert hear(1)
    assert not hear(0)
    assert not hear(1)  # which made room for 0
    assert hear(REMEMBERED)


def test_made_up_models_take_a_bounded_place() -> None:
    outcomes = Outcomes(Clock())
    for number in range(MAX_MODELS // 50 + 3):
        attempts = [Attempt(model=f"m{number}-{i}") for i in range(50)]
        outcomes.hear(OutcomeReport(decision_id=id_of(number), attempts=attempts), fleet=FLEET)
    assert len(outcomes.models) == MAX_MODELS
    again = [Attempt(model="m0-0", succeeded=True)]
    outcomes.hear(OutcomeReport(decision_id=id_of(10_000), attempts=again), fleet=FLEET)
    assert outcomes.models["m0-0"] == ModelCount(1, 1)


GOOD = OutcomeReport(
    decision_id=id_of(1),
    outcome=ACCEPTED,
    attempts=[Attempt(model="m" * 128, error_kind="e" * 128, cost_usd=0.5, route="b")]
    * MAX_ATTEMPTS,
    correct_route="a",
    note="n" * 1_024,
    route="a",
    answered_by="b",
)


def attempted(**fields: object) -> OutcomeReport:
    return OutcomeReport(
        decision_id=id_of(1),
        attempts=[Attempt(model="small"), Attempt(**{"model": "small"} | fields)],  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("report", "what"),
    [
        (
            OutcomeReport(decision_id="42"),
            "decision_id is '42'; send the decision_id",
        ),
        (OutcomeReport(decision_id=id_of(1), note="n" * 1_025), "note is 1,025 bytes"),
        (OutcomeReport(decision_id=id_of(1), route="c"), "route names 'c', which is not loaded"),
        (OutcomeReport(decision_id=id_of(1), correct_route="c"), "correct_route names 'c'"),
        (OutcomeReport(decision_id=id_of(1), answered_by="c"), "answered_by names 'c'"),
        (
            OutcomeReport(decision_id=id_of(1), attempts=[Attempt(model="m")] * 65),
            "attempts has 65 items; the limit is 64",
        ),
        (attempted(model=""), "attempts[1].model is empty"),
        (attempted(model="é" * 65), "attempts[1].model is 130 bytes"),
        (attempted(error_kind="e" * 129), "attempts[1].error_kind is 129 bytes"),
        (attempted(route="c"), "attempts[1].route names 'c'"),
        (attempted(cost_usd=-0.01), "attempts[1].cost_usd is -0.01; send a finite number"),
        (attempted(cost_usd=math.nan), "attempts[1].cost_usd is nan"),
        (attempted(cost_usd=math.inf), "attempts[1].cost_usd is inf"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_report_that_breaks_a_limit_is_refused(report: OutcomeReport, what: str) -> None:
    check_report(GOOD, loaded=LOADED)
    with pytest.raises(InvalidQueryError) as caught:
        check_report(report, loaded=LOADED)
    assert what in str(caught.value)
