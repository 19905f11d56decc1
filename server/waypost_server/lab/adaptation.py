"""Whether an encoder gains by being fine-tuned on exemplars: on exemplars it has not learned from.

Exemplars are held out a fold at a time, as in `core.crossfit`, and with each fold some whole routes
too: to the encoder of that fold their exemplars are strangers. How long to train is chosen for each
fold by what the others say, so that no fold chooses for itself.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from waypost_server.core.arrays import join, take
from waypost_server.core.calibration import fit_calibration
from waypost_server.core.crossfit import HeldOut, one_fold, split_folds
from waypost_server.core.errors import RoutesError
from waypost_server.core.exemplars import first_of
from waypost_server.core.head import Negatives
from waypost_server.core.ports import Encodings
from waypost_server.core.softmax import Labels
from waypost_server.lab.gain import Gain, gain_of_means

EPOCHS = 8
"""Times that training may go through the exemplars; it is over-trained by then."""

CHECKED = (2, 4, 6, 8)
"""Epochs after which training may stop."""

FOLDS = 5
FEWEST_ROUTES = 4
"""Routes below which none can be left out: what is left would be no choice."""

FEWEST_EXEMPLARS = 20
"""That can be held out: fewer show nothing."""

Doubles = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]


class Learner(Protocol):
    """An encoder that learns."""

    @property
    def dimension(self) -> int:
        """Length of the unit vector at the front of an encoding."""

    def train_epoch(self) -> None:
        """Goes once through the exemplars."""

    def encode(self, texts: Sequence[str]) -> Encodings:
        """Encodings of shape (len(texts), width) as they are now."""


Begin = Callable[[Sequence[str], Labels], Learner]
"""Begins anew with exemplars and their classes, which have no gaps."""


@dataclass(frozen=True, kw_only=True)
class Lessons:
    """What is learned from.

    Attributes:
        texts: the exemplars, in the order of their routes.
        labels: their routes, ascending, shape (len(texts),).
        routes: how many routes there are.
        outside: examples of out of scope.
        negatives: texts that do not belong to a route.
        not_of: the route that each of them does not belong to, shape (len(negatives),).
    """

    texts: Sequence[str]
    labels: Labels
    routes: int
    outside: Sequence[str]
    negatives: Sequence[str]
    not_of: Labels


@dataclass(frozen=True, slots=True, kw_only=True)
class Adaptation:
    """What the folds say.

    Attributes:
        epochs: how long to train.
        accuracy: share of held-out exemplars whose best route is theirs, before and after.
        auroc: how often a held-out exemplar has a higher scope probability than a stranger.
        rows: the exemplars that were held out, shape (m,).
        held_out: how the adapted encoder's router saw them, row for row.
    """

    epochs: int
    accuracy: Gain
    auroc: Gain
    rows: Rows
    held_out: HeldOut

    @property
    def pays(self) -> bool:
        """Whether both figures gain beyond noise."""
        return self.accuracy.low > 0 and self.auroc.low > 0


@dataclass(frozen=True, slots=True)
class _Look:
    """One fold at one time.

    Attributes:
        held_out: the held-out exemplars as seen.
        above: for each of the fold's strangers the share of the held-out exemplars of known routes
            that have a higher scope probability; their mean is the AUROC.
    """

    held_out: HeldOut
    above: Doubles


def try_adapting(
    lessons: Lessons, begin: Begin, progress: Callable[[int, int], None]
) -> Adaptation:
    """Cross-fits fine-tuning.

    Args:
        lessons: what to learn from.
        begin: makes learners.
        progress: called with how many epochs are done and how many there are.

    Raises:
        RoutesError: there is too little to hold out, or nothing that could be a stranger.
    """
    fold_of = split_folds(lessons.labels, FOLDS, first_of(lessons.labels, lessons.texts))
    _check(lessons, fold_of)
    looks: list[dict[int, _Look]] = []
    kinds: list[Rows] = []
    for fold in range(FOLDS):
        held = fold_of == fold
        left_out = _left_out(lessons, fold)
        kinds.append(_kinds(lessons, left_out, fold))
        learner = begin(*_taught(lessons, ~held & ~left_out))
        found = {0: _look(lessons, learner, held, left_out, fold)}
        for epoch in range(1, EPOCHS + 1):
            learner.train_epoch()
            progress(fold * EPOCHS + epoch, FOLDS * EPOCHS)
            if epoch in CHECKED:
                found[epoch] = _look(lessons, learner, held, left_out, fold)
        looks.append(found)
    return _sum_up(looks, fold_of, np.concatenate(kinds))


def _check(lessons: Lessons, fold_of: Labels) -> None:
    held = int((fold_of >= 0).sum())
    if held < FEWEST_EXEMPLARS:
        raise RoutesError(
            [
                f"{held} exemplars can be held out, those of routes that have two or more; "
                f"adapting needs at least {FEWEST_EXEMPLARS}: write more"
            ]
        )
    known = [int(((fold_of == f) & ~_left_out(lessons, f)).sum()) for f in range(FOLDS)]
    if min(known) == 0:
        raise RoutesError(
            [
                "too few routes have two exemplars or more: a fold has none to judge by; "
                "write more exemplars for the thin routes"
            ]
        )
    if lessons.routes < FEWEST_ROUTES and len(lessons.outside) < FEWEST_EXEMPLARS:
        raise RoutesError(
            [
                f"with {lessons.routes} routes none can play the stranger; "
                f"write {FEWEST_EXEMPLARS} or more examples into _out_of_scope/exemplars.txt"
            ]
        )


def _left_out(lessons: Lessons, fold: int) -> Mask:
    """Exemplars of the routes that are strangers to a fold."""
    if lessons.routes < FEWEST_ROUTES:
        return np.zeros(len(lessons.labels), dtype=np.bool_)
    left_out: Mask = lessons.labels % FOLDS == fold
    return left_out


def _taught(lessons: Lessons, chosen: Mask) -> tuple[Sequence[str], Labels]:
    """Some exemplars, with classes that have no gaps."""
    texts = [lessons.texts[row] for row in np.flatnonzero(chosen).tolist()]
    return texts, np.unique(lessons.labels[chosen], return_inverse=True)[1].astype(np.int32)


def _look(lessons: Lessons, learner: Learner, held: Mask, left_out: Mask, fold: int) -> _Look:
    count, routes, dimension = len(lessons.texts), lessons.routes, learner.dimension
    encoded = learner.encode([*lessons.texts, *lessons.outside, *lessons.negatives])
    exemplars, outside, against = np.split(encoded, [count, count + len(lessons.outside)])
    held_out = one_fold(
        np.concatenate([exemplars, outside]),
        np.concatenate([lessons.labels, np.full(len(outside), routes, dtype=np.int32)]),
        routes,
        held=np.concatenate([held, np.zeros(len(outside), dtype=np.bool_)]),
        dimension=dimension,
        negatives=Negatives(against, lessons.not_of) if len(against) else None,
    )
    strangers = np.concatenate([exemplars[left_out], outside[fold::FOLDS]])
    if not len(strangers):
        return _Look(held_out, np.zeros(0))
    known = ~left_out
    classes = np.unique(lessons.labels[known], return_inverse=True)[1].astype(np.int32)
    # Strangers are held out too: as if of the first route, for they have none.
    seen = one_fold(
        np.concatenate([exemplars[known], strangers]),
        np.concatenate([classes, np.zeros(len(strangers), dtype=np.int32)]),
        int(classes.max()) + 1,
        held=np.concatenate([held[known], np.ones(len(strangers), dtype=np.bool_)]),
        dimension=dimension,
    )
    inside = int(held[known].sum())
    calibration = fit_calibration(take(seen, slice(inside)))
    scope = calibration.scope_probability(seen.evidence)
    return _Look(held_out, _above(scope[:inside], scope[inside:]))


def _above(inside: Doubles, strangers: Doubles) -> Doubles:
    """For each stranger the share of `inside` that exceeds it, a tie counting half."""
    rising = np.sort(inside)
    below = np.searchsorted(rising, strangers, "left") + np.searchsorted(rising, strangers, "right")
    above: Doubles = 1 - below / 2 / len(rising)
    return above


def _kinds(lessons: Lessons, left_out: Mask, fold: int) -> Rows:
    """A number for each of a fold's strangers: those of one route go together."""
    apart = lessons.routes + np.arange(len(lessons.outside))
    return np.concatenate([lessons.labels[left_out], apart[fold::FOLDS]]).astype(np.intp)


def _sum_up(looks: Sequence[dict[int, _Look]], fold_of: Labels, kinds: Rows) -> Adaptation:
    right = {
        epoch: np.array([int(fold[epoch].held_out.right.sum()) for fold in looks])
        for epoch in CHECKED
    }
    # The first of the best: less training is less to go wrong.
    chosen = [
        max(CHECKED, key=lambda epoch: (right[epoch].sum() - right[epoch][fold], -epoch))
        for fold in range(len(looks))
    ]
    before = [fold[0] for fold in looks]
    after = [fold[epoch] for fold, epoch in zip(looks, chosen, strict=True)]
    held_out = join([look.held_out for look in after])
    return Adaptation(
        epochs=max(CHECKED, key=lambda epoch: (right[epoch].sum(), -epoch)),
        accuracy=gain_of_means(join([look.held_out for look in before]).right, held_out.right),
        auroc=gain_of_means(
            np.concatenate([look.above for look in before]),
            np.concatenate([look.above for look in after]),
            groups=np.unique(kinds, return_inverse=True)[1],
        ),
        rows=np.concatenate([np.flatnonzero(fold_of == fold) for fold in range(len(looks))]),
        held_out=held_out,
    )
