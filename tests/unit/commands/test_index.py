import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.unit.adapters.bundles import small_bundle
from tests.unit.commands.cli import waypost_here
from tests.unit.commands.test_build_gate import World
from waypost_server.adapters.bundle_store import BundleStore


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, encoder_folder: Path) -> Path:
    """An index of three bundles: the live one is the second, and the third is another encoder's."""
    world = World(tmp_path_factory.mktemp("index"), encoder_folder)
    world.build()
    world.write({"cooking/exemplars.txt": "fry an egg\n"})
    world.build()
    world.store.write(small_bundle())
    return world.index


def index(folder: Path, encoder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return waypost_here("index", *arguments, index=folder, encoder=encoder, two_stage="false")


def test_versions_are_listed_for_people_and_programs(folder: Path, encoder_folder: Path) -> None:
    lines = index(folder, encoder_folder, "list").stdout.splitlines()
    assert len(lines) == 3
    stamp = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    assert re.fullmatch(rf"  \w{{12}}  {stamp}  2 routes, 5 exemplars, encoder hash", lines[0])
    assert re.fullmatch(
        rf"\* \w{{12}}  {stamp}  3 routes, 7 exemplars, encoder all-MiniLM-L6-v2", lines[1]
    )
    listed = json.loads(index(folder, encoder_folder, "list", "--json").stdout)
    assert [one["version"] for one in listed] == [line[2:14] for line in lines]
    assert [one["live"] for one in listed] == [False, True, False]
    assert [one["exemplars"] for one in listed] == [5, 7, 9]


def test_an_earlier_version_is_made_live_again_and_one_that_does_not_fit_is_not(
    folder: Path, encoder_folder: Path
) -> None:
    store = BundleStore(folder)
    foreign, second, first = (built.version for built in store.listed())
    refused = index(folder, encoder_folder, "activate", foreign)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"bundle {foreign} was built with encoder" in refused.stderr
    assert store.live_version() == second
    refused = index(folder, encoder_folder, "activate", "0" * 12)
    assert refused.stderr == (
        f"waypost: {folder}: it has no version '{'0' * 12}'; its versions are "
        f"{', '.join(sorted([first, second, foreign]))}\n"
    )
    done = index(folder, encoder_folder, "activate", first)
    assert done.returncode == 0
    assert done.stdout.startswith(
        f"waypost: bundle {first} is live in {folder}; before it was {second}; a server"
    )
    assert store.live_version() == first
    told = index(folder, encoder_folder, "activate", second, "--json")
    assert json.loads(told.stdout) == {"version": second, "previous_version": first}


def test_old_versions_are_removed(folder: Path, encoder_folder: Path) -> None:
    store = BundleStore(folder)
    foreign, second, first = (built.version for built in store.listed())
    store.activate(second)
    assert index(folder, encoder_folder, "prune").stdout.startswith("waypost: removed nothing from")
    store.activate(first)
    store.activate(second)
    pruned = index(folder, encoder_folder, "prune", "--keep", "1", "--json")
    assert json.loads(pruned.stdout) == {"removed": []}  # the live one and the one before it stay
    assert {*store.versions()} == {first, second, foreign}
