import asyncio
import json
import logging
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.unit.adapters.bundles import small_bundle
from waypost_server.adapters.bundle_format import _sealed
from waypost_server.adapters.bundle_store import CURRENT, BundleStore
from waypost_server.adapters.encoder_manifest import MANIFEST_FILE, TABLE_FILE
from waypost_server.adapters.index_files import write_index
from waypost_server.adapters.remote_bundles import ASIDE
from waypost_server.adapters.stage_files import PREFIX
from waypost_server.core.errors import BundleError
from waypost_server.service.swap import Swap
from waypost_server.service.version import Live, Served
from waypost_server.settings import Settings
from waypost_server.wiring.following import Fleet, remote_bundles
from waypost_server.wiring.loading import load_engine, load_engine_like


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Whose encoder is the one that small bundles say they were built with, as far as they tell."""
    return Settings.load(
        index=tmp_path / "index", bundles_url=f"file://{tmp_path}/shared", watch=True
    )


def swap_of(settings: Settings) -> Swap:
    """Of what is live in the index folder."""
    return Swap(
        Live(Served.of(load_engine(settings))),
        lambda version, before: load_engine_like(settings, version, before),
    )


@pytest.fixture
def serving(
    topics_index: Path, tmp_path: Path, repo: Path, encoder_folder: Path
) -> tuple[Settings, Swap]:
    """A bundle with a first stage, and the settings to serve it with; elsewhere nothing is live."""
    settings = Settings.load(
        index=shutil.copytree(topics_index, tmp_path / "index"),
        encoder=encoder_folder,
        static_encoder=shutil.copytree(
            repo / "models/all-MiniLM-L6-v2-static", tmp_path / "static"
        ),
        bundles_url=f"file://{tmp_path}/shared",
        watch=True,
        bundles_poll_seconds=0.01,
    )
    return settings, swap_of(settings)


def push_another(settings: Settings, tmp_path: Path) -> str:
    """Another version of what is live here, live elsewhere."""
    shutil.copytree(settings.index, tmp_path / "builder")
    builder = BundleStore(tmp_path / "builder")
    stored = builder.load()
    scoring = replace(stored.scoring, similarity_weight=stored.scoring.similarity_weight / 2)
    version = builder.write_scoring(stored, scoring).version
    remote = remote_bundles(settings)
    assert remote is not None
    return remote.push(tmp_path / "builder", version)


async def test_without_a_place_nothing_is_fetched(
    tmp_path: Path, serving: tuple[Settings, Swap]
) -> None:
    settings = Settings.load(index=tmp_path / "none", watch=True)
    assert remote_bundles(settings) is None
    await Fleet(settings).fetch_at_start(asyncio.Event())
    assert Fleet(settings).follow(serving[1]) is None
    assert not (tmp_path / "none").exists()


def test_without_watch_it_is_fetched_at_the_start_alone(serving: tuple[Settings, Swap]) -> None:
    settings, swap = serving
    assert Fleet(settings).follow(swap) is not None
    assert Fleet(settings.model_copy(update={"watch": False})).follow(swap) is None


async def test_a_bundle_of_another_encoder_is_not_taken_over(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture, encoder_folder: Path
) -> None:
    settings = settings.model_copy(update={"encoder": encoder_folder})
    stored = BundleStore(tmp_path / "shared").save(small_bundle())
    with pytest.raises(BundleError) as error:
        await Fleet(settings).fetch_at_start(asyncio.Event())
    wanted = f"bundle {stored.version} was built with encoder {stored.manifest.encoder_fingerprint}"
    assert str(error.value).startswith(wanted)
    other = BundleStore(settings.index).save(small_bundle({"billing": ["a"], "support": ["b"]}))
    await Fleet(settings).fetch_at_start(asyncio.Event())  # what is live here serves
    assert BundleStore(settings.index).live_version() == other.version
    assert f"what is live here serves: {wanted}" in caplog.text


async def test_a_bundle_of_another_static_encoder_stays_aside_and_status_says_why(
    serving: tuple[Settings, Swap], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings, swap = serving
    before = swap.index_version
    version = push_another(settings, tmp_path)
    path = settings.static_encoder / MANIFEST_FILE
    sound = path.read_bytes()
    path.write_text(json.dumps(json.loads(sound) | {"max_tokens": 7}))
    follow = Fleet(settings).follow(swap)
    assert follow is not None
    for _ in range(3):
        await follow.look()
    assert BundleStore(settings.index).live_version() == before
    assert BundleStore(settings.index).versions() == (before,)
    assert (settings.index / ASIDE / version).is_dir()
    first = BundleStore(settings.index).load().first
    assert first is not None
    said = f"bundle {version} was built with static encoder {first.encoder_fingerprint}, but "
    assert swap.refused.startswith(said)
    assert caplog.text.count(f"what is live stays: {said}") == 1
    path.write_bytes(sound)
    await follow.look()
    assert BundleStore(settings.index).live_version() == version
    assert swap.refused == ""


async def test_what_the_start_refused_is_in_the_status_without_watch_too(
    serving: tuple[Settings, Swap], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings, swap = serving
    settings = settings.model_copy(update={"watch": False})
    before, version = swap.index_version, push_another(settings, tmp_path)
    (settings.static_encoder / TABLE_FILE).write_bytes(b"cut off")
    fleet = Fleet(settings)
    await fleet.fetch_at_start(asyncio.Event())
    assert BundleStore(settings.index).live_version() == before
    assert (settings.index / ASIDE / version).is_dir()
    assert f"what is live here serves: {settings.static_encoder}" in caplog.text
    assert fleet.follow(swap) is None
    assert swap.refused.startswith(f"{settings.static_encoder / TABLE_FILE}: its SHA-256 is ")


async def test_a_bundle_whose_first_stage_does_not_decide_stays_aside(
    serving: tuple[Settings, Swap], tmp_path: Path
) -> None:
    settings, swap = serving
    stored = BundleStore(settings.index).load()
    assert stored.first is not None
    wide = np.pad(stored.first.index.rows(slice(None)), ((0, 0), (0, 1)))
    files = {name: stored.files.content(name) for name in stored.files.names}
    version, content_of = _sealed(stored.manifest, files | write_index(wide, PREFIX)[1])
    for name, content in content_of.items():
        path = tmp_path / "shared" / version / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    (tmp_path / "shared" / CURRENT).write_text(version)
    follow = Fleet(settings).follow(swap)
    assert follow is not None
    await follow.look()
    assert swap.refused.startswith(f"bundle {version} does not decide: ")
    assert BundleStore(settings.index).live_version() == stored.version
    # With one stage it does: what will not be used is not asked.
    one = settings.model_copy(update={"two_stage": False})
    await Fleet(one).fetch_at_start(asyncio.Event())
    assert BundleStore(settings.index).live_version() == version


async def test_another_reason_in_the_status_is_left_alone(
    serving: tuple[Settings, Swap], tmp_path: Path
) -> None:
    settings, swap = serving
    follow = Fleet(settings).follow(swap)
    assert follow is not None
    swap.refuse("something else")
    await follow.look()
    assert swap.refused == "something else"


async def test_that_nothing_is_live_there_is_said_once_of_the_start_and_after(
    serving: tuple[Settings, Swap], caplog: pytest.LogCaptureFixture
) -> None:
    settings, swap = serving
    fleet = Fleet(settings)
    await fleet.fetch_at_start(asyncio.Event())
    follow = fleet.follow(swap)
    assert follow is not None
    for _ in range(3):
        await follow.look()
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (
            logging.WARNING,
            f"{settings.bundles_url}: no bundle is live there, so there is nothing to follow: run "
            "`waypost index push`, or mend WAYPOST_BUNDLES_URL",
        )
    ]
    assert swap.refused == ""


async def test_a_start_that_is_stopped_waits_for_nothing(settings: Settings) -> None:
    stopped = asyncio.Event()
    stopped.set()
    await Fleet(settings).fetch_at_start(stopped)


def test_a_login_in_the_url_is_not_shown(tmp_path: Path) -> None:
    settings = Settings.load(index=tmp_path, bundles_url="s3://me:secret@bucket/fleet")
    assert "secret" not in json.dumps(settings.shown())
