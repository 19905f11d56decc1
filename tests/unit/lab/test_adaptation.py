from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from tests.unit.core.clouds import labels_of
from waypost_server.core.errors import RoutesError
from waypost_server.core.softmax import Floats, Labels
from waypost_server.lab.adaptation import CHECKED, EPOCHS, FOLDS, Lessons, try_adapting

ROUTES, EACH, DIMENSION = 10, 12, 32

Noise = Callable[[int, bool, bool], float]
"""Length of the noise in an encoding: after so many epochs, of a taught text, of a taught route."""


@dataclass
class Pupil:
    """Encodes "r3 7" as the centre of route 3 and noise of its own."""

    texts: Sequence[str]
    noise: Noise
    epochs: int = 0
    dimension: int = DIMENSION

    def train_epoch(self) -> None:
        self.epochs += 1

    def encode(self, texts: Sequence[str]) -> Floats:
        routes = {text.split()[0] for text in self.texts}
        rows = []
        for text in texts:
            route = text.split()[0]
            length = self.noise(self.epochs, text in self.texts, route in routes)
            rows.append(drawn(route) + length * drawn(text))
        found = np.stack(rows)
        return np.asarray(found / np.linalg.norm(found, axis=1, keepdims=True), dtype=np.float32)


def drawn(seed: str) -> Floats:
    random = np.random.default_rng(list(seed.encode()))
    vector = random.standard_normal(DIMENSION)
    return np.asarray(vector / np.linalg.norm(vector), dtype=np.float32)


@dataclass
class School:
    """Begins pupils and remembers them."""

    noise: Noise
    pupils: list[Pupil] = field(default_factory=list)

    def __call__(self, texts: Sequence[str], labels: Labels) -> Pupil:
        assert sorted(set(labels.tolist())) == list(range(labels.max() + 1))
        self.pupils.append(Pupil(texts, self.noise))
        return self.pupils[-1]


LESSONS = Lessons(
    texts=[f"r{route} {i}" for route in range(ROUTES) for i in range(EACH)],
    labels=labels_of([EACH] * ROUTES),
    routes=ROUTES,
    outside=[],
    negatives=[],
    not_of=np.zeros(0, dtype=np.int32),
)


def quiet(done: int, total: int) -> None:
    assert 0 < done <= total


def learns(epochs: int, taught: bool, route_taught: bool) -> float:
    return 3.0 - 0.2 * epochs if route_taught else 3.0


def memorises(epochs: int, taught: bool, route_taught: bool) -> float:
    return 3.0 - 0.2 * epochs if taught else 3.0


def overdoes_it(epochs: int, taught: bool, route_taught: bool) -> float:
    return 1.5 + abs(epochs - 4) / 2 if route_taught else 3.0


def test_what_helps_texts_that_were_not_taught_pays() -> None:
    found = try_adapting(LESSONS, School(learns), quiet)
    assert found.pays
    assert found.epochs == max(CHECKED)
    assert found.accuracy.after > found.accuracy.before + 0.1
    assert found.accuracy.after == found.held_out.right.mean()
    assert found.auroc.after > found.auroc.before


def test_what_helps_taught_texts_alone_does_not_pay() -> None:
    assert not try_adapting(LESSONS, School(memorises), quiet).pays


def test_training_ends_where_the_folds_are_best() -> None:
    assert try_adapting(LESSONS, School(overdoes_it), quiet).epochs == 4


def test_nobody_is_judged_by_what_was_taught_it_and_a_fold_has_strangers() -> None:
    school = School(learns)
    found = try_adapting(LESSONS, school, quiet)
    assert sorted(found.rows.tolist()) == list(range(len(LESSONS.texts)))
    assert len(school.pupils) == FOLDS
    size = len(found.rows) // FOLDS
    for fold, pupil in enumerate(school.pupils):
        held = {LESSONS.texts[row] for row in found.rows[fold * size : (fold + 1) * size]}
        assert not held & set(pupil.texts)
        missing = set(LESSONS.labels.tolist()) - {int(text[1]) for text in pupil.texts}
        assert missing == {route for route in range(ROUTES) if route % FOLDS == fold}
        assert pupil.epochs == EPOCHS
    assert (found.held_out.labels == LESSONS.labels[found.rows]).all()


def test_progress_counts_every_epoch() -> None:
    seen: list[tuple[int, int]] = []
    try_adapting(LESSONS, School(learns), lambda done, total: seen.append((done, total)))
    assert seen == [(i + 1, FOLDS * EPOCHS) for i in range(FOLDS * EPOCHS)]


def test_with_few_routes_examples_of_out_of_scope_play_the_strangers() -> None:
    rows = slice(0, 3 * EACH)
    few = replace(LESSONS, texts=LESSONS.texts[rows], labels=LESSONS.labels[rows], routes=3)
    with pytest.raises(RoutesError, match=r"with 3 routes none can play the stranger; .*_out_of_s"):
        try_adapting(few, School(learns), quiet)
    school = School(learns)
    outside = [f"s{i} 0" for i in range(30)]
    found = try_adapting(replace(few, outside=outside), school, quiet)
    assert all({text[1] for text in pupil.texts} == set("012") for pupil in school.pupils)
    assert 0.5 < found.auroc.before <= 1


def test_too_few_exemplars_are_refused() -> None:
    labels = labels_of([1] * 5 + [2] * 5)
    few = replace(LESSONS, texts=[f"r{i} 0" for i in range(15)], labels=labels)
    with pytest.raises(RoutesError, match=r"10 exemplars can be held out.*needs at least 20"):
        try_adapting(few, School(learns), quiet)


@pytest.mark.parametrize(
    "sizes",
    [[20, 1, 1, 1], [15, 1, 1, 1, 1, 15, 1, 1, 1, 1], [2 if i % 5 == 0 else 1 for i in range(50)]],
)
def test_thin_routes_are_refused_before_any_training(sizes: list[int]) -> None:
    thin = replace(
        LESSONS,
        texts=[f"r{i} {j}" for i, size in enumerate(sizes) for j in range(size)],
        labels=labels_of(sizes),
        routes=len(sizes),
    )
    school = School(learns)
    with pytest.raises(RoutesError, match=r"write more exemplars for the thin routes"):
        try_adapting(thin, school, quiet)
    assert not school.pupils
