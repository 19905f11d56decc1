from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from waypost_server.adapters.exemplar_lines import read_exemplars, write_exemplars
from waypost_server.core.errors import BundleError
from waypost_server.core.exemplars import ExemplarTable

ROWS = st.lists(
    st.tuples(st.sampled_from(["a", "a/b", "é"]), st.text(st.characters(codec="utf-8"), max_size=9))
)


def stored(folder: Path, table: ExemplarTable) -> ExemplarTable:
    path = folder / "exemplars.jsonl"
    path.unlink(missing_ok=True)
    path.write_bytes(write_exemplars(table))
    return read_exemplars(path, negative_counts=table.negative_counts)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS)
def test_a_table_on_disk_is_the_table_that_was_written(
    tmp_path: Path, rows: list[tuple[str, str]]
) -> None:
    table = ExemplarTable.of(rows, negative_counts={"a": 2})
    back = stored(tmp_path, table)
    assert (back.routes, [*back.texts], back.counts) == (table.routes, [*table.texts], table.counts)
    assert back.negative_counts == {"a": 2}
    np.testing.assert_array_equal(back.route_ids, table.route_ids)
    for i in range(len(table.routes)):
        assert back.texts[back.rows_of(i)] == table.texts[table.rows_of(i)]


def test_texts_are_indexed_like_a_tuple(tmp_path: Path) -> None:
    table = ExemplarTable.of([("a", str(i)) for i in range(9)], negative_counts={})
    texts = stored(tmp_path, table).texts
    assert (texts[0], texts[-1], texts[2:8:3], texts[::-4]) == ("0", "8", ("2", "5"), tuple("840"))
    assert tuple(texts) == table.texts
    for beyond in (9, -10):
        with pytest.raises(IndexError):
            texts[beyond]


def test_texts_are_readable_after_their_file_is_gone_and_by_threads_at_once(tmp_path: Path) -> None:
    table = ExemplarTable.of([("a", f"text {i}") for i in range(500)], negative_counts={})
    texts = stored(tmp_path, table).texts
    (tmp_path / "exemplars.jsonl").unlink()
    with ThreadPoolExecutor(4) as threads:
        assert (*threads.map(texts.__getitem__, range(500)),) == table.texts


GOOD = b'{"route": "b", "text": "x"}\n'

BAD: dict[str, tuple[bytes, str]] = {
    "no JSON": (b"{route}\n", "key must be a string at line 1 column 2"),
    "half a surrogate": (b'{"route": "b", "text": "\\ud800"}\n', "unexpected end of hex escape"),
    "no object": (b"[]\n", "it lacks a route or a text"),
    "no text": (b'{"route": "b"}\n', "it lacks a route or a text"),
    "a number": (b'{"route": "b", "text": 1}\n', "it lacks a route or a text"),
    "no route": (b'{"text": "x"}\n', "it lacks a route or a text"),
    "nothing": (b"\n", "EOF while parsing"),
    "not sorted": (b'{"route": "a", "text": "x"}\n', "route 'a' comes after 'b'"),
    "two lines in one": (GOOD.strip() * 2, "trailing characters"),
}


@pytest.mark.parametrize(("line", "message"), BAD.values(), ids=BAD)
def test_a_bad_line_is_named(tmp_path: Path, line: bytes, message: str) -> None:
    path = tmp_path / "exemplars.jsonl"
    path.write_bytes(GOOD * 2 + line + GOOD)
    with pytest.raises(BundleError) as error:
        read_exemplars(path, negative_counts={})
    assert str(error.value).startswith(f"{path}: line 3: {message}")
    assert str(error.value).endswith("; build again")
