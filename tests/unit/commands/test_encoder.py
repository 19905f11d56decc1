import json
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.unit.adapters.encoders import copy_encoder
from tests.unit.commands.cli import waypost
from waypost_server.adapters.onnx_encoder import OnnxEncoder


def test_verify_says_what_the_encoder_is(encoder_folder: Path, encoder: OnnxEncoder) -> None:
    verified = waypost("encoder", "verify", encoder_folder, "--json")
    assert json.loads(verified.stdout) == {
        **encoder.manifest.model_dump(),
        "fingerprint": encoder.fingerprint,
    }
    assert (verified.returncode, verified.stderr) == (0, "")


def test_verify_refuses_an_encoder_that_was_changed(tmp_path: Path, encoder_folder: Path) -> None:
    folder = copy_encoder(encoder_folder, tmp_path / "encoder")
    (folder / "model.onnx").write_bytes(b"cut off")
    verified = waypost("encoder", "verify", folder)
    assert (verified.returncode, verified.stdout) == (1, "")
    assert verified.stderr.startswith(f"waypost: {folder}/model.onnx: its SHA-256 is ")
    assert verified.stderr.count("\n") == 1


def test_verify_of_a_folder_that_is_not_there_is_wrong_usage() -> None:
    verified = waypost("encoder", "verify", "nowhere")
    assert verified.returncode == 2
    assert "Directory 'nowhere' does not exist." in verified.stderr


@pytest.mark.skipif(find_spec("torch") is not None, reason="the extra `export` is installed")
@pytest.mark.parametrize("command", ["export", "adapt"])
def test_without_its_extra_a_command_says_how_to_get_it(tmp_path: Path, command: str) -> None:
    (tmp_path / "modules.json").write_text("[]")
    exported = waypost("encoder", command, tmp_path, tmp_path / "target")
    assert (exported.returncode, exported.stdout) == (1, "")
    assert exported.stderr.endswith(
        "pip install 'waypost[export]', in a clone pip install '.[export]'\n"
    )
    assert not (tmp_path / "target").exists()
