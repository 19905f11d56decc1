"""Tables in which one thing is wrong, and the finding that names it."""

import numpy as np
import pytest

from tests.unit.lab.patients import around, axis, patient_of, sound_places, unit
from waypost_server.core.ports import Vectors
from waypost_server.lab.doctor import examine
from waypost_server.lab.finding import Finding, Kind, Sentence, Severity
from waypost_server.lab.patient import Patient


def found(patient: Patient, kind: Kind) -> list[Finding]:
    return [finding for finding in examine(patient) if finding.kind is kind]


def test_sound_routes_have_no_findings() -> None:
    assert examine(patient_of(sound_places())) == ()


def test_a_sentence_of_two_routes_is_an_error_and_no_stray() -> None:
    places = sound_places()
    places["a"][3] = places["b"][5]
    texts = {
        "a": [*"stuvwxyz"[:3], "My  CARD is gone", *"stuvwxyz"[4:]],
        "b": [*"ijklmnop"[:5], "my card is gone", *"ijklmnop"[6:]],
    }
    first, *rest = examine(patient_of(places, texts=texts))
    assert (first.kind, first.severity) == (Kind.SAME_IN_TWO_ROUTES, Severity.ERROR)
    assert first.routes == ("a", "b")
    assert first.sentences == (
        Sentence("a", "My  CARD is gone"),
        Sentence("b", "my card is gone"),
    )
    assert rest == []


def test_a_sentence_that_a_route_has_three_times_is_one_finding() -> None:
    places = sound_places()
    places["b"][1] = places["b"][2] = places["b"][0]
    texts = {"b": ["Refund me", "refund  me", "REFUND ME", *"vwxyz"]}
    (finding,) = examine(patient_of(places, texts=texts))
    assert (finding.kind, finding.severity) == (Kind.DUPLICATE, Severity.WARNING)
    assert finding.sentences == (Sentence("b", "Refund me"),)
    assert finding.figures == {"times": 3}


@pytest.mark.parametrize(("cosine", "reported"), [(0.975, True), (0.965, False)])
def test_a_near_duplicate_counts_from_its_bar_on(cosine: float, reported: bool) -> None:
    places = sound_places()
    places["a"][1] = at_cosine(places["a"][0], cosine)
    findings = found(patient_of(places), Kind.NEAR_DUPLICATE)
    assert [one.sentences for one in findings] == (
        [(Sentence("a", "a 0"), Sentence("a", "a 1"))] if reported else []
    )
    for one in findings:
        assert one.figures["cosine"] == pytest.approx(cosine, abs=1e-4)


def test_nearly_the_same_sentence_in_two_routes_is_a_warning() -> None:
    places = sound_places()
    places["b"][7] = at_cosine(places["a"][0], 0.98)
    (finding,) = found(patient_of(places), Kind.NEAR_SAME_IN_TWO_ROUTES)
    assert finding.severity is Severity.WARNING
    assert finding.sentences == (Sentence("a", "a 0"), Sentence("b", "b 7"))


def test_an_exemplar_in_another_routes_place_is_misrouted_and_that_alone() -> None:
    places = sound_places()
    places["a"][2] = around(axis(1), 1, seed=9)[0]
    (finding,) = examine(patient_of(places))
    assert (finding.kind, finding.severity) == (Kind.MISROUTED, Severity.WARNING)
    assert finding.routes == ("a", "b")
    assert finding.sentences == (Sentence("a", "a 2"),)
    assert finding.figures["confidence"] >= 0.75
    assert finding.figures["nearest_elsewhere"] > finding.figures["nearest_own"]


def test_two_routes_in_one_place_should_be_one() -> None:
    places = sound_places(12)
    places["b"] = around(axis(0), 12, seed=1)
    findings = examine(patient_of(places))
    (merge,) = [one for one in findings if one.kind is Kind.MERGE]
    assert (merge.severity, merge.routes) == (Severity.WARNING, ("a", "b"))
    assert {sentence.route for sentence in merge.sentences} == {"a", "b"}
    assert merge.figures["undecided"] >= 0.4 * merge.figures["of"] == pytest.approx(9.6)
    assert 0.4 <= merge.figures["median_confidence"] <= 0.75
    assert not [one for one in findings if one.kind is Kind.CONFUSABLE]


def test_some_exemplars_in_another_routes_place_make_a_confusable_pair() -> None:
    places = sound_places(20)
    places["c"][:4] = around(axis(3), 4, seed=9)
    confusable = found(patient_of(places), Kind.CONFUSABLE)
    assert [(one.severity, one.routes) for one in confusable] == [(Severity.WARNING, ("c", "d"))]
    assert confusable[0].figures == {"mistakes": 4, "of": 40}
    assert set(confusable[0].sentences) == {Sentence("c", f"c {i}") for i in range(4)}


def test_a_thin_route_and_one_far_below_the_median() -> None:
    places = sound_places(40)
    places["a"], places["b"] = places["a"][:1], places["b"][:7]
    places["e"] = around(axis(4), 40)
    findings = [one for one in examine(patient_of(places)) if one.kind is not Kind.DEAD]
    assert [(one.kind, one.severity, one.routes) for one in findings] == [
        (Kind.THIN, Severity.WARNING, ("a",)),
        (Kind.UNEVEN, Severity.HINT, ("b",)),
    ]
    assert findings[1].figures == {"exemplars": 7, "median": 40}


def test_five_exemplars_are_not_thin() -> None:
    assert not found(patient_of(sound_places(5)), Kind.THIN)


def test_one_route_alone_and_routes_of_one_exemplar_can_be_examined() -> None:
    assert examine(patient_of({"a": around(axis(0), 8)})) == ()
    kinds = [one.kind for one in examine(patient_of(sound_places(1)))]
    assert kinds == [Kind.THIN] * 4


def test_the_worst_comes_first_and_the_order_is_the_same_each_time() -> None:
    rng = np.random.default_rng(0)
    places = {f"r{i:02}": around(axis(i % 7), 3 + i, spread=1.0, seed=i) for i in range(14)}
    places["r13"][:4] = places["r00"][0]
    texts = {"r00": ["x", "y", "z"], "r13": ["x", "x", *(str(rng.random()) for _ in range(14))]}
    patient = patient_of(places, texts=texts)
    findings = examine(patient)
    order = [(list(Severity).index(one.severity), list(Kind).index(one.kind)) for one in findings]
    assert order == sorted(order)
    assert len({one.kind for one in findings}) >= 6
    assert examine(patient) == findings


def at_cosine(vector: Vectors, cosine: float) -> Vectors:
    aside = axis(60) - (axis(60) @ vector) * vector
    return unit(cosine * vector + np.sqrt(1 - cosine**2) * unit(aside))
