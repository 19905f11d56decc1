"""Encoders fine-tuned on exemplars, by the command itself, with a model of a few random weights."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

pytest.importorskip("torch", reason="adapting needs torch: pip install 'waypost[export]'")

from tests.export.tiny_models import save_tiny_model
from tests.folders import folder_content, write_folder
from tests.indexing import build_index
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.adapters.held_out_file import HELD_OUT_FILE
from waypost_server.adapters.onnx_encoder import OnnxEncoder
from waypost_server.commands.encoder import encoder as encoder_commands
from waypost_server.core.softmax import Labels
from waypost_server.lab.fine_tuning import FineTuning
from waypost_server.settings import Settings

pytestmark = [pytest.mark.filterwarnings("ignore")]

WORDS = {"sea": "wave tide salt ship", "sky": "cloud wind rain star", "earth": "mud rock sand clay"}
ROUTES = {
    f"{name}/exemplars.txt": "\n".join(
        f"{a} and {b} {i}" for i, (a, b) in enumerate((a, b) for a in w.split() for b in w.split())
    )
    for name, w in (WORDS | {"fire": "ash coal heat glow"}).items()
}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return save_tiny_model(tmp_path / "tiny", pooling="mean", prompts={"query": "find: "})


@pytest.fixture
def routes(tmp_path: Path) -> Path:
    negatives = {"sea/negatives.txt": "a ship of the desert\n"}
    return write_folder(tmp_path / "routes", ROUTES | negatives)


def adapt(*arguments: str | Path) -> Result:
    return CliRunner().invoke(encoder_commands, ["adapt", "--json", *map(str, arguments)])


def test_an_adapted_encoder_calibrates_a_bundle_with_what_its_folds_saw(
    source: Path, routes: Path, tmp_path: Path
) -> None:
    target = tmp_path / "adapted"
    ended = adapt(source, target, "--routes", routes, "--anyway", "--precision", "fp32")
    assert ended.exit_code == 0, ended.output
    said = json.loads(ended.stdout)
    assert (said["encoder"], said["exemplars"]) == (str(target), 64)
    loaded = OnnxEncoder.load(target)
    assert (loaded.name, loaded.manifest.query_prefix) == ("model-adapted", "find: ")
    settings = Settings.load(routes=routes, index=tmp_path / "index", encoder=target)
    stored = build_index(settings)
    seen = json.loads((target / HELD_OUT_FILE).read_text())["exemplars"]
    right = np.mean([row["best"] == row["route"] for row in seen])
    assert said["accuracy"]["after"] == pytest.approx(right)
    similarities = [row["similarity"] for row in seen if row["best"] == row["route"]]
    thresholds = BundleStore(settings.index).load().scoring.thresholds.values()
    assert min(similarities) - 0.01 <= min(thresholds) <= max(thresholds) <= max(similarities)
    assert stored.exemplars.counts == dict.fromkeys(stored.exemplars.routes, 16)


def test_what_does_not_pay_is_not_written(source: Path, routes: Path, tmp_path: Path) -> None:
    for folder in routes.iterdir():  # every route says the same: there is nothing to learn
        text = ROUTES["sea/exemplars.txt"]
        write_folder(folder, {"exemplars.txt": text})
    ended = adapt(source, tmp_path / "adapted", "--routes", routes)
    assert ended.exit_code == 1
    assert json.loads(ended.stdout)["encoder"] is None
    assert not (tmp_path / "adapted").exists()


def test_the_same_exemplars_give_the_same_encoder(
    source: Path, routes: Path, tmp_path: Path
) -> None:
    folders = [tmp_path / "one", tmp_path / "other"]
    for folder in folders:
        assert adapt(source, folder, "--routes", routes, "--anyway").exit_code == 0
    assert folder_content(folders[0]) == folder_content(folders[1])


def test_a_target_that_is_there_is_refused_before_any_training(
    source: Path, routes: Path, tmp_path: Path
) -> None:
    ended = adapt(source, tmp_path, "--routes", routes)
    assert "it is there already" in str(ended.exception)


def test_training_draws_exemplars_of_a_route_together_and_leaves_the_inner_vector(
    source: Path,
) -> None:
    texts = [text for content in ROUTES.values() for text in content.split("\n")]
    labels: Labels = np.repeat(np.arange(4, dtype=np.int32), 16)
    learner = FineTuning(source, texts, labels, epochs=40, prefix="")

    def apart() -> float:
        vectors = learner.encode(texts)[:, : learner.dimension]
        same = labels[:, np.newaxis] == labels
        cosines = vectors @ vectors.T
        return float(cosines[same].mean() - cosines[~same].mean())

    before, inner = apart(), learner.encode(texts)[:, learner.dimension :]
    for _ in range(40):
        learner.train_epoch()
    assert apart() > 1.2 * before
    np.testing.assert_allclose(learner.encode(texts)[:, learner.dimension :], inner, atol=1e-6)
