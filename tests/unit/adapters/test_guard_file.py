"""A guard's head beside its encoder: round trip, and every way in which it is refused."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from waypost_server.adapters.guard_file import (
    HEAD_FILE,
    LETTERS_FILE,
    WEIGHTS_FILE,
    read_guard_head,
    write_guard_head,
)
from waypost_server.core.errors import EncoderError
from waypost_server.core.guard_head import Bars, GuardHead
from waypost_server.core.guard_letters import BUCKETS, LetterHead
from waypost_server.core.softmax import LinearMap

WEIGHTS = (np.arange(6).reshape(3, 2) / 7).astype(np.float32)
HEAD = GuardHead(
    LinearMap(WEIGHTS, np.array([0.5, -0.5], np.float32)), Bars(-1.0, 0.25, 2.0), 0.125
)
OWN, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_guard_head(tmp_path, HEAD, fingerprint=OWN, taught_by={"x": 3})
    return tmp_path


def read(folder: Path, *, fingerprint: str = OWN, width: int = 3) -> GuardHead | None:
    return read_guard_head(folder, fingerprint=fingerprint, width=width)


def test_a_head_is_read_as_it_was_written(folder: Path) -> None:
    found = read(folder)
    assert found is not None
    np.testing.assert_array_equal(found.map.weights, HEAD.map.weights)
    np.testing.assert_array_equal(found.map.bias, HEAD.map.bias)
    assert (found.bars, found.unsure, found.alone) == (HEAD.bars, HEAD.unsure, None)


def test_its_letters_are_read_as_they_were_written_or_refused(tmp_path: Path) -> None:
    weights = np.linspace(-1, 1, BUCKETS).astype(np.float16).astype(np.float32)
    head = replace(HEAD, letters=LetterHead(weights, -1.25))
    write_guard_head(tmp_path, head, fingerprint=OWN, taught_by={})
    found = read(tmp_path)
    assert found is not None
    assert found.letters is not None
    np.testing.assert_array_equal(found.letters.weights, weights)
    assert found.letters.bias == -1.25
    path = tmp_path / LETTERS_FILE
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    with pytest.raises(EncoderError, match=r"guard_letters.npy: its SHA-256 is"):
        read(tmp_path)
    path.unlink()
    with pytest.raises(EncoderError, match=r"guard_letters.npy: No such file"):
        read(tmp_path)


def test_what_a_head_is_by_itself_is_read_as_it_was_written(tmp_path: Path) -> None:
    head = replace(HEAD, alone=Bars(-0.5, 0.5, 1.5))
    write_guard_head(tmp_path, head, fingerprint=OWN, taught_by={})
    found = read(tmp_path)
    assert found is not None
    assert found.alone == head.alone


def test_an_encoder_without_a_head_has_none(tmp_path: Path) -> None:
    assert read(tmp_path) is None


def test_another_encoders_head_is_refused_in_a_sentence_with_both_names(folder: Path) -> None:
    with pytest.raises(EncoderError, match=rf"trained for encoder {OWN}, but .* is {OTHER}"):
        read(folder, fingerprint=OTHER)


def test_changed_weights_are_refused(folder: Path) -> None:
    path = folder / WEIGHTS_FILE
    path.write_bytes(path.read_bytes()[:-1] + b"\x00")
    with pytest.raises(EncoderError, match=r"its SHA-256 is .*, but guard.json says"):
        read(folder)


def test_a_head_of_another_width_is_refused(folder: Path) -> None:
    with pytest.raises(EncoderError, match=r"of shape \(4, 2\), but .* of shape \(5, 2\)"):
        read(folder, width=4)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"format_version": 2}, "format_version"),
        ({"bars": {"low": 1.0}}, "bars.medium"),
        ({"x": 1}, "x"),
    ],
)
def test_a_file_of_another_form_is_refused(
    folder: Path, change: dict[str, object], problem: str
) -> None:
    path = folder / HEAD_FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(EncoderError, match=rf"guard\.json: {problem}: .*waypost guard train"):
        read(folder)


def test_missing_weights_are_named(folder: Path) -> None:
    (folder / WEIGHTS_FILE).unlink()
    with pytest.raises(EncoderError, match=r"guard\.npy: No such file"):
        read(folder)
