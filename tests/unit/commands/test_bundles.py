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


def test_a_place_must_be_named(shell: CliRunner, tmp_path: Path) -> None:
    result = shell.invoke(bundles, ["pull", "--index", str(tmp_path)])
    assert result.exit_code == 2
    assert "name a place with --url or WAYPOST_BUNDLES_URL" in result.output
