"""Evidence against loops that say the same slowly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from waypost_server.core.evidence import (
    NEAREST_IN_ALL,
    NEAREST_IN_ROUTE,
    NO_RIVAL,
    OUTSIDE_WEIGHT,
    SIMILARITY_WEIGHT,
    Floats,
    Ids,
    RouteScores,
    gather_evidence,
    mean_of_largest,
    score_routes,
)

COSINES = st.integers(-15, 16).map(lambda eighth: eighth / 16)
"""Few enough values that duplicates are common, and all above -1, which means: not counted."""


@st.composite
def problems(draw: st.DrawFn) -> tuple[Floats, Floats, Ids]:
    """Logits, similarities and sizes of up to 5 routes and 4 queries."""
    sizes = np.array(draw(st.lists(st.integers(1, 6), min_size=1, max_size=5)), dtype=np.int32)
    n = draw(st.integers(1, 4))
    logits = draw(arrays(np.float32, (n, len(sizes)), elements=st.integers(-80, 80)))
    similarities = draw(arrays(np.float32, (n, int(sizes.sum())), elements=COSINES))
    return (logits / 8).astype(np.float32), similarities.astype(np.float32), sizes


def slow_closeness(own: list[float]) -> float:
    """Mean of the nearest few, each value once, for a duplicate says nothing new."""
    nearest = sorted({value for value in own if value > -1}, reverse=True)[:NEAREST_IN_ROUTE]
    return sum(nearest) / len(nearest) if nearest else -1.0


def by_route(similarities: list[float], sizes: Ids) -> list[list[float]]:
    starts = [int(sizes[:i].sum()) for i in range(len(sizes))]
    return [similarities[a : a + n] for a, n in zip(starts, sizes.tolist(), strict=True)]


@given(problems())
def test_scores_are_those_of_the_loop(problem: tuple[Floats, Floats, Ids]) -> None:
    logits, similarities, sizes = problem
    scores = score_routes(logits, similarities, sizes)
    for i, row in enumerate(similarities.tolist()):
        for j, own in enumerate(by_route(row, sizes)):
            closeness = slow_closeness(own)
            assert scores.similarity[i, j] == max(own)
            assert scores.closeness[i, j] == pytest.approx(closeness, abs=1e-6)
            assert scores.score[i, j] == pytest.approx(
                logits[i, j] + SIMILARITY_WEIGHT * closeness, abs=1e-5
            )
    np.testing.assert_array_equal(scores.logit, logits)


@pytest.mark.parametrize(
    ("own", "closeness"),
    [
        ([0.5], 0.5),
        ([0.25, 0.75], 0.5),
        ([0.9, 0.6, 0.3], 0.6),
        ([0.9, 0.6, 0.3, 0.2, -0.9], 0.6),
        ([0.8, 0.8, 0.8], 0.8),
        ([0.8, 0.8, 0.4], 0.6),
        ([0.9, 0.9, 0.6, 0.6, 0.3], 0.6),
        ([-0.5, -0.25], -0.375),
        ([0.5, -1.0, -1.0], 0.5),
        ([-1.0], -1.0),
    ],
    ids=str,
)
def test_closeness_is_the_mean_of_the_three_nearest_that_differ(
    own: list[float], closeness: float
) -> None:
    scores = score_routes(
        np.zeros((1, 1), np.float32), np.array([own], np.float32), np.array([len(own)], np.int32)
    )
    assert scores.closeness[0, 0] == pytest.approx(closeness, abs=1e-6)
    assert scores.similarity[0, 0] == np.float32(max(own))


@given(problems())
def test_a_duplicated_exemplar_changes_no_score(problem: tuple[Floats, Floats, Ids]) -> None:
    logits, similarities, sizes = problem
    plain = score_routes(logits, similarities, sizes)
    twice = score_routes(logits, np.repeat(similarities, 2, axis=1), sizes * np.int32(2))
    np.testing.assert_array_equal(plain.score, twice.score)


@given(problems(), st.booleans())
def test_evidence_is_that_of_the_loop(
    problem: tuple[Floats, Floats, Ids], knows_outside: bool
) -> None:
    logits, similarities, sizes = problem
    outside = np.linspace(-3, 3, len(logits), dtype=np.float32) if knows_outside else None
    scores = score_routes(logits, similarities, sizes)
    evidence = gather_evidence(scores, outside)
    for i in range(len(logits)):
        row = scores.score[i].tolist()
        best = row.index(max(row))
        ranked = sorted(row, reverse=True)
        lead = min(ranked[0] - ranked[1], float(NO_RIVAL)) if len(row) > 1 else float(NO_RIVAL)
        logit = float(logits[i, best])
        if outside is not None:
            logit -= OUTSIDE_WEIGHT * float(outside[i])
        nearest = sorted(similarities[i].tolist(), reverse=True)[:NEAREST_IN_ALL]
        assert evidence.route[i] == best
        assert evidence.lead[i] == pytest.approx(lead, abs=1e-5)
        assert evidence.closeness[i] == scores.closeness[i, best]
        assert evidence.logit[i] == pytest.approx(logit, abs=1e-5)
        assert evidence.surroundings[i] == pytest.approx(sum(nearest) / len(nearest), abs=1e-6)


@pytest.mark.parametrize(
    ("scores", "lead"), [([3.0], 10.0), ([3.0, 3.0], 0.0), ([-50.0, 50.0], 10.0), ([1.0, 2.5], 1.5)]
)
def test_the_lead_is_capped_as_if_there_were_no_rival(scores: list[float], lead: float) -> None:
    row = np.array([scores], np.float32)
    given_ = RouteScores(row, row, row, row, surroundings=row[:, 0])
    assert gather_evidence(given_, None).lead[0] == lead


@given(
    arrays(np.float32, st.tuples(st.integers(1, 4), st.integers(1, 9)), elements=COSINES),
    st.integers(1, 12),
)
def test_mean_of_largest_is_that_of_sorting(values: Floats, k: int) -> None:
    expected = np.sort(values, axis=1)[:, ::-1][:, :k].mean(axis=1)
    np.testing.assert_allclose(mean_of_largest(values, k), expected, atol=1e-6)
