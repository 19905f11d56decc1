"""A graph whose weights are said to lie in a file of somebody else's."""

from pathlib import Path

import pytest

from tests.unit.adapters.encoders import copy_encoder, with_honest_hash
from waypost_server.adapters.encoder_manifest import MODEL_FILE
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.core.errors import EncoderError

SHIPPED = Path(__file__).parents[3] / "models/all-MiniLM-L6-v2"
SECRET = b"0123456789abcdef"


def varint(number: int) -> bytes:
    low, rest = number & 127, number >> 7
    return bytes([low | 128]) + varint(rest) if rest else bytes([low])


def field(number: int, value: int | bytes | str) -> bytes:
    """A field of a protobuf message: of `onnx.proto`, without its package."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def graph_with(location: str) -> bytes:
    """A model that gives the 4 floats of a file: one initializer, and the identity."""
    entries = {"location": location, "offset": "0", "length": "16"}
    external = b"".join(
        field(13, field(1, name) + field(2, value)) for name, value in entries.items()
    )
    tensor = field(1, 4) + field(2, 1) + field(8, "w") + external + field(14, 1)
    node = field(1, "w") + field(2, "vector") + field(4, "Identity")
    shape = field(2, field(1, field(1, 4)))
    output = field(1, "vector") + field(2, field(1, field(1, 1) + shape))
    graph = field(1, node) + field(2, "g") + field(5, tensor) + field(12, output)
    return field(1, 8) + field(7, graph) + field(8, field(2, 17))


@pytest.mark.parametrize("location", ["secret", "e/secret", "../secret", "{absolute}/secret"])
def test_no_graph_reads_a_file_beside_itself_or_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    folder = copy_encoder(SHIPPED, tmp_path / "in" / "e")
    for place in (tmp_path, folder.parent, folder):
        (place / "secret").write_bytes(SECRET)
    monkeypatch.chdir(folder.parent)
    content = graph_with(location.replace("{absolute}", str(tmp_path)))
    with_honest_hash(folder, MODEL_FILE, content)
    with pytest.raises(EncoderError, match=r"[Ee]xternal data|model_path"):
        OnnxEncoder.load(folder)
