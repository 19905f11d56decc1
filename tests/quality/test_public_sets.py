"""Guards against regressions on public data: 10 exemplars a route, 600 queries of validation.

The floors lie below what was reached when they were written, by about two standard errors of a
sample of 600, so that chance seldom trips them. They are no figures to report: those come from
`make bench-accuracy`, on the test splits.
"""

import json
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.quality.conftest import Encode
from tests.quality.worlds import World
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.core.catalog import Taxonomy

SAMPLE = 600
BINS = 15
MOST_CALIBRATION_ERROR = 0.06
LEAST_ACCURACY_WHERE_SURE = 0.92


@dataclass(frozen=True)
class PublicSet:
    """A set's folder, its validation split, and the accuracy that it must reach."""

    name: str
    split: str
    least_accuracy: float


SETS = (
    PublicSet("clinc150", "val", 0.89),
    PublicSet("hwu64", "val", 0.80),
    PublicSet("banking77", "dialoglue_val", 0.82),
)


@dataclass(frozen=True)
class Answers:
    """Confidences in the best routes, and whether they were right, each of shape (n,)."""

    world: World
    confidence: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
    right: np.ndarray[tuple[int, ...], np.dtype[np.bool_]]

    @property
    def calibration_error(self) -> float:
        """ECE over bins of equal mass."""
        order = np.argsort(self.confidence, kind="stable")
        return float(
            sum(
                abs(self.confidence[part].mean() - self.right[part].mean()) * len(part)
                for part in np.array_split(order, BINS)
            )
            / len(order)
        )


def read(path: Path) -> list[tuple[str, str]]:
    """Texts and labels."""
    if not path.is_file():
        pytest.skip(f"{path} is absent: the public sets are not part of the repository")
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [(line["text"], line["label"]) for line in lines]


@pytest.fixture(scope="session")
def data(repo: Path) -> Path:
    """The folder of the public sets."""
    return repo.parent / "shared/data"


@pytest.fixture(scope="session", params=SETS, ids=lambda public: public.name)
def public(request: pytest.FixtureRequest) -> PublicSet:
    found: PublicSet = request.param
    return found


@pytest.fixture(scope="session")
def answers(public: PublicSet, data: Path, encoder: OnnxEncoder, encode: Encode) -> Answers:
    exemplars: dict[str, list[str]] = {}
    for text, label in read(data / public.name / "fewshot_train_10.jsonl"):
        exemplars.setdefault(label, []).append(text)
    rows = read(data / public.name / f"{public.split}.jsonl")
    queries = random.Random(0).sample(rows, SAMPLE)  # noqa: S311  (no secret)
    world = World(exemplars, encoder, encode)
    best = [decision.candidates[0] for decision in world.decide([text for text, _ in queries])]
    return Answers(
        world=world,
        confidence=np.array([candidate.confidence for candidate in best]),
        right=np.array([c.route == label for c, (_, label) in zip(best, queries, strict=True)]),
    )


def test_the_best_route_is_right_as_often_as_it_was(public: PublicSet, answers: Answers) -> None:
    assert answers.right.mean() >= public.least_accuracy


def test_confidence_is_the_share_that_is_right(answers: Answers) -> None:
    assert answers.calibration_error <= MOST_CALIBRATION_ERROR


def test_what_it_is_sure_of_is_right(answers: Answers) -> None:
    sure = answers.confidence >= Taxonomy().min_confidence
    assert sure.mean() >= 0.5
    assert answers.right[sure].mean() >= LEAST_ACCURACY_WHERE_SURE


def test_strangers_get_little_confidence(public: PublicSet, answers: Answers, data: Path) -> None:
    if public.name != "clinc150":
        pytest.skip(f"{public.name} has no strangers")
    strangers = [text for text, _ in read(data / "clinc150/oos_val.jsonl")]
    decisions = answers.world.decide(strangers)
    assert np.mean([decision.candidates[0].confidence for decision in decisions]) < 0.5
