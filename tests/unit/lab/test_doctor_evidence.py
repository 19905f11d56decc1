"""What the doctor's checks read, against plain computations of the same."""

import tracemalloc

import numpy as np
import pytest

from tests.unit.lab.patients import around, axis, patient_of, sound_places, unit
from waypost_server.core.crossfit import hold_out
from waypost_server.core.exemplars import ExemplarTable
from waypost_server.lab.check_dead import MANY, SURE, check_dead
from waypost_server.lab.check_overlap import check_overlap
from waypost_server.lab.check_strays import check_strays
from waypost_server.lab.finding import Finding, Kind, Sentence, Severity
from waypost_server.lab.near_exemplars import NONE, find_near
from waypost_server.lab.second_opinion import ask_again


@pytest.mark.parametrize("block", [1, 200, 2**22])
def test_the_nearest_are_those_that_a_full_comparison_finds(block: int) -> None:
    places = {
        name: around(axis(0), size, seed=size) for name, size in {"a": 1, "b": 2, "c": 17}.items()
    }
    patient = patient_of(places)
    near = find_near(patient.vectors, patient.exemplars, block=block)
    labels, named = patient.exemplars.route_ids, np.zeros(20, dtype=int)
    cosines = patient.vectors @ patient.vectors.T
    for row in range(20):
        own = [i for i in np.argsort(-cosines[row]) if labels[i] == labels[row] and i != row]
        others = [i for i in np.argsort(-cosines[row]) if labels[i] != labels[row]]
        named[own[:3]] += 1
        assert near.own_cosine[row] == pytest.approx(cosines[row, own[0]] if own else NONE)
        assert near.own_closeness[row] == pytest.approx(cosines[row, own[:3]].mean() if own else -1)
        assert (near.own[row] == own[0]) if own else True
        assert near.other[row] == others[0]
        assert near.other_cosine[row] == pytest.approx(cosines[row, others[0]])
        assert near.other_closeness[row] == pytest.approx(
            max(
                np.sort(cosines[row, labels == route])[-3:].mean()
                for route in {0, 1, 2} - {int(labels[row])}
            )
        )
    assert near.named.tolist() == named.tolist()


def test_memory_does_not_grow_with_the_square_of_the_exemplars() -> None:
    count = 4_000
    rng = np.random.default_rng(0)
    vectors = unit(rng.standard_normal((count, 32)).astype(np.float32))
    table = ExemplarTable.of(((f"r{i % 40:02}", str(i)) for i in range(count)), negative_counts={})
    tracemalloc.start()
    find_near(vectors, table, block=2**18)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < count**2 * vectors.itemsize / 4


def test_the_second_opinion_is_that_of_the_build() -> None:
    places = {name: around(axis(i // 2), 9, spread=1.5, seed=i) for i, name in enumerate("abcd")}
    patient = patient_of(places)
    opinion = ask_again(patient)
    held_out = hold_out(patient.encodings, patient.exemplars.route_ids, 4, dimension=64)
    assert opinion is not None
    assert held_out is not None
    assert opinion.rows.tolist() == list(range(36))
    assert 0 < held_out.right.sum() < 36
    theirs = zip(held_out.labels.tolist(), held_out.evidence.route.tolist(), strict=True)
    ours = zip(opinion.own.tolist(), opinion.best.tolist(), strict=True)
    assert sorted(ours) == sorted(theirs)
    assert (opinion.second != opinion.best).all()
    assert (opinion.second_confidence <= opinion.confidence).all()
    assert (opinion.confidence + opinion.second_confidence <= 1).all()


def test_an_exemplar_clearly_nearer_to_another_route_is_a_hint() -> None:
    places = sound_places()
    places["a"][0] = unit(0.3 * axis(0) + axis(1))
    patient = patient_of(places)
    near = find_near(patient.vectors, patient.exemplars)
    (finding,) = check_strays(patient, near, None)
    assert (finding.kind, finding.severity) == (Kind.NEARER_ELSEWHERE, Severity.HINT)
    assert finding.routes == ("a", "b")
    assert finding.sentences[0] == Sentence("a", "a 0")
    assert finding.sentences[1].route == "b"


def test_routes_in_one_place_overlap_and_show_their_closest_sentences() -> None:
    places = sound_places()
    places["d"] = around(axis(2), 8, seed=5)
    patient = patient_of(places)
    (finding,) = check_overlap(patient, known=set())
    assert (finding.kind, finding.severity) == (Kind.CONFUSABLE, Severity.HINT)
    assert finding.routes == ("c", "d")
    cosines = places["c"] @ places["d"].T
    first, second = np.unravel_index(cosines.argmax(), cosines.shape)
    assert finding.sentences == (Sentence("c", f"c {first}"), Sentence("d", f"d {second}"))
    assert finding.figures["mean_cosine_across"] == pytest.approx(cosines.mean())
    assert list(check_overlap(patient, known={("c", "d")})) == []


def test_dead_are_those_that_nobody_is_near_and_the_others_cover() -> None:
    patient = patient_of({name: around(axis(i), MANY + 10, seed=i) for i, name in enumerate("ab")})
    near, opinion = find_near(patient.vectors, patient.exemplars), ask_again(patient)
    assert opinion is not None
    dead = {
        row
        for row in range(2 * MANY + 20)
        if near.named[row] == 0
        and opinion.best[row] == opinion.own[row]
        and opinion.confidence[row] >= SURE
    }
    findings = list(check_dead(patient, near, opinion))
    assert dead
    assert sum(one.figures["dead"] for one in findings) == len(dead)
    shown = {sentence for one in findings for sentence in one.sentences}
    assert shown <= set(patient.sentences(dead))


def test_a_small_route_has_no_dead_exemplars() -> None:
    patient = patient_of(sound_places(MANY - 1))
    near, opinion = find_near(patient.vectors, patient.exemplars), ask_again(patient)
    assert opinion is not None
    assert (near.named == 0).any()
    assert list[Finding](check_dead(patient, near, opinion)) == []
