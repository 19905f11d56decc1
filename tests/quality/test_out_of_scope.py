"""What examples of out of scope are worth, with the shipped encoder."""

import numpy as np
import pytest

from tests.quality.conftest import Encode
from tests.quality.worlds import World
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.core.decision import Decision
from waypost_server.core.outcome import Outcome

ROUTES = {
    "billing": (
        "my card was charged twice",
        "where is my invoice for march",
        "I want a refund",
        "how do I change my payment method",
        "why is my bill higher this month",
        "can I pay yearly instead of monthly",
    ),
    "password": (
        "I forgot my password",
        "the reset link does not arrive",
        "how do I turn on two-factor login",
        "my account is locked after too many attempts",
        "let me change my e-mail address",
        "I cannot sign in on my phone",
    ),
    "shipping": (
        "where is my parcel",
        "how long does delivery take",
        "can I change the delivery address",
        "the package arrived damaged",
        "do you ship to Norway",
        "track my order please",
    ),
}
KNOWN_STRANGERS = (
    "what is the weather like today",
    "tell me a joke about cats",
    "who won the football game last night",
    "write a poem about the sea",
    "how tall is the Eiffel Tower",
    "translate good morning into French",
    "what should I cook for dinner",
    "what is the capital of Peru",
)
FRESH_STRANGERS = (
    "will it rain in Berlin tomorrow",
    "tell me something funny",
    "who won the world cup in 1998",
    "write a haiku about autumn",
    "how deep is the Pacific Ocean",
    "how do you say thank you in Japanese",
    "recipe for lentil soup",
    "what is the largest city of Brazil",
    "play some jazz",
    "how many legs does a spider have",
)
FRESH = {
    "billing": ("I was billed two times", "send me the receipt again", "give me my money back"),
    "password": ("cannot log in any more", "reset my password", "my login is blocked"),
    "shipping": ("my order has not arrived", "when will it be delivered", "parcel is broken"),
}


@pytest.fixture(scope="module")
def plain(encoder: OnnxEncoder, encode: Encode) -> World:
    return World(ROUTES, encoder, encode)


@pytest.fixture(scope="module")
def taught(encoder: OnnxEncoder, encode: Encode) -> World:
    return World(ROUTES, encoder, encode, out_of_scope=KNOWN_STRANGERS)


def confidence(decisions: list[Decision]) -> float:
    return float(np.mean([decision.candidates[0].confidence for decision in decisions]))


def test_examples_of_strangers_make_fresh_strangers_less_likely_to_be_let_in(
    plain: World, taught: World
) -> None:
    before, after = plain.decide(FRESH_STRANGERS), taught.decide(FRESH_STRANGERS)
    assert confidence(after) <= confidence(before)
    rejected = [
        sum(decision.outcome is Outcome.OUT_OF_SCOPE for decision in decisions)
        for decisions in (before, after)
    ]
    assert rejected[1] >= rejected[0]
    assert all(decision.outcome is not Outcome.MATCHED for decision in after)


def test_examples_of_strangers_leave_the_routes_own_queries_where_they_belong(
    plain: World, taught: World
) -> None:
    for world in (plain, taught):
        for route, texts in FRESH.items():
            best = [decision.candidates[0].route for decision in world.decide(texts)]
            assert best == [route] * len(texts)


def test_the_examples_themselves_are_out_of_scope(taught: World) -> None:
    outcomes = [decision.outcome for decision in taught.decide(KNOWN_STRANGERS)]
    assert Outcome.MATCHED not in outcomes
