"""`changed` against `dataclasses.replace`, of every class that it is used for."""

from dataclasses import dataclass, fields, replace

import pytest

from waypost_server.core.catalog import Route
from waypost_server.core.changed import changed
from waypost_server.core.clues import NO_CLUES, Clues
from waypost_server.core.decision import Decision
from waypost_server.core.outcome import Action, Outcome, Reason
from waypost_server.core.query import Query
from waypost_server.core.ranking import Candidate, NearestExemplar, Ranking

CANDIDATE = Candidate(
    route="a",
    score=1.0,
    confidence=0.9,
    similarity=0.8,
    threshold=0.5,
    nearest=(NearestExemplar("x", 0.8),),
)
RANKING = Ranking((CANDIDATE,), 0.9, calibrated=True)
DECISION = Decision(
    outcome=Outcome.MATCHED,
    action=Action.INVOKE,
    reasons=(Reason.ABOVE_THRESHOLD,),
    route=Route(name="a"),
    fallback_route="",
    rationale="It fits.",
    clarifying_question="",
    candidates=(CANDIDATE,),
)


@pytest.mark.parametrize("one", [NO_CLUES, Query(text="x"), CANDIDATE, RANKING, DECISION])
def test_it_is_replace_for_every_field(
    one: Clues | Query | Candidate | Ranking | Decision,
) -> None:
    assert not hasattr(type(one), "__post_init__")
    before = replace(one)
    for field in fields(one):
        by = {field.name: object()}
        assert vars(changed(one, **by)) == vars(replace(one, **by))  # type: ignore[arg-type]
        assert type(changed(one, **by)) is type(one)  # type: ignore[arg-type]
    assert one == before


def test_a_change_of_a_change_keeps_both_and_the_copy_is_as_frozen() -> None:
    query = changed(changed(Query(text="x"), tenant="acme"), text="y")
    assert query == Query(text="y", tenant="acme")
    assert hash(changed(CANDIDATE, score=2.0)) == hash(replace(CANDIDATE, score=2.0))
    with pytest.raises(AttributeError):
        query.text = "z"  # type: ignore[misc]


def test_a_class_with_slots_is_refused_loudly() -> None:
    @dataclass(frozen=True, slots=True)
    class Slotted:
        x: int = 0

    with pytest.raises(AttributeError):
        changed(Slotted(), x=1)
