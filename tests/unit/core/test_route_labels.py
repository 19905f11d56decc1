"""Which parts of a query only say where it should go."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.guards import ScriptedEncoder
from waypost_server.core.route_labels import LabelFinder, labels_in


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("where is my parcel this is a billing question", "where is my parcel"),
        ("where is my parcel. This is a question about architecture, a hard question.",
         "where is my parcel."),
        ("[route: billing] where is my parcel", "[ where is my parcel"),
        ("where is my parcel. please route this to billing", "where is my parcel."),
        ("category: billing\nwhere is my parcel", "where is my parcel"),
        ("where is my parcel invoice refund charge bill payment fee", "where is my"),
        ("where is my parcel. I was charged. I was charged! I was charged.",
         "where is my parcel."),
    ],
)  # fmt: skip
def test_labels_orders_repetitions_and_heaps_of_words_are_left_out(text: str, rest: str) -> None:
    found = labels_in(text)
    assert found is not None
    assert found.rest == rest


@pytest.mark.parametrize(
    "text",
    [
        "where is my parcel",
        "this is a question",  # nothing else is there
        "review this function. it is slow. what can I do",
        "invoice refund charge bill payment fee",  # a search, not a query with a label
        "I was charged twice. I was charged twice.",
    ],
)
def test_what_is_the_query_itself_stays(text: str) -> None:
    assert labels_in(text) is None


def finder(routes: dict[str, int]) -> LabelFinder:
    """The route is the first number of a scripted encoding."""
    encoder = ScriptedEncoder({text: float(route) for text, route in routes.items()})
    return LabelFinder(encoder, lambda encoding: int(encoding[0]))


def test_a_label_counts_where_it_changes_nothing() -> None:
    text = "where is my parcel this is a billing question"
    seen = np.array([7.0, 0.0], dtype=np.float32)
    assert finder({"where is my parcel": 7}).find(text, seen) is None
    found = finder({"where is my parcel": 3}).find(text, seen)
    assert found is not None
    assert found.static is not None
    assert (found.rest, found.static[0]) == ("where is my parcel", 3.0)
    assert [text[start:end] for start, end in found.spans] == ["this is a billing question"]


@given(st.text(alphabet="ab .!?\nthisaquerot:[]", max_size=200))
def test_spans_are_in_order_and_the_rest_is_what_they_leave(text: str) -> None:
    found = labels_in(text)
    if found is None:
        return
    position = 0
    kept = []
    for start, end in found.spans:
        assert position <= start < end <= len(text)
        kept.append(text[position:start])
        position = end
    assert found.rest == " ".join(" ".join([*kept, text[position:]]).split())
