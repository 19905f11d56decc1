"""Fits the weights of stickiness: `python -m tests.bench.judgement.conversation_fit`.

Half of SGD's training dialogues give the exemplars, the other half the turns that are fitted on,
with both encoders and with taxonomies of many kinds, so that the weights suit more than one. SGD's
users never ask for what no route is for, so that CLINC150's strangers (train) are strewn in.
"""

import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import click
import numpy as np

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as `waypost` sets it, before numpy is loaded

from tests.bench.accuracy.__main__ import CACHE, DATA, ENCODER
from tests.bench.accuracy.datasets import DataMissingError, Labelled
from tests.bench.accuracy.encodings import CachedEncoder
from tests.bench.judgement.dialogues import (
    By,
    Dialogue,
    bundle_of,
    openers,
    ranked,
    read_dialogues,
    router_of,
)
from tests.bench.stages.__main__ import STATIC
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.adapters.static_encoder import StaticEncoder
from waypost_server.core.calibration import Doubles
from waypost_server.core.followup import FEATURES, features_of
from waypost_server.core.ports import Encodings
from waypost_server.core.router import Router
from waypost_server.core.staying import log_odds

SWITCH_WEIGHT = 7.0
"""How much a turn that leaves counts beside one that stays. SGD's users leave in 9 of 100; and one
who is kept has the wrong specialist, one who is let go by mistake mostly the default route."""

STRANGER_WEIGHT = 2.0
"""Likewise of a stranger."""

ASKED = 250
"""Dialogues to fit on, of some 9 turns each."""

STRANGERS = 50
"""As many as one turn in 45."""

PENALTY = 1.0
SEED = 7
FEW, SOME = 10, 30
GROUPS = 4


@dataclass(frozen=True, slots=True)
class Following:
    """A text after a turn on route `previous`; `label` is its own route, empty for none."""

    text: str
    previous: str
    label: str


def main() -> None:
    """Prints the weights."""
    try:
        dialogues = read_dialogues(DATA, "train")
    except DataMissingError as error:
        sys.exit(f"conversation_fit: {error}")
    with (DATA / "clinc150/oos_train.jsonl").open(encoding="utf-8") as lines:
        strangers = [json.loads(line)["text"] for line in lines]
    dialogues = [dialogues[i] for i in np.random.default_rng(SEED).permutation(len(dialogues))]
    half = len(dialogues) // 2
    taught, asked = dialogues[:half], dialogues[half : half + ASKED]
    texts = [*(turn.text for dialogue in dialogues for turn in dialogue), *strangers]
    inputs, stays, weights = [], [], []
    for encoder in (OnnxEncoder.load(ENCODER), StaticEncoder.load(STATIC)):
        cached = CachedEncoder(encoder, CACHE)
        cached.prepare(texts)
        for by, exemplars in _taxonomies(taught):
            router = router_of(bundle_of(exemplars, cached))
            for turn in _turns(asked, strangers[:STRANGERS], by, router):
                inputs.append(evidence(router, cached.encode([turn.text])[0], turn))
                stays.append(turn.label == turn.previous)
                leaves = SWITCH_WEIGHT if turn.label != STRANGER else STRANGER_WEIGHT
                weights.append(1.0 if stays[-1] else leaves)
            click.echo(f"{encoder.name}, {len(router.exemplars.routes)} routes", err=True)
    fitted = fit_logistic(np.array(inputs), np.array(stays, dtype=np.float64), np.array(weights))
    for name, weight in zip((*FEATURES, "previous", "other"), fitted, strict=True):
        click.echo(f"{weight:6.2f}  {name}")


def _taxonomies(dialogues: Sequence[Dialogue]) -> Iterator[tuple[By, Labelled]]:
    for each in (FEW, SOME, None):
        for by in By:
            yield by, openers(dialogues, by, each=each)
    domains = sorted({turn.domain for dialogue in dialogues for turn in dialogue})
    for group in range(GROUPS):
        skip = frozenset(domains[group::GROUPS])
        yield By.DOMAIN, openers(dialogues, By.DOMAIN, each=SOME, skip=skip)


STRANGER = " "
"""The label of what belongs nowhere."""


def _turns(
    dialogues: Sequence[Dialogue], strangers: Sequence[str], by: By, router: Router
) -> list[Following]:
    turns = [
        Following(turn.text, before.label(by), turn.label(by))
        for dialogue in dialogues
        for before, turn in pairwise(dialogue)
        if before.label(by) in router.exemplars.positions
    ]
    drawn = np.random.default_rng(SEED).integers(len(turns), size=len(strangers))
    return turns + [
        Following(text, turns[i].previous, STRANGER)
        for text, i in zip(strangers, drawn, strict=True)
    ]


def evidence(router: Router, encoding: Encodings, turn: Following) -> tuple[float, ...]:
    """What the weights are of: the text's features, and the log-odds of both confidences."""
    ranking = ranked(router, encoding, turn.previous)
    of_previous = next(c for c in ranking.candidates if c.route == turn.previous)
    rival = next(c for c in ranking.candidates if c is not of_previous)
    return (
        *features_of(turn.text),
        log_odds(of_previous.confidence) + float(np.log(len(router.exemplars.routes) - 1)),
        log_odds(rival.confidence),
    )


def fit_logistic(inputs: Doubles, target: Doubles, weights: Doubles) -> Doubles:
    """Logistic regression by Newton's method, all but the first weight drawn to 0.

    Args:
        inputs: shape (n, k).
        target: what is to be foreseen, shape (n,).
        weights: how often each row counts, shape (n,).
    """
    theta = np.zeros(inputs.shape[1])
    penalty = PENALTY * (np.arange(len(theta)) > 0)
    for _ in range(25):
        p = 1 / (1 + np.exp(-np.clip(inputs @ theta, -30, 30)))
        gradient = inputs.T @ (weights * (p - target)) + penalty * theta
        hessian = (inputs.T * (weights * p * (1 - p))) @ inputs + np.diag(penalty)
        theta = theta - np.linalg.solve(hessian, gradient)
    return theta


if __name__ == "__main__":
    main()
