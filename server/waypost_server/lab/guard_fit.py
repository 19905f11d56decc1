"""Fits the guard's heads: weighted logistic regression, and bars from texts held out."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from waypost_server.core.clues import FlagKind
from waypost_server.core.guard_head import Bars, GuardHead
from waypost_server.core.guard_letters import LetterHead
from waypost_server.core.head import INNER_SCALE
from waypost_server.core.ports import Encodings
from waypost_server.core.softmax import LinearMap
from waypost_server.lab.letters_fit import Letters, Mask, fit_letters

Doubles = npt.NDArray[np.float64]

STATIC_STRENGTH, STRENGTH = 3.0, 1.0
"""How much texts count against the penalty on weights, by encoder; from 1 to 20 are alike."""

STEPS = 30
"""Of Newton's method; it is there after about ten."""

FOLDS = 3

NOTED, LOOKED_AT = 0.01, 0.003
"""Shares of ordinary traffic that may be flagged at all, and at medium severity."""

STOPPED, STOPPED_HARD = 0.001, 0.01
"""Shares of ordinary traffic, and of harmless texts that look like attacks (held out, in folds),
that may be flagged at high severity, for which queries are refused."""

UNSURE = 0.1
"""Share of ordinary traffic that the static head may leave to the transformer's."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """A text that teaches.

    Attributes:
        text: the text.
        source: where it comes from.
        kind: what attack it is; None for harmless.
        kind_known: whether it teaches what tells a jailbreak from an injection.
        weight: how much it counts.
        is_hard: whether it is harmless and looks like an attack.
    """

    text: str
    source: str
    kind: FlagKind | None
    kind_known: bool = True
    weight: float = 1.0
    is_hard: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """Texts as the guard sees them.

    Attributes:
        static: what the static encoder makes of them.
        second: what the transformer does.
        signs: the logits of what patterns find.
        letters: their runs of letters.
        parts: of those that it looks at in parts too, the parts.
    """

    static: Encodings
    second: Encodings
    signs: Doubles
    letters: Letters
    parts: "SeenParts"


@dataclass(frozen=True, slots=True)
class SeenParts:
    """Parts of texts, such as sentences, which the transformer does not look at.

    Attributes:
        static: what the static encoder makes of them.
        letters: their runs of letters.
        owners: which text each is a part of.
    """

    static: Encodings
    letters: Letters
    owners: npt.NDArray[np.int64]

    def most(self, whole: Doubles, each: Doubles) -> Doubles:
        """Of each text, the most that it or one of its parts has."""
        found = whole.copy()
        np.maximum.at(found, self.owners, each)
        return found


@dataclass(frozen=True, slots=True)
class _Fitted:
    """What is fitted on the same texts."""

    static: LinearMap
    second: LinearMap
    letters: LetterHead

    def alone(self, seen: Seen) -> Doubles:
        """Logits by which the static head decides alone."""
        return self._static(seen) + self._found(seen)

    def by_second(self, seen: Seen) -> Doubles:
        """Likewise, the transformer's."""
        return self.second(seen.second)[:, 0] + self._found(seen)

    def both(self, seen: Seen) -> Doubles:
        """Likewise, both."""
        return (self._static(seen) + self.second(seen.second)[:, 0]) / 2 + self._found(seen)

    def _static(self, seen: Seen) -> Doubles:
        parts = self.static(seen.parts.static)[:, 0].astype(np.float64)
        return seen.parts.most(self.static(seen.static)[:, 0].astype(np.float64), parts)

    def _found(self, seen: Seen) -> Doubles:
        parts = seen.parts
        letters = parts.most(seen.letters.logits(self.letters), parts.letters.logits(self.letters))
        return letters + seen.signs


def fit_guard(
    lessons: Sequence[Lesson], taught: Seen, ordinary: Seen, *, inner_from: int
) -> tuple[GuardHead, GuardHead]:
    """The static encoder's head and the transformer's.

    Args:
        lessons: what teaches.
        taught: the same, in the same order.
        ordinary: traffic without attacks that does not teach; the bars are chosen on it.
        inner_from: where in the transformer's encodings the inner vector begins.
    """
    everything = np.ones(len(lessons), dtype=np.bool_)
    fitted = _fit_all(lessons, taught, everything, inner_from)
    hard = np.array([lesson.is_hard for lesson in lessons])
    alone, by_second, both = np.zeros((3, len(lessons)))
    for fold in range(FOLDS):
        held = np.arange(len(lessons)) % FOLDS == fold
        other = _fit_all(lessons, taught, ~held, inner_from)
        alone[held] = other.alone(taught)[held]
        by_second[held] = other.by_second(taught)[held]
        both[held] = other.both(taught)[held]
    usual = fitted.alone(ordinary)
    unsure = float(np.quantile(usual, 1 - UNSURE))
    letters = fitted.letters
    first = GuardHead(fitted.static, _bars(usual, alone[hard]), unsure, letters=letters)
    second = GuardHead(
        fitted.second,
        _bars(fitted.both(ordinary), both[hard]),
        alone=_bars(fitted.by_second(ordinary), by_second[hard]),
        letters=letters,
    )
    return first, second


def _fit_all(lessons: Sequence[Lesson], seen: Seen, chosen: Mask, inner_from: int) -> _Fitted:
    """Everything, by the chosen ones of the lessons."""
    own = [lesson for lesson, is_chosen in zip(lessons, chosen, strict=True) if is_chosen]
    no_inner = seen.static.shape[1]
    return _Fitted(
        _fit(seen.static[chosen], own, STATIC_STRENGTH, inner_from=no_inner),
        _fit(seen.second[chosen], own, STRENGTH, inner_from=inner_from),
        fit_letters(
            seen.letters.chosen(chosen),
            np.array([lesson.kind is not None for lesson in own]),
            np.array([lesson.weight for lesson in own]),
        ),
    )


def _bars(ordinary: Doubles, hard: Doubles) -> Bars:
    low, medium, high = (
        float(np.quantile(ordinary, 1 - share)) for share in (NOTED, LOOKED_AT, STOPPED)
    )
    if len(hard):
        high = max(high, float(np.quantile(hard, 1 - STOPPED_HARD)))
    return Bars(low=low, medium=max(low, medium), high=max(high, medium))


def _fit(
    encodings: Encodings, lessons: Sequence[Lesson], strength: float, *, inner_from: int
) -> LinearMap:
    """Logits of an attack, and given one of a jailbreak."""
    x = encodings.astype(np.float64)
    centre, scale = np.zeros(x.shape[1]), np.ones(x.shape[1])
    inner = x[:, inner_from:]
    if inner.shape[1]:  # as the routes' head does
        centre[inner_from:] = inner.mean(axis=0)
        spread = np.sqrt(np.square(inner - centre[inner_from:]).sum(axis=1).mean())
        scale[inner_from:] = INNER_SCALE / spread
    x = (x - centre) * scale
    weight = np.array([lesson.weight for lesson in lessons])
    attack = np.array([lesson.kind is not None for lesson in lessons])
    jailbreak = np.array([lesson.kind is FlagKind.JAILBREAK for lesson in lessons])
    known = attack & np.array([lesson.kind_known for lesson in lessons])
    columns = [
        _logistic(x, attack, weight, strength),
        _logistic(x[known], jailbreak[known], weight[known], strength),
    ]
    weights = np.stack([column[:-1] for column in columns], axis=1) * scale[:, np.newaxis]
    bias = np.array([column[-1] for column in columns]) - centre @ weights
    return LinearMap(weights.astype(np.float32), bias.astype(np.float32))


def _logistic(
    x: Doubles, is_one: npt.NDArray[np.bool_], weight: Doubles, strength: float
) -> Doubles:
    """Weights and bias that minimise strength * (weighted cross-entropies) + |weights|^2 / 2.

    By Newton's method (iteratively reweighted least squares).
    """
    x = np.column_stack([x, np.ones(len(x))])
    narrow = x.astype(np.float32)  # twice as fast, and the curvature only says where to step
    penalty = np.full(x.shape[1], 1 / strength)
    penalty[-1] = 1e-9  # the bias is free
    found = np.zeros(x.shape[1])
    for _ in range(STEPS):
        probability = 1 / (1 + np.exp(-(x @ found)))
        gradient = x.T @ (weight * (probability - is_one)) + penalty * found
        bend = (weight * probability * (1 - probability)).astype(np.float32)
        curvature = ((narrow * bend[:, np.newaxis]).T @ narrow).astype(np.float64)
        step = np.linalg.solve(curvature + np.diag(penalty), gradient)
        found -= step
        if np.abs(step).max() < 1e-4:
            break
    return found
