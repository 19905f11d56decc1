import os
import subprocess
import sys
from pathlib import Path


def test_loading_an_encoder_leaves_nothing_in_the_home(
    tmp_path: Path, encoder_folder: Path
) -> None:
    code = (
        "import sys; from pathlib import Path;"
        "from waypost_server.adapters.onnx_encoder import OnnxEncoder;"
        "OnnxEncoder.load(Path(sys.argv[1]))"
    )
    environment = {name: value for name, value in os.environ.items() if "TELEMETRY" not in name}
    environment |= {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path / "cache")}
    subprocess.run([sys.executable, "-c", code, encoder_folder], env=environment, check=True)
    assert list(tmp_path.rglob("*")) == []
