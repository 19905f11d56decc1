"""Values by the meaning of words, with the static encoder that is shipped."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from waypost_server.adapters.re2_patterns import Re2Patterns, compile_re2
from waypost_server.adapters.static_encoder import StaticEncoder
from waypost_server.core.catalog import Catalog, Route, Taxonomy
from waypost_server.core.extraction.meanings import MOST, Meanings
from waypost_server.core.extraction.parameters import Parameters, wants_meanings
from waypost_server.core.extraction.specs import Words
from waypost_server.core.extraction.text import Text
from waypost_server.core.ports import Encoder, Encodings

KINDS = {"flight": ("flight", "plane"), "train": ("train",), "hotel": ("hotel", "room")}
SCHEMA = {"type": "object", "properties": {"kind": {"type": "string", "enum": list(KINDS)}}}


@pytest.fixture(scope="module")
def static(repo: Path) -> StaticEncoder:
    return StaticEncoder.load(repo / "models/all-MiniLM-L6-v2-static")


def found(text: str, spec: Words, static: Encoder | None) -> object:
    route = Route(name="default", params_schema=SCHEMA, extract={"kind": (spec,)})
    catalog = Catalog(taxonomy=Taxonomy(), routes={"default": route})
    assert wants_meanings(catalog) is (spec.by_meaning > 0)
    parameters = Parameters(
        catalog,
        compile_regex=compile_re2,
        today=lambda: date(2026, 3, 18),
        pattern_set=Re2Patterns,
        static=static,
    )
    return parameters.of(route, text).params.get("kind")


def test_a_word_that_means_the_same_counts_where_it_is_asked_for(static: StaticEncoder) -> None:
    text, bar = "is there an aircraft to Rome", 0.7
    assert found(text, Words(synonyms=KINDS, by_meaning=bar), static) == "flight"
    assert found(text, Words(synonyms=KINDS), static) is None
    assert found(text, Words(synonyms=KINDS, by_meaning=bar), None) is None


def test_what_is_said_goes_before_what_is_meant(static: StaticEncoder) -> None:
    spec = Words(synonyms=KINDS, by_meaning=0.7)
    assert found("an aircraft, or rather a train", spec, static) == "train"


def test_what_is_denied_or_ignored_is_not_meant_either(static: StaticEncoder) -> None:
    denied = Words(synonyms=KINDS, by_meaning=0.7, not_after=("not",))
    assert found("anything but not a plane please", denied, static) is None
    ignored = Words(synonyms=KINDS, by_meaning=0.7, ignore=("plane tree",))
    assert found("a plane tree in the garden", ignored, static) is None
    assert found("an aircraft please", denied, static) == "flight"


def test_a_text_of_other_things_means_none(static: StaticEncoder) -> None:
    spec = Words(synonyms=KINDS, by_meaning=0.85)
    for text in ("my invoice is wrong", "where is my umbrella", "?", "the of and", "12 34"):
        assert found(text, spec, static) is None


class Counting:
    """Counts the texts that are encoded."""

    def __init__(self, encoder: StaticEncoder) -> None:
        self.encoder, self.name, self.fingerprint = encoder, "", ""
        self.dimension, self.width = encoder.dimension, encoder.width
        self.texts: list[int] = []

    def encode(self, texts: Sequence[str]) -> Encodings:
        self.texts.append(len(texts))
        return self.encoder.encode(texts)


def test_a_text_is_encoded_once_and_in_part(static: StaticEncoder) -> None:
    counting = Counting(static)
    meanings = Meanings(KINDS, encoder=counting, least=0.85)
    assert meanings.nearest(Text(" ".join(f"word{'x' * i}" for i in range(90)))) is None
    assert counting.texts == [5, MOST]
