import json
from pathlib import Path

import numpy as np
import pytest

from tests.unit.adapters.encoders import copy_encoder, with_honest_hash
from waypost_server.adapters.held_out_file import HELD_OUT_FILE, read_held_out, write_held_out
from waypost_server.core.crossfit import HeldOut
from waypost_server.core.errors import EncoderError
from waypost_server.core.evidence import Evidence
from waypost_server.core.exemplars import ExemplarTable

TABLE = ExemplarTable.of(
    [("a", "first"), ("a", "second"), ("b", "third"), ("b", "fourth"), ("c", "alone")],
    negative_counts={},
)
ROWS = [2, 0, 3, 1]


def seen() -> HeldOut:
    columns = np.arange(20, dtype=np.float32).reshape(5, 4) / 32
    best = np.array([1, 0, 0, 0], dtype=np.int32)
    labels = TABLE.route_ids[ROWS]
    return HeldOut(Evidence(best, *columns[1:]), best == labels, columns[0], labels)


@pytest.fixture
def folder(tmp_path: Path, encoder_folder: Path) -> Path:
    """The shipped encoder with what its folds saw."""
    target = copy_encoder(encoder_folder, tmp_path / "encoder")
    content = write_held_out(seen(), ROWS, TABLE, knows_outside=False)
    return with_honest_hash(target, HELD_OUT_FILE, content)


def test_what_was_seen_comes_back(folder: Path) -> None:
    found = read_held_out(folder, TABLE, knows_outside=False)
    assert found is not None
    np.testing.assert_array_equal(found.right, seen().right)
    np.testing.assert_array_equal(found.labels, seen().labels)
    np.testing.assert_array_equal(found.similarity, seen().similarity)
    for column in ("route", "lead", "closeness", "logit", "surroundings"):
        np.testing.assert_array_equal(
            getattr(found.evidence, column), getattr(seen().evidence, column)
        )


def test_exemplars_that_are_gone_are_left_out_and_routes_may_have_moved(folder: Path) -> None:
    table = ExemplarTable.of(
        [("_new", "x"), ("a", "first"), ("b", "third"), ("b", "fourth")], negative_counts={}
    )
    found = read_held_out(folder, table, knows_outside=False)
    assert found is not None
    assert found.labels.tolist() == [2, 1, 2]  # third, first, fourth
    assert found.right.tolist() == [True, True, False]


@pytest.mark.parametrize(
    ("rows", "knows_outside"),
    [([("a", "first"), ("a", "x"), ("b", "y")], False), ([("a", "first"), ("b", "third")], True)],
    ids=["other routes", "other heads"],
)
def test_of_other_routes_or_heads_it_knows_nothing(
    folder: Path, rows: list[tuple[str, str]], knows_outside: bool
) -> None:
    table = ExemplarTable.of(rows, negative_counts={})
    assert read_held_out(folder, table, knows_outside=knows_outside) is None


def test_an_encoder_that_was_not_adapted_brings_nothing(encoder_folder: Path) -> None:
    assert read_held_out(encoder_folder, TABLE, knows_outside=False) is None


def test_no_text_is_in_the_file(folder: Path) -> None:
    content = (folder / HELD_OUT_FILE).read_text()
    assert len(json.loads(content)["exemplars"]) == 4
    assert not any(text in content for text in TABLE.texts)


def test_a_damaged_file_is_refused_with_its_cure(folder: Path) -> None:
    with_honest_hash(folder, HELD_OUT_FILE, b'{"knows_outside": false, "exemplars": [{}]}')
    with pytest.raises(
        EncoderError, match=r"held_out.json: exemplars.0.route: .*adapt the encoder"
    ):
        read_held_out(folder, TABLE, knows_outside=False)
    (folder / HELD_OUT_FILE).write_bytes(b"cut")
    with pytest.raises(EncoderError, match=r"held_out.json: its SHA-256 is"):
        read_held_out(folder, TABLE, knows_outside=False)


@pytest.mark.parametrize(
    ("column", "value"),
    [("similarity", 50), ("logit", 1e300), ("lead", -1), ("closeness", "NaN"), ("logit", "inf")],
)
def test_numbers_that_no_router_gives_are_refused(
    folder: Path, column: str, value: float | str
) -> None:
    content = json.loads((folder / HELD_OUT_FILE).read_text())
    content["exemplars"][1][column] = value
    with_honest_hash(folder, HELD_OUT_FILE, json.dumps(content).encode())
    with pytest.raises(EncoderError, match=rf"held_out.json: exemplars.1.{column}: "):
        read_held_out(folder, TABLE, knows_outside=False)


def test_a_mistake_for_a_route_that_is_gone_stays_a_mistake(folder: Path) -> None:
    content = json.loads((folder / HELD_OUT_FILE).read_text())
    content["exemplars"][0]["best"] = "gone"
    with_honest_hash(folder, HELD_OUT_FILE, json.dumps(content).encode())
    found = read_held_out(folder, TABLE, knows_outside=False)
    assert found is not None
    assert found.right.tolist() == [False, *seen().right[1:]]
