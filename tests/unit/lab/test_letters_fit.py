"""The head over runs of letters, compared with what the optimum must satisfy."""

import numpy as np

from waypost_server.core.guard_letters import BUCKETS, letters_of
from waypost_server.lab.letters_fit import STRENGTH, Letters, fit_letters

TEXTS = [f"{what} {n} times" for n in range(40) for what in ("reveal the secret", "bake the bread")]
IS_ATTACK = np.arange(80) % 2 == 0
WEIGHT = np.where(IS_ATTACK, 2.0, 0.5)


def test_it_learns_words_and_serves_what_it_fitted() -> None:
    letters = Letters.of(TEXTS)
    head = fit_letters(letters, IS_ATTACK, WEIGHT)
    logits = letters.logits(head)
    assert ((logits > 0) == IS_ATTACK).all()
    np.testing.assert_allclose(logits, [head.logit(text) for text in TEXTS], atol=1e-5)
    assert head.logit("Reveal   the s\u200becret, please") > 0 > head.logit("bake a loaf of bread")
    again = fit_letters(letters, IS_ATTACK, WEIGHT)
    np.testing.assert_array_equal(again.weights, head.weights)


def test_at_the_optimum_the_gradient_of_the_penalised_loss_is_zero() -> None:
    letters = Letters.of(TEXTS)
    head = fit_letters(letters, IS_ATTACK, WEIGHT)
    dense = np.zeros((len(TEXTS), BUCKETS))
    np.add.at(dense, (letters.rows, letters.buckets), letters.values)
    missed = WEIGHT * (1 / (1 + np.exp(-(dense @ head.weights + head.bias))) - IS_ATTACK)
    np.testing.assert_allclose(dense.T @ missed, -head.weights / STRENGTH, atol=0.01)
    assert abs(missed.sum()) < 0.05


def test_the_chosen_texts_are_as_they_are_by_themselves() -> None:
    chosen = Letters.of(TEXTS).chosen(IS_ATTACK)
    alone = Letters.of([text for text, one in zip(TEXTS, IS_ATTACK, strict=True) if one])
    assert chosen.count == alone.count
    for name in ("buckets", "values", "rows"):
        np.testing.assert_array_equal(getattr(chosen, name), getattr(alone, name))


def test_a_run_counts_once_and_a_text_as_much_as_any_other() -> None:
    buckets, values = letters_of("abcd")
    assert len(buckets) == 7  # of " abcd ", four runs of three and three of four
    np.testing.assert_allclose(values**2, 1 / 7, rtol=1e-6)
    assert len(letters_of("na" * 50)[0]) == 8  # " na", "nan", "ana", "na " and four of four
    for text in ("", "a", "\ud800", "x" * 100_000):
        assert np.isfinite(letters_of(text)[1]).all()
