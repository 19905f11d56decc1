from pathlib import Path

import pytest

from tests.folders import write_folder
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.core.building import BuildPhase, BuildStep
from waypost_server.settings import Settings
from waypost_server.wiring.sharing import database_state
from waypost_server.workshop.publishing import publish_index


class KilledError(Exception):
    """The build ends here."""


@pytest.fixture
def settings(tmp_path: Path, encoder_folder: Path) -> Settings:
    """Of two routes."""
    routes = {
        "billing/exemplars.txt": "my card was charged twice\nrefund my payment\n",
        "cooking/exemplars.txt": "how do i bake bread\na recipe for soup\n",
    }
    return Settings.load(
        routes=write_folder(tmp_path / "routes", routes),
        index=tmp_path / "index",
        encoder=encoder_folder,
        two_stage=False,
    )


def until_checked(step: BuildStep) -> None:
    if step.phase is BuildPhase.CHECKING:
        raise KilledError


def nothing(step: BuildStep) -> None:
    """Whatever it is."""


def aside(settings: Settings) -> dict[str, bool]:
    return {each.version: each.is_aside for each in BundleStore(settings.index).listed()}


def test_what_a_build_leaves_that_ends_before_the_gate_has_spoken_is_no_bundle_like_others(
    settings: Settings,
) -> None:
    with pytest.raises(KilledError):
        publish_index(settings, until_checked)
    assert [*aside(settings).values()] == [True]
    published = publish_index(settings, nothing)
    assert aside(settings) == {published.stored.version: False}


def test_a_dry_run_of_what_was_live_takes_nothing_from_it(settings: Settings) -> None:
    first = publish_index(settings, nothing).stored.version
    exemplars = settings.routes / "cooking/exemplars.txt"
    was = exemplars.read_text()
    exemplars.write_text("fry an egg\n")
    second = publish_index(settings, nothing).stored.version
    exemplars.write_text(was)
    tried = publish_index(settings, nothing, dry_run=True)
    assert (tried.stored.version, tried.live_version) == (first, second)
    assert aside(settings) == {first: False, second: False}


def test_what_was_just_built_stays_however_old_its_version(settings: Settings) -> None:
    keep_one = settings.model_copy(update={"keep_bundles": 1})
    exemplars = settings.routes / "cooking/exemplars.txt"
    versions: list[str] = []
    for number in (0, 1, 2, 3, 0):
        exemplars.write_text(f"a recipe for soup {number}\n")
        wanted = keep_one if len(versions) == 4 else settings
        versions.append(publish_index(wanted, nothing, dry_run=True).stored.version)
    assert versions[4] == versions[0]
    assert {*aside(settings)} == {versions[0], versions[3]}


def test_what_goes_live_is_audited_where_servers_have_a_database(
    settings: Settings, tmp_path: Path
) -> None:
    file = tmp_path / "waypost.db"
    settings = settings.model_copy(update={"database": f"sqlite:///{file}"})
    first = publish_index(settings, nothing).stored.version
    assert not file.exists()
    file.touch()
    publish_index(settings, nothing)  # changes nothing
    with (settings.routes / "cooking/exemplars.txt").open("a") as exemplars:
        exemplars.write("is there a good salad\n")
    publish_index(settings, nothing, dry_run=True)
    second = publish_index(settings, nothing).stored.version
    acts = [each.act for each in database_state(settings).audited()]
    assert [(act.note, act.before, act.after) for act in acts] == [("waypost build", first, second)]
    assert acts[0].who.endswith(" at the command line")
