from tests.unit.lab.judgements import ROUTES, TEN, judged
from waypost_server.lab.per_route import Confusion


def test_the_matrix_counts_labels_by_what_they_were_taken_for() -> None:
    confusion = Confusion.of(judged(TEN), ROUTES)
    assert confusion.labels == ("a", "b", "c", "oos")
    assert confusion.counts.tolist() == [[2, 1, 0, 0], [0, 2, 0, 0], [0, 0, 1, 1], [1, 1, 0, 1]]


def test_a_routes_figures_are_the_ratios_of_its_row_and_column() -> None:
    a, b, c, oos = Confusion.of(judged(TEN), ROUTES).per_route()
    assert (a.precision, a.recall, a.f1) == (2 / 3, 2 / 3, 4 / 6)
    assert (b.precision, b.recall, b.f1) == (2 / 4, 2 / 2, 4 / 6)
    assert (c.precision, c.recall, c.f1) == (1 / 1, 1 / 2, 2 / 3)
    assert (oos.precision, oos.recall, oos.f1) == (1 / 2, 1 / 3, 2 / 5)


def test_a_route_that_no_query_touches_has_no_figures() -> None:
    figures = Confusion.of(judged(TEN), (*ROUTES, "d")).per_route()[3]
    assert (figures.route, figures.precision, figures.recall, figures.f1) == ("d", None, None, None)


def test_the_worst_pairs_come_first_and_right_ones_never() -> None:
    rows = [*TEN, TEN[2]]
    pairs = Confusion.of(judged(rows), ROUTES).worst_pairs(3)
    assert pairs == (("a", "b", 2), ("c", "oos", 1), ("oos", "a", 1))
    assert Confusion.of(judged(TEN[:2]), ROUTES).worst_pairs(3) == ()
