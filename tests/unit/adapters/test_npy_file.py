import io
import zipfile
from collections.abc import Mapping

import numpy as np
import pytest

from waypost_server.adapters.files import as_npy
from waypost_server.adapters.npy_file import read_npy, read_npz

TABLE = np.arange(6, dtype=np.float32).reshape(2, 3)


def npy(header: str, data: bytes = b"") -> bytes:
    content = header.encode("latin-1")
    return b"\x93NUMPY\x01\x00" + len(content).to_bytes(2, "little") + content + data


def said(shape: str, kind: str = "<f4", order: str = "False") -> str:
    return f"{{'descr': '{kind}', 'fortran_order': {order}, 'shape': {shape}, }}\n"


def npz(files: Mapping[str, bytes], kind: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", kind) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["f2", "f4", "f8", "i1", "i8"])
@pytest.mark.parametrize("shape", [(), (0,), (4,), (2, 3), (0, 7)])
def test_what_numpy_wrote_is_read_as_numpy_reads_it(kind: str, shape: tuple[int, ...]) -> None:
    content = as_npy(np.ones(shape, dtype=kind))
    wanted = np.load(io.BytesIO(content), allow_pickle=False)
    found = read_npy(content)
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    assert np.array_equal(found, wanted)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (npy(said("(1099511627776,)")), "but 0 bytes follow"),
        (npy(said("(9" + "9" * 40 + ",)")), "but 0 bytes follow"),
        (npy(said("(-2, -2)"), b"\0" * 16), "but 16 bytes follow"),
        (npy(said("(2,)"), b"\0" * 9), "but 9 bytes follow"),
        (npy(said("(1,)", "|O"), b"\x80\x04N."), "not rows of numbers"),
        (npy(said("(1,)", "<U9"), b"\0" * 36), "not rows of numbers"),
        (npy(said("(1,)", "<c8"), b"\0" * 8), "not rows of numbers"),
        (npy(said("(1,)", "<M8[s]"), b"\0" * 8), "not rows of numbers"),
        (npy(said("(2, 3)", order="True"), b"\0" * 24), "not rows of numbers"),
        (
            npy("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}\n", b"\0" * 4),
            "not",
        ),
        (npy("(" * 5_000 + ")" * 5_000), "no header of an array"),
        (npy("__import__('os').system('id')"), "no header of an array"),
        (npy(said("('x',)")), "no header of an array"),
        (b"\x93NUMPY\x09\x00", "no header of an array"),
        (b"", "no header of an array"),
    ],
)
def test_a_header_that_does_not_fit_what_follows_is_refused_before_room_is_made(
    content: bytes, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        read_npy(content)


def test_what_numpys_savez_wrote_is_read() -> None:
    buffer = io.BytesIO()
    np.savez(buffer, weights=TABLE, bias=TABLE[0])
    found = read_npz(buffer.getvalue(), ("weights", "bias"))
    assert np.array_equal(found["weights"], TABLE)
    assert np.array_equal(found["bias"], TABLE[0])


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (npz({"a.npy": as_npy(np.zeros(2**20))}, zipfile.ZIP_DEFLATED), "it is packed"),
        (npz({"a.npy": as_npy(TABLE), "b.npy": as_npy(TABLE)}), "it does not hold a"),
        (npz({"../a.npy": as_npy(TABLE)}), "it does not hold a"),
        (npz({}), "it does not hold a"),
        (npz({"a.npy": b"nothing"}), "no header of an array"),
        (npz({"a.npy": as_npy(TABLE)})[:-30], r"it is no .npz file"),
        (b"PK\x03\x04" + b"\0" * 100, r"it is no .npz file"),
        (b"", r"it is no .npz file"),
    ],
)
def test_an_archive_that_inflates_or_holds_something_else_is_refused(
    content: bytes, problem: str
) -> None:
    with pytest.raises(ValueError, match=problem):
        read_npz(content, ("a",))
