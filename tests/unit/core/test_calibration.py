import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.clouds import Clouds, Fitted, fitted, labels_of
from waypost_server.core.calibration import (
    CLOSENESS_UNIT,
    LEAD_UNIT,
    NOVEL_SHARE,
    PRIOR_WEIGHT,
    TYPICAL_CLOSENESS,
    UNCALIBRATED,
    Calibration,
    CalibrationMethod,
    Doubles,
    fit_calibration,
)
from waypost_server.core.crossfit import HeldOut
from waypost_server.core.evidence import Evidence, gather_evidence, score_routes
from waypost_server.core.softmax import Floats, Labels


def drawn(count: int, *, seed: int = 0) -> HeldOut:
    """Held-out exemplars; the log-odds of being right are 2 lead + closeness - 1."""
    random = np.random.default_rng(seed)
    lead = random.exponential(1.5, count).astype(np.float32)
    closeness = np.clip(random.normal(0.5, 0.15, count), -1, 1).astype(np.float32)
    chance = 1 / (1 + np.exp(-(2 * lead + closeness - 1)))
    evidence = Evidence(
        route=np.zeros(count, dtype=np.int32),
        lead=lead,
        closeness=closeness,
        logit=random.normal(3, 1, count).astype(np.float32),
        surroundings=closeness - np.float32(0.1),
    )
    return HeldOut(
        evidence=evidence,
        right=random.random(count) < chance,
        similarity=closeness,
        labels=np.zeros(count, dtype=np.int32),
    )


def first_of(evidence: Evidence, count: int, **changes: Floats) -> Evidence:
    """The first few, some columns replaced."""
    return Evidence(
        **{
            name: changes.get(name, getattr(evidence, name)[:count])
            for name in ("route", "lead", "closeness", "logit", "surroundings")
        }
    )


@pytest.mark.parametrize("count", [1, 7, 40, 1_000])
def test_the_first_fit_is_the_optimum_of_a_penalised_logistic_regression(count: int) -> None:
    # Strictly convex, so where the gradient is 0 is the one optimum.
    held_out = drawn(count)
    theta = np.array(fit_calibration(held_out).right)
    evidence = held_out.evidence
    above = evidence.closeness - TYPICAL_CLOSENESS
    design = np.column_stack([evidence.lead, above, np.ones(count)])
    chance = 1 / (1 + np.exp(-design @ theta))
    penalty = PRIOR_WEIGHT * np.square([LEAD_UNIT, CLOSENESS_UNIT, 1.0])
    gradient = design.T @ (chance - held_out.right) + penalty * (theta - UNCALIBRATED.right)
    np.testing.assert_allclose(gradient, np.zeros(3), atol=1e-6 * count)


def test_with_many_exemplars_the_fit_finds_the_law_that_made_them() -> None:
    lead, closeness, intercept = fit_calibration(drawn(20_000)).right
    assert lead == pytest.approx(2, abs=0.15)
    assert closeness == pytest.approx(1, abs=0.4)
    assert intercept == pytest.approx(-1 + TYPICAL_CLOSENESS, abs=0.15)


@pytest.mark.parametrize(("right", "most"), [(True, 0.1), (False, 0.3)])
def test_two_exemplars_hardly_move_a_fit_from_its_prior(right: bool, most: float) -> None:
    two = drawn(2)
    moved = fit_calibration(
        HeldOut(two.evidence, np.array([right, right]), two.similarity, two.labels)
    )
    many = drawn(500).evidence
    before, after = _logistic(many, UNCALIBRATED.right), _logistic(many, moved.right)
    assert np.abs(before - after).mean() < most


def _logistic(evidence: Evidence, theta: tuple[float, ...]) -> Doubles:
    z = theta[0] * evidence.lead + theta[1] * (evidence.closeness - TYPICAL_CLOSENESS) + theta[2]
    return np.asarray(1 / (1 + np.exp(-z.astype(np.float64))))


@pytest.mark.parametrize("right", [True, False])
def test_exemplars_that_are_all_right_or_all_wrong_are_fitted_all_the_same(right: bool) -> None:
    some = drawn(300)
    fit = fit_calibration(HeldOut(some.evidence, np.full(300, right), some.similarity, some.labels))
    confidence = fit.confidence(some.evidence)
    assert np.isfinite([*fit.right, *fit.scope, *fit.final]).all()
    assert (confidence.mean() > 0.9) if right else (confidence.mean() < 0.1)


NUMBERS = st.floats(-1e3, 1e3, width=32)


@given(st.lists(st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS), min_size=1, max_size=5))
def test_whatever_the_evidence_probabilities_stay_between_0_and_1(
    rows: list[tuple[float, float, float, float]],
) -> None:
    lead, closeness, logit, surroundings = np.array(rows, dtype=np.float32).T
    evidence = Evidence(np.zeros(len(rows), np.int32), lead, closeness, logit, surroundings)
    for calibration in (UNCALIBRATED, FITTED):
        for values in (calibration.confidence(evidence), calibration.scope_probability(evidence)):
            assert ((values >= 0) & (values <= 1)).all()
        for i, row in enumerate(rows):
            scope, confidence = calibration.of_one(
                lead=row[0], closeness=row[1], logit=row[2], surroundings=row[3]
            )
            # float32 has 7 digits, and what they are multiplied with goes up to 20.
            assert scope == pytest.approx(calibration.scope_probability(evidence)[i], abs=1e-3)
            assert confidence == pytest.approx(calibration.confidence(evidence)[i], abs=1e-3)


FITTED = fit_calibration(drawn(400))


@pytest.mark.parametrize("calibration", [UNCALIBRATED, FITTED], ids=["prior", "fitted"])
@pytest.mark.parametrize("column", ["lead", "logit", "surroundings", "closeness"])
def test_more_evidence_never_means_less_confidence(calibration: Calibration, column: str) -> None:
    rising = np.linspace(0, 5 if column in ("lead", "logit") else 1, 50, dtype=np.float32)
    evidence = first_of(drawn(50).evidence, 50)
    fixed = {
        name: np.full(50, getattr(evidence, name)[0])
        for name in ("lead", "logit", "surroundings", "closeness")
    }
    confidence = calibration.confidence(first_of(evidence, 50, **{**fixed, column: rising}))
    assert (np.diff(confidence) >= -1e-12).all()


def test_the_share_of_exemplars_that_count_as_strangers_is_the_one_that_is_stated() -> None:
    held_out = drawn(2_000)
    inside = fit_calibration(held_out).scope_probability(held_out.evidence) >= 0.5
    assert 1 - inside.mean() == pytest.approx(NOVEL_SHARE, abs=0.002)


def test_a_fit_says_how_it_was_made() -> None:
    assert FITTED.method is CalibrationMethod.CROSS_FITTED
    assert UNCALIBRATED.method is CalibrationMethod.NONE


def fresh(world: Fitted, clouds: Clouds, labels: Labels) -> tuple[Doubles, Floats, Evidence]:
    """Confidence in, and rightness of, queries that no fit has seen."""
    queries = clouds.draw(labels, seed=1234)
    similarities = queries[:, : clouds.dimension] @ world.vectors.T
    logits, outside = world.scoring.head.logits(queries)
    scores = score_routes(logits, similarities, world.exemplars.sizes)
    evidence = gather_evidence(scores, outside)
    confidence = world.scoring.calibration.confidence(evidence)
    return confidence, np.asarray(evidence.route == labels, dtype=np.float32), evidence


@pytest.mark.parametrize("spread", [0.8, 1.2, 1.8], ids=["easy", "middling", "hard"])
def test_confidence_holds_on_queries_that_no_fit_has_seen(spread: float) -> None:
    clouds = Clouds(20, spread=spread)
    world = fitted(clouds, [12] * 20)
    confidence, right, _ = fresh(world, clouds, labels_of([100] * 20))
    order = np.argsort(confidence)
    error = sum(
        abs(confidence[part].mean() - right[part].mean()) * len(part)
        for part in np.array_split(order, 15)
    ) / len(right)
    assert error <= 0.05
