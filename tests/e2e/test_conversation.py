"""Conversations over the wire: follow-ups stay, clear changes of topic go."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import running_server, waypost
from tests.e2e.topics import CLEAR, DEFAULT, build, topics
from waypost_client import Client, Contract, Conversation, Outcome, Reason, Stage

FOLLOWUPS = ("yes, please", "and in French?", "thanks, that works", "what about the second one?")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Routes to which conversations stick, but for one."""
    folder = tmp_path_factory.mktemp("sticky")
    routes = topics(folder)
    with (routes / "taxonomy.yaml").open("a", encoding="utf-8") as file:
        file.write("stickiness: 1\n")
    (routes / "cooking/route.yaml").write_text("stickiness: 0\n", encoding="utf-8")
    build(routes, folder / "index")
    return folder


@pytest.fixture(scope="module", params=["true", "false"], ids=["two stages", "one stage"])
def client(request: pytest.FixtureRequest, folder: Path) -> Iterator[Client]:
    with (
        running_server(folder / "index", WAYPOST_TWO_STAGE=request.param) as server,
        Client(server.address, timeout_s=20) as connected,
    ):
        yield connected


def after(client: Client, route: str, text: str, *, turns: tuple[str, ...] = ()) -> Contract:
    conversation = Conversation(previous_route=route, recent_user_turns=turns)
    return client.route(text, conversation=conversation)


@pytest.mark.parametrize("text", FOLLOWUPS)
def test_followups_stay_where_the_conversation_was(client: Client, text: str) -> None:
    for route in ("music", "weather"):
        contract = after(client, route, text)
        assert (contract.outcome, contract.route) == (Outcome.MATCHED, route)
        assert Reason.STICKY in contract.reasons
        assert contract.confidence >= 0.75
        assert contract.rationale.startswith(f"Goes on with {route}, where the conversation was (")
    assert Reason.STICKY not in client.route(text).reasons


@pytest.mark.parametrize("route", CLEAR)
def test_a_clear_change_of_topic_goes(client: Client, route: str) -> None:
    alone = client.route(CLEAR[route])
    for previous in {*CLEAR, "banking"} - {route}:
        contract = after(client, previous, CLEAR[route])
        assert (contract.outcome, contract.route) == (Outcome.MATCHED, route)
        assert contract.reasons[:2] == (Reason.ABOVE_THRESHOLD, Reason.TOPIC_SWITCH)
        assert set(contract.reasons) == {*alone.reasons, Reason.TOPIC_SWITCH}
        assert f"not {previous}, where the conversation was" in contract.rationale
        assert contract.confidence <= alone.confidence
    stays = after(client, route, CLEAR[route])
    assert (stays.outcome, stays.route) == (Outcome.MATCHED, route)
    assert Reason.TOPIC_SWITCH not in stays.reasons


def test_a_whole_conversation(client: Client) -> None:
    conversation, went = Conversation(session_id="s"), []
    for text in (CLEAR["music"], "and by Miles Davis?", "great, thanks", CLEAR["travel"], "yes"):
        contract = client.route(text, conversation=conversation)
        conversation = conversation.then(text, route=contract.route)
        went.append(contract.route)
    assert went == ["music", "music", "music", "travel", "travel"]
    assert conversation.session_id == "s"
    assert conversation.recent_user_turns[-1] == "yes"


def said(contract: Contract) -> tuple[object, ...]:
    return (
        contract.route,
        contract.outcome,
        contract.reasons,
        contract.rationale,
        contract.confidence,
        contract.candidates,
    )


def test_a_route_that_is_not_sticky_has_no_say(client: Client) -> None:
    assert said(after(client, "cooking", FOLLOWUPS[0])) == said(client.route(FOLLOWUPS[0]))


def test_a_previous_route_that_is_gone_counts_for_nothing_and_is_named(client: Client) -> None:
    gone, alone = after(client, "retired", FOLLOWUPS[0]), client.route(FOLLOWUPS[0])
    assert gone.rationale == (
        alone.rationale.removesuffix(".")
        + '; the conversation\'s previous route, "retired", is not loaded and counts for nothing.'
    )
    assert (gone.route, gone.reasons) == (alone.route, alone.reasons)


def test_a_thousand_recent_turns_say_what_the_last_ones_say(client: Client) -> None:
    turns = tuple(f"turn {i}" for i in range(1_000))
    many = after(client, "music", FOLLOWUPS[1], turns=turns)
    assert said(many) == said(after(client, "music", FOLLOWUPS[1], turns=turns[-16:]))
    # What is not read need not keep the limits either.
    long = after(client, "music", FOLLOWUPS[1], turns=("t" * 40_000, *turns))
    assert said(long) == said(many)


def test_what_a_caller_does_not_allow_is_not_stayed_on(client: Client) -> None:
    others = ("travel", "weather", DEFAULT)
    conversation = Conversation(previous_route="music")
    contract = client.route(FOLLOWUPS[0], conversation=conversation, allowed_routes=others)
    assert said(contract) == said(client.route(FOLLOWUPS[0], allowed_routes=others))


def test_the_first_stage_stays_where_it_decides(folder: Path) -> None:
    with running_server(folder / "index") as server, Client(server.address) as client:
        texts = (*FOLLOWUPS, *CLEAR.values())
        contracts = [after(client, "weather", text) for text in texts]
    with (
        running_server(folder / "index", WAYPOST_TWO_STAGE="false") as server,
        Client(server.address) as client,
    ):
        alone = [after(client, "weather", text) for text in texts]
    assert Stage.STATIC_ENCODER in {contract.stage for contract in contracts}
    assert [one.route for one in contracts] == [one.route for one in alone]


def test_a_decision_is_made_again_from_where_the_conversation_was(
    folder: Path, tmp_path: Path
) -> None:
    database = f"sqlite:///{tmp_path}/waypost.db"
    with (
        running_server(
            folder / "index", WAYPOST_DATABASE=database, WAYPOST_LOG_TEXT="true"
        ) as server,
        Client(server.address, timeout_s=20) as client,
    ):
        contract = client.route(
            FOLLOWUPS[0], conversation=Conversation(previous_route="music"), wait_for_log=True
        )
        assert contract.reasons[0] is Reason.STICKY
        command = ("log", "show", contract.decision_id, "--index", str(folder / "index"), "--json")
        shown = waypost(*command, WAYPOST_DATABASE=database)
    assert shown.returncode == 0, shown.stderr
    replay = json.loads(shown.stdout)["replay"]
    assert (replay["problem"], replay["changes"]) == ("", [])
