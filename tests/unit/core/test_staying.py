import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost_server.core.clues import Previous
from waypost_server.core.ranking import Candidate, NearestExemplar, Ranking
from waypost_server.core.staying import OTHER_WEIGHT, PREVIOUS_WEIGHT, log_odds, stay

NAMES = ("a", "b", "c", "d")


def ranking(*confidences: float, scope: float = 0.9, left_out: str = "") -> Ranking:
    """Candidates a, b, ... with these confidences, best first."""
    found = tuple(
        Candidate(
            route=name,
            score=10.0 - i,
            confidence=confidence,
            similarity=0.6,
            threshold=0.3,
            nearest=(NearestExemplar(f"one of {name}", 0.6),),
        )
        for i, (name, confidence) in enumerate(zip(NAMES, confidences, strict=False))
    )
    return Ranking(found, scope, calibrated=True, left_out=left_out)


def shares(of: Ranking) -> dict[str, float]:
    return {candidate.route: candidate.confidence for candidate in of.candidates}


def test_the_chance_to_stay_is_that_of_the_words_and_of_both_confidences() -> None:
    before = ranking(0.6, 0.2, 0.1)
    after = stay(before, Previous("b", 2.0))
    by_hand = 2.0 + PREVIOUS_WEIGHT * math.log(0.2 / 0.8) + OTHER_WEIGHT * math.log(0.6 / 0.4)
    stays = 1 / (1 + math.exp(-by_hand))
    assert stays > 0.6
    rest = (1 - stays) / 0.8
    assert shares(after) == pytest.approx({"b": stays, "a": 0.6 * rest, "c": 0.1 * rest})
    assert [c.route for c in after.candidates] == ["b", "a", "c"]
    assert after.scope_probability == pytest.approx(stays + (0.9 - 0.2) * rest)


def test_what_fits_another_route_well_leaves() -> None:
    after = stay(ranking(0.98, 0.01), Previous("b", 0.0))
    assert [c.route for c in after.candidates] == ["a", "b"]
    assert after.candidates[0].confidence > 0.9


@pytest.mark.parametrize(
    ("found", "previous"),
    [
        (ranking(0.6, 0.2), "z"),
        (ranking(), "a"),
        (ranking(0.6, 0.2, left_out="c"), "a"),
    ],
    ids=["no candidate", "no candidate at all", "the best route of all may not be chosen"],
)
def test_nothing_changes_where_it_has_no_say(found: Ranking, previous: str) -> None:
    assert stay(found, Previous(previous, 9.0)) is found


def test_the_only_candidate_has_no_rival() -> None:
    after = stay(ranking(0.3), Previous("a", 1.0))
    assert [c.route for c in after.candidates] == ["a"]
    assert 0.3 < after.candidates[0].confidence < 1


falling = st.lists(st.floats(0, 1), min_size=1, max_size=4).map(
    lambda drawn: sorted((one / max(sum(drawn), 1) for one in drawn), reverse=True)
)


@given(falling, st.floats(0, 1), st.sampled_from(NAMES), st.floats(-30, 30))
def test_the_previous_route_never_loses_and_the_others_share_what_it_leaves(
    confidences: list[float], scope: float, previous: str, odds: float
) -> None:
    before = ranking(*confidences, scope=min(max(scope, sum(confidences)), 1.0))
    after = stay(before, Previous(previous, odds))
    was, now = shares(before), shares(after)
    assert now.keys() == was.keys()
    assert sum(now.values()) <= 1 + 1e-9
    assert list(now.values()) == sorted(now.values(), reverse=True)
    scores = [candidate.score for candidate in after.candidates]
    assert scores == sorted(scores, reverse=True) or after.candidates[0].route != previous
    assert 0 <= after.scope_probability <= 1
    if previous in was:
        assert now[previous] >= was[previous]
        others = [name for name in was if name != previous]
        rest = (1 - now[previous]) / max(1 - was[previous], 1e-12)
        assert [now[name] for name in others] == pytest.approx([was[n] * rest for n in others])


@given(falling, st.sampled_from(NAMES), st.floats(-5, 5), st.floats(0, 5))
def test_better_odds_never_lower_the_chance(
    confidences: list[float], previous: str, odds: float, more: float
) -> None:
    found = ranking(*confidences)
    if previous in shares(found):
        one, other = (stay(found, Previous(previous, o)) for o in (odds, odds + more))
        assert shares(other)[previous] >= shares(one)[previous]


def test_log_odds_are_bounded_for_what_is_certain() -> None:
    assert log_odds(0.0) == -log_odds(1.0) == -7.0
    assert log_odds(0.5) == 0.0
    assert log_odds(0.8) == pytest.approx(math.log(4))
