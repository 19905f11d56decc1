"""Messages of several requests, made of single ones as people join them."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

TWO = (
    "{a} and {b}",
    "{a}, and {b}",
    "{a}, then {b}",
    "{a} and then {b}",
    "{a}. {b}",
    "{a}, {b}",
    "{a}. also, {b}",
    "{a} and also {b}",
    "{a}; {b}",
    "{a}, also {b}",
    "{a}. after that {b}",
    "{a}\n{b}",
)
THREE = (
    "{a}, {b} and {c}",
    "{a}, {b}, and {c}",
    "{a}, {b}, then {c}",
    "{a}. {b}. {c}",
    "{a}. then {b}, and {c}",
    "{a} and {b}, then {c}",
    "{a}, then {b} and then {c}",
    "{a} and {b}. also {c}",
    "1. {a}\n2. {b}\n3. {c}",
    "{a}, {b}, also {c}",
    "{a}. also, {b}. finally, {c}",
)
SEED = 7

_PLACE = re.compile(r"\{([abc])\}(?=([.,;])?)")


@dataclass(frozen=True, slots=True)
class Mixture:
    """A message and the routes that it asks, all different."""

    text: str
    routes: tuple[str, ...]


def mixtures(texts: Sequence[str], labels: Sequence[str], count: int) -> list[Mixture]:
    """So many messages, of two and of three requests by turns; the same ones each time."""
    chance = random.Random(SEED)  # noqa: S311  (nothing is secret)
    rows = list(zip(texts, labels, strict=True))
    return [_mixture(rows, TWO if i % 2 == 0 else THREE, chance) for i in range(count)]


def _mixture(
    rows: Sequence[tuple[str, str]], templates: Sequence[str], chance: random.Random
) -> Mixture:
    size = 2 if templates is TWO else 3
    while True:
        picked = chance.sample(rows, size)
        if len({label for _, label in picked}) == size:
            break
    texts = dict(zip("abc", (text for text, _ in picked), strict=False))

    def fill(place: re.Match[str]) -> str:
        # Nobody writes "why?, and".
        return texts[place[1]].rstrip(".?! ") if place[2] else texts[place[1]]

    message = _PLACE.sub(fill, chance.choice(templates))
    return Mixture(message, tuple(label for _, label in picked))
