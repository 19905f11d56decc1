import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.commands.index import index as bundles
from waypost_server.core.errors import BundleError


@pytest.fixture
def shell(monkeypatch: pytest.MonkeyPatch, encoder_folder: Path) -> CliRunner:
    monkeypatch.setenv("WAYPOST_ENCODER", str(encoder_folder))
    return CliRunner(catch_exceptions=False)


def test_one_machine_pushes_and_another_pulls(
    shell: CliRunner, index_folder: Path, tmp_path: Path
) -> None:
    version, url = BundleStore(index_folder).live_version(), f"file://{tmp_path}/shared"
    pushed = shell.invoke(bundles, ["push", "--index", str(index_folder), "--url", url])
    assert pushed.output == f"waypost: bundle {version} is live in {url}\n"
    there = ["pull", "--index", str(tmp_path / "there"), "--url", url]
    pulled = shell.invoke(bundles, there)
    assert pulled.output == f"waypost: bundle {version} is live in {tmp_path}/there\n"
    assert BundleStore(tmp_path / "there").load().version == version
    with pytest.raises(BundleError, match="it has no version '0123456789ab'"):
        shell.invoke(bundles, ["push", "0123456789ab", "--index", str(index_folder), "--url", url])


def test_a_refused_bundle_is_pushed_by_force_alone(
    shell: CliRunner, index_folder: Path, tmp_path: Path
) -> None:
    index, url = Path(shutil.copytree(index_folder, tmp_path / "index")), f"file://{tmp_path}/there"
    store = BundleStore(index)
    stored = store.load()
    version = store.write_scoring(stored, replace(stored.scoring, similarity_weight=0.5)).version
    store.note_refused(version, ["accuracy falls", "so does recall"])
    push = ["push", version, "--index", str(index), "--url", url]
    with pytest.raises(BundleError) as error:
        shell.invoke(bundles, push)
    assert str(error.value) == (
        f"bundle {version} did not pass the gate: accuracy falls (and 1 more); mend that and build "
        "again, or push it all the same with --force"
    )
    assert not (tmp_path / "there").exists()
    assert shell.invoke(bundles, [*push, "--force"]).exit_code == 0
    assert BundleStore(tmp_path / "there").live_version() == version
    assert store.refusal(version)  # here it is what it was


def test_a_place_must_be_named(shell: CliRunner, tmp_path: Path) -> None:
    result = shell.invoke(bundles, ["pull", "--index", str(tmp_path)])
    assert result.exit_code == 2
    assert "name a place with --url or WAYPOST_BUNDLES_URL" in result.output
