import asyncio
import json
from pathlib import Path

import pytest

from tests.folders import folder_content
from tests.unit.adapters.bundles import small_bundle
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.core.errors import BundleError
from waypost_server.settings import Settings
from waypost_server.wiring.following import fetch_at_start, follow_of, remote_bundles


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Whose encoder is the one that small bundles say they were built with, as far as they tell."""
    return Settings.load(
        index=tmp_path / "index", bundles_url=f"file://{tmp_path}/shared", watch=True
    )


async def test_without_a_place_nothing_is_fetched(tmp_path: Path) -> None:
    settings = Settings.load(index=tmp_path, watch=True)
    assert remote_bundles(settings) is None
    assert follow_of(settings) is None
    await fetch_at_start(settings, asyncio.Event())
    assert folder_content(tmp_path) == {}


def test_without_watch_it_is_fetched_at_the_start_alone(settings: Settings) -> None:
    assert follow_of(settings) is not None
    assert follow_of(settings.model_copy(update={"watch": False})) is None


async def test_a_bundle_of_another_encoder_is_not_taken_over(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture, encoder_folder: Path
) -> None:
    settings = settings.model_copy(update={"encoder": encoder_folder})
    stored = BundleStore(tmp_path / "shared").save(small_bundle())
    with pytest.raises(BundleError) as error:
        await fetch_at_start(settings, asyncio.Event())
    wanted = f"bundle {stored.version} was built with encoder {stored.manifest.encoder_fingerprint}"
    assert str(error.value).startswith(wanted)
    other = BundleStore(settings.index).save(small_bundle({"billing": ["a"], "support": ["b"]}))
    await fetch_at_start(settings, asyncio.Event())  # what is live here serves
    assert BundleStore(settings.index).live_version() == other.version
    assert f"what is live here serves: {wanted}" in caplog.text


async def test_a_start_that_is_stopped_waits_for_nothing(settings: Settings) -> None:
    stopped = asyncio.Event()
    stopped.set()
    await fetch_at_start(settings, stopped)


def test_a_login_in_the_url_is_not_shown(tmp_path: Path) -> None:
    settings = Settings.load(index=tmp_path, bundles_url="s3://me:secret@bucket/fleet")
    assert "secret" not in json.dumps(settings.shown())
