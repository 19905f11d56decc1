from pathlib import Path

import pytest

from tests.unit.adapters.encoders import copy_encoder, with_honest_hash
from tests.unit.commands.cli import waypost
from waypost_server.adapters.encoder_manifest import MODEL_FILE, TOKENIZER_FILE
from waypost_server.adapters.files import sha256_hex
from waypost_server.adapters.onnx_encoder import OnnxEncoder


@pytest.mark.parametrize("name", [MODEL_FILE, TOKENIZER_FILE])
def test_a_wrong_hash_of_the_encoder_stops_the_server_with_one_sentence(
    tmp_path: Path, encoder_folder: Path, encoder: OnnxEncoder, index_folder: Path, name: str
) -> None:
    folder = copy_encoder(encoder_folder, tmp_path / "encoder")
    content = (folder / name).read_bytes() + b"\n"
    (folder / name).write_bytes(content)
    served = waypost("serve", "--index", index_folder, "--encoder", folder, address="127.0.0.1:0")
    assert (served.returncode, served.stdout) == (1, "")
    assert served.stderr == (
        f"waypost: {folder / name}: its SHA-256 is {sha256_hex(content)}, but encoder.json says "
        f"{encoder.manifest.files[name]}; restore the file or export the encoder again\n"
    )


def test_a_bundle_of_another_encoder_stops_the_server_naming_both(
    tmp_path: Path, encoder_folder: Path, encoder: OnnxEncoder, index_folder: Path
) -> None:
    folder = copy_encoder(encoder_folder, tmp_path / "encoder")
    with_honest_hash(folder, TOKENIZER_FILE, (folder / TOKENIZER_FILE).read_bytes() + b"\n")
    other = OnnxEncoder.load(folder).fingerprint
    served = waypost("serve", "--index", index_folder, "--encoder", folder, address="127.0.0.1:0")
    assert (served.returncode, served.stdout) == (1, "")
    assert f"encoder {encoder.fingerprint}, but {folder} is {other}; build again" in served.stderr
    assert served.stderr.count("\n") == 1


def test_a_folder_without_a_bundle_stops_the_server_with_what_to_run(tmp_path: Path) -> None:
    served = waypost("serve", index=tmp_path)
    assert (served.returncode, served.stdout) == (1, "")
    assert served.stderr == (
        f"waypost: {tmp_path}: no bundle is live here; run `waypost build --index {tmp_path}`\n"
    )
