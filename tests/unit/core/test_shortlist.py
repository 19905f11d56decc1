import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost_server.core.evidence import NO_RIVAL, SHORTLIST
from waypost_server.core.head import Head
from waypost_server.core.shortlist import ask_head
from waypost_server.core.softmax import LinearMap

ROUTES, WIDTH = 40, 6


def head(routes: int = ROUTES, *, outside: bool = False) -> Head:
    random = np.random.default_rng(3)
    weights, bias = (
        random.standard_normal(shape).astype(np.float32)
        for shape in ((WIDTH, routes + outside), (routes + outside,))
    )
    return Head(LinearMap(weights, bias), routes)


QUERY = np.random.default_rng(4).standard_normal(WIDTH).astype(np.float32)


@pytest.mark.parametrize("outside", [False, True])
@pytest.mark.parametrize("routes", [1, 2, SHORTLIST, SHORTLIST + 1, ROUTES])
def test_the_liked_are_those_with_the_largest_logits_best_first(routes: int, outside: bool) -> None:
    asked = head(routes, outside=outside)
    logits, known = asked.logits(QUERY[np.newaxis])
    expected = np.argsort(-logits[0], kind="stable")[:SHORTLIST]
    found = ask_head(asked, QUERY)
    assert [route for route, _ in found.liked] == expected.tolist()
    np.testing.assert_allclose([logit for _, logit in found.liked], logits[0][expected], rtol=1e-5)
    lead = logits[0][expected[0]] - logits[0][expected[1]] if routes > 1 else NO_RIVAL
    assert found.lead == pytest.approx(min(lead, NO_RIVAL), rel=1e-4)
    assert found.outside == (None if known is None else pytest.approx(known[0], rel=1e-5))


@given(
    some=st.sets(st.integers(0, ROUTES - 1), min_size=1),
    outside=st.booleans(),
    allowed=st.none() | st.sets(st.integers(0, ROUTES - 1)),
    count=st.integers(0, ROUTES),
)
def test_of_some_routes_it_says_what_it_says_of_them_among_all(
    some: set[int], outside: bool, allowed: set[int] | None, count: int
) -> None:
    asked = head(outside=outside)
    logits = asked.logits(QUERY[np.newaxis])[0][0]
    found = ask_head(asked, QUERY, np.array(sorted(some), dtype=np.int32))
    in_order = sorted(some, key=lambda route: -logits[route])
    assert [route for route, _ in found.liked] == in_order[:SHORTLIST]
    left = [r for r in in_order[SHORTLIST:] if allowed is None or r in allowed]
    assert [route for route, _ in found.more(allowed, count)] == left[:count]
    for route, logit in [*found.liked, *found.more(allowed, count)]:
        assert logit == pytest.approx(logits[route], rel=1e-4)


def test_a_head_of_no_routes_likes_none() -> None:
    assert ask_head(head(0), QUERY).liked == []
