from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from waypost_server.core.exemplars import ExemplarTable, folded, twins

Rows = list[tuple[str, str]]

ROWS = st.lists(st.tuples(st.sampled_from(["a", "a/b", "a_b", "b", "B"]), st.text(max_size=3)))


@given(ROWS)
def test_the_table_holds_every_row_once_and_names_its_route(rows: Rows) -> None:
    table = ExemplarTable.of(rows, negative_counts={})
    named = [table.routes[i] for i in table.route_ids]
    assert Counter(zip(named, table.texts, strict=True)) == Counter(rows)


@given(ROWS)
def test_a_routes_exemplars_stand_side_by_side_in_the_order_given(rows: Rows) -> None:
    table = ExemplarTable.of(rows, negative_counts={})
    assert table.texts == tuple(
        text for route in table.routes for owner, text in rows if owner == route
    )
    assert sorted(table.route_ids) == list(table.route_ids)


@given(ROWS)
def test_counts_are_those_of_the_rows(rows: Rows) -> None:
    table = ExemplarTable.of(rows, negative_counts={})
    assert table.counts == Counter(route for route, _ in rows)


@given(ROWS)
def test_the_order_in_which_routes_are_read_changes_nothing(rows: Rows) -> None:
    by_route: dict[str, Rows] = {}
    for row in rows:
        by_route.setdefault(row[0], []).append(row)
    backwards = [row for route in reversed(by_route) for row in by_route[route]]
    one, other = (ExemplarTable.of(r, negative_counts={}) for r in (rows, backwards))
    assert (one.routes, one.texts) == (other.routes, other.texts)


def test_the_same_words_in_a_route_are_the_same_text() -> None:
    table = ExemplarTable.of(
        [("a", "Reset it"), ("a", "new"), ("a", "reset  it "), ("b", "reset it"), ("b", "new")],
        negative_counts={},
    )
    assert table.first_of.tolist() == [0, 1, 0, 3, 4]


@given(
    st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["x", " X", "y", "y y", "Y  y", "z"]))
    )
)
def test_twins_are_the_sentences_that_stand_in_several_routes(rows: Rows) -> None:
    routes = {
        folded(text): [*dict.fromkeys(r for r, t in rows if folded(t) == folded(text))]
        for _, text in rows
    }
    assert twins(rows) == {text: found for text, found in routes.items() if len(found) > 1}
