"""RouteQuery as a caller sees it; which route is right is the evaluation's business."""

import dataclasses
import time
import uuid

import pytest

from waypost_client import (
    Action,
    Client,
    Contract,
    Conversation,
    InvalidRequestError,
    Outcome,
    Reason,
)

QUERIES = (
    "Why does this test pass alone but fail in the suite?",
    "Could you look over my pull request before I merge it?",
    "Monolith or microservices for a team of four?",
    "What is the default value of max_connections in postgres?",
    "¿Por qué mi contenedor se reinicia con código 137?",
    "Which wine goes with asparagus?",
)


def without_circumstances(contract: Contract) -> Contract:
    """What is left of a contract once its id and its timings are taken away."""
    blank = dataclasses.replace(
        contract.timings, queue_us=0, encode_us=0, search_us=0, decide_us=0, total_us=0
    )
    return dataclasses.replace(contract, decision_id="", timings=blank)


def test_an_exemplar_goes_to_its_own_route(client: Client) -> None:
    text = "What does the -z flag do in tar?"
    nearest = client.route(text, explain=True).candidates[0].nearest_exemplars[0].text
    contract = client.route(nearest, explain=True)
    assert contract.candidates[0].nearest_exemplars[0].text == nearest
    assert contract.similarity == pytest.approx(1, abs=1e-4)
    assert contract.outcome is Outcome.MATCHED
    assert contract.route == contract.candidates[0].route


@pytest.mark.parametrize("text", QUERIES)
def test_a_contract_is_complete_and_agrees_with_itself(client: Client, text: str) -> None:
    contract, loaded = client.route(text), client.routes()
    assert contract.route in {route.name for route in loaded.routes}
    assert contract.outcome is not Outcome.UNSPECIFIED
    assert contract.action is not Action.UNSPECIFIED
    assert contract.reasons
    assert Reason.UNSPECIFIED not in contract.reasons
    assert contract.route in contract.rationale
    assert (contract.action is Action.CLARIFY) == bool(contract.clarifying_question)
    assert contract.fallback_route != contract.route
    assert contract.specialist == client.specialist(contract.route).ref
    if contract.outcome is Outcome.MATCHED:
        assert contract.route == contract.candidates[0].route
        assert contract.similarity >= contract.threshold
    if contract.outcome in (Outcome.FALLBACK, Outcome.OUT_OF_SCOPE):
        assert contract.route == loaded.default_route


@pytest.mark.parametrize("text", QUERIES)
def test_numbers_stay_within_the_ranges_that_the_contract_states(client: Client, text: str) -> None:
    contract = client.route(text, max_candidates=32)
    assert (contract.confidence, contract.similarity, contract.threshold) == (
        contract.candidates[0].confidence,
        contract.candidates[0].similarity,
        contract.candidates[0].threshold,
    )
    for candidate in contract.candidates:
        assert 0 <= candidate.confidence <= 1
        assert -1 <= candidate.similarity <= 1 + 1e-6
        assert -1 <= candidate.threshold <= 1
    scores = [candidate.score for candidate in contract.candidates]
    assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize("text", QUERIES)
def test_the_same_query_gets_the_same_decision(client: Client, text: str) -> None:
    first, second = client.route(text, explain=True), client.route(text, explain=True)
    assert without_circumstances(first) == without_circumstances(second)
    assert first.decision_id != second.decision_id


def test_decision_ids_are_uuid7_that_carry_the_time_and_sort_by_it(client: Client) -> None:
    ids, began = [], time.time()
    for text in QUERIES:
        ids.append(client.route(text).decision_id)
        time.sleep(0.002)  # ids of one millisecond have no order
    parsed = [uuid.UUID(decision_id) for decision_id in ids]
    assert {(id_.version, id_.variant) for id_ in parsed} == {(7, uuid.RFC_4122)}
    assert ids == sorted(ids)
    stamps = [(id_.int >> 80) / 1000 for id_ in parsed]
    assert began - 0.001 <= stamps[0] <= stamps[-1] <= time.time()


@pytest.mark.parametrize("text", QUERIES)
def test_timings_add_up_and_fit_into_the_time_that_the_caller_waited(
    client: Client, text: str
) -> None:
    began = time.perf_counter()
    timings = client.route(f"{text} And how long does it take?").timings  # not asked before
    waited_us = (time.perf_counter() - began) * 1e6
    parts = (timings.queue_us, timings.encode_us, timings.search_us, timings.decide_us)
    assert min(parts) >= 0
    assert timings.encode_us > 0
    assert sum(parts) <= timings.total_us <= waited_us


@pytest.mark.parametrize("allowed", [["docs_lookup"], ["debugging", "architecture"]])
@pytest.mark.parametrize("text", QUERIES)
def test_allowed_routes_leave_out_all_others(client: Client, text: str, allowed: list[str]) -> None:
    contract = client.route(text, allowed_routes=allowed, max_candidates=32)
    assert {candidate.route for candidate in contract.candidates} == set(allowed)
    assert contract.route in {*allowed, client.routes().default_route}


def test_an_unknown_allowed_route_is_refused_with_the_names_that_would_do(client: Client) -> None:
    with pytest.raises(InvalidRequestError, match=r"'poetry'.*code_review.*debugging"):
        client.route("hello", allowed_routes=["debugging", "poetry"])


@pytest.mark.parametrize(("asked", "given"), [(0, 3), (1, 1), (2, 2), (5, 5), (32, 5)])
def test_max_candidates_is_kept_as_far_as_there_are_routes(
    client: Client, asked: int, given: int
) -> None:
    everything = client.route(QUERIES[0], max_candidates=32).candidates
    some = client.route(QUERIES[0], max_candidates=asked).candidates
    assert [(c.route, c.similarity) for c in some] == [
        (c.route, c.similarity) for c in everything[:given]
    ]


def test_asking_for_more_candidates_leaves_the_confidence_as_it_is(client: Client) -> None:
    assert {client.route(QUERIES[0], max_candidates=n).confidence for n in (1, 32)} == {
        client.route(QUERIES[0]).confidence
    }


def test_explain_adds_nearest_exemplars_and_changes_nothing_else(client: Client) -> None:
    plain, explained = client.route(QUERIES[0]), client.route(QUERIES[0], explain=True)
    for candidate in explained.candidates:
        similarities = [exemplar.similarity for exemplar in candidate.nearest_exemplars]
        assert similarities == sorted(similarities, reverse=True)
        assert similarities[0] == candidate.similarity
    bare = tuple(dataclasses.replace(c, nearest_exemplars=()) for c in explained.candidates)
    assert without_circumstances(plain) == without_circumstances(
        dataclasses.replace(explained, candidates=bare)
    )


def test_every_field_of_a_request_is_accepted(client: Client) -> None:
    contract = client.route(
        QUERIES[0],
        request_id="r-1",
        conversation=Conversation(
            session_id="s-1", previous_route="debugging", recent_user_turns=("It fails.",)
        ),
        tenant="acme",
        metadata={"plan": "pro"},
        input_tokens=900,
    )
    assert contract.route in {route.name for route in client.routes().routes}
