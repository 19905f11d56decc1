"""Fitting the guard's heads, compared with what the optimum must satisfy."""

import numpy as np

from waypost_server.core.clues import FlagKind, Severity
from waypost_server.core.ports import Encodings
from waypost_server.lab.guard_attack_grammar import attacks
from waypost_server.lab.guard_fit import Lesson, Seen, SeenParts, fit_guard
from waypost_server.lab.guard_grammar import harmless
from waypost_server.lab.guard_lessons import written
from waypost_server.lab.letters_fit import Letters

KINDS = (None, FlagKind.PROMPT_INJECTION, FlagKind.JAILBREAK)


def clouds(seed: int, count: int) -> tuple[list[Lesson], Seen]:
    """Harmless texts, injections and jailbreaks, about three centres."""
    random = np.random.default_rng(seed)
    which = np.arange(count) % 3
    centres = np.array([[-1, 0], [1, 0], [1, 1]])

    def around(width: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        noise = 0.2 * random.standard_normal((count, width))
        noise[:, :2] += centres[which]
        return noise.astype(np.float32)

    kinds = [KINDS[one] for one in which]
    lessons = [Lesson(str(n), "x", kind, is_hard=kind is None) for n, kind in enumerate(kinds)]
    return lessons, seen_as(around(4), around(6))


def seen_as(static: Encodings, second: Encodings) -> Seen:
    """Without letters and parts."""
    nothing = np.empty(0, dtype=np.int64)
    parts = SeenParts(np.empty((0, 4), np.float32), Letters.of([]), nothing)
    letters = Letters(nothing, np.empty(0, np.float32), nothing, len(static))
    return Seen(static, second, np.zeros(len(static)), letters, parts)


def ordinary(count: int) -> Seen:
    lessons, seen = clouds(7, 3 * count)
    rows = [at for at, lesson in enumerate(lessons) if lesson.kind is None]
    return seen_as(seen.static[rows], seen.second[rows])


def test_heads_tell_attacks_and_their_kinds_apart() -> None:
    lessons, seen = clouds(0, 300)
    for head, rows in zip(
        fit_guard(lessons, seen, ordinary(100), inner_from=4),
        (seen.static, seen.second),
        strict=True,
    ):
        attack, jailbreak = head.map(rows).T
        wanted = np.array([lesson.kind is not None for lesson in lessons])
        assert ((attack > 0) == wanted).mean() > 0.98
        talks = np.array([lesson.kind is FlagKind.JAILBREAK for lesson in lessons])
        assert ((jailbreak > 0) == talks)[wanted].mean() > 0.9


def test_bars_flag_the_shares_that_they_are_named_for() -> None:
    lessons, seen = clouds(0, 300)
    usual = ordinary(2_000)
    first, _ = fit_guard(lessons, seen, usual, inner_from=4)
    assert first.letters is not None
    logits = first.map(usual.static)[:, 0] + first.letters.bias
    severities = [first.bars.severity(float(logit)) for logit in logits]
    assert np.mean([severity is not None for severity in severities]) == 0.01
    assert np.mean([severity is Severity.HIGH for severity in severities]) <= 0.001
    assert abs(np.mean(logits >= first.unsure) - 0.1) < 0.001


def test_the_transformers_head_has_bars_for_itself_and_for_both() -> None:
    lessons, seen = clouds(0, 300)
    usual = ordinary(2_000)
    first, second = fit_guard(lessons, seen, usual, inner_from=4)
    assert second.alone is not None
    assert second.letters is not None
    each = [second.map(usual.second)[:, 0], first.map(usual.static)[:, 0]]
    by_second, both = (one + second.letters.bias for one in (each[0], (each[0] + each[1]) / 2))
    for bars, logits in ((second.alone, by_second), (second.bars, both)):
        flagged = [bars.severity(float(logit)) is not None for logit in logits]
        assert np.mean(flagged) == 0.01


def test_at_the_optimum_the_gradient_of_the_penalised_loss_is_zero() -> None:
    lessons, seen = clouds(0, 300)
    first, _ = fit_guard(lessons, seen, ordinary(100), inner_from=4)
    x = seen.static.astype(np.float64)
    weights = first.map.weights[:, 0].astype(np.float64)
    probability = 1 / (1 + np.exp(-(x @ weights + first.map.bias[0])))
    wanted = np.array([lesson.kind is not None for lesson in lessons])
    np.testing.assert_allclose(x.T @ (wanted - probability), weights / 3.0, atol=1e-2)
    np.testing.assert_allclose((wanted - probability).sum(), 0, atol=1e-2)


def test_the_grammar_makes_the_same_texts_each_time_and_none_twice() -> None:
    made = harmless(english=50, each_other=5, seed=3)
    assert made == harmless(english=50, each_other=5, seed=3)
    assert len(set(made)) == len(made) > 80
    assert not [text for text in made if "{" in text]


def test_written_texts_are_lines_without_comments() -> None:
    for name in ("injections", "jailbreaks", "benign"):
        lines = written(name)
        assert len(lines) == len(set(lines)) > 50
        assert not [line for line in lines if line.startswith("# ") or not line.strip()]


def test_the_attack_grammar_makes_the_same_attacks_each_time_and_none_twice() -> None:
    made = attacks(english=60, each_other=5, seed=3)
    assert made == attacks(english=60, each_other=5, seed=3)
    texts = [text for text, _ in made]
    assert len(set(texts)) == len(texts) > 100
    assert not [text for text in texts if "{" in text or "}" in text]
    assert {kind for _, kind in made} == set(KINDS[1:])


def test_a_text_says_what_the_worst_of_its_parts_does() -> None:
    parts = SeenParts(np.empty((0, 4), np.float32), Letters.of([]), np.array([0, 2, 0]))
    most = parts.most(np.array([1.0, 2.0, 3.0]), np.array([0.5, 9.0, 4.0]))
    np.testing.assert_array_equal(most, [4.0, 2.0, 9.0])
