import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.adapters.bundles import small_bundle
from tests.unit.commands.cli import waypost_here
from tests.unit.commands.test_build_gate import ASTRAY, World
from waypost_server.adapters.bundle_store import BundleStore
from waypost_server.adapters.database import open_database
from waypost_server.adapters.sql_state import SqlState
from waypost_server.core.calibration import CalibrationMethod


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, encoder_folder: Path) -> Path:
    """An index of three bundles: the live one is the second, and the third is another encoder's."""
    world = World(tmp_path_factory.mktemp("index"), encoder_folder)
    world.build()
    world.write({"cooking/exemplars.txt": "fry an egg\n"})
    world.build()
    world.store.write(small_bundle())
    return world.index


def index(
    folder: Path, encoder: Path, *arguments: str, database: str = "none"
) -> subprocess.CompletedProcess[str]:
    return waypost_here(
        "index",
        *arguments,
        index=folder,
        encoder=encoder,
        two_stage="false",
        database=database,
    )


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


def test_a_tuned_version_is_told_from_the_built_one(tmp_path: Path, encoder_folder: Path) -> None:
    store = BundleStore(tmp_path)
    built = store.save(small_bundle())
    by_queries = replace(built.scoring.calibration, method=CalibrationMethod.HELD_OUT)
    tuned = store.write_scoring(built, replace(built.scoring, calibration=by_queries))
    thresholds = dict.fromkeys(built.scoring.thresholds, 0.5)
    other = store.write_scoring(tuned, replace(tuned.scoring, thresholds=thresholds))

    def told() -> dict[str, tuple[bool, str | None]]:
        rows = json.loads(index(tmp_path, encoder_folder, "list", "--json").stdout)
        return {row["version"]: (row["tuned"], row["tuned_from"]) for row in rows}

    assert told() == {
        built.version: (False, None),
        tuned.version: (True, built.version),
        other.version: (True, built.version),
    }
    lines = index(tmp_path, encoder_folder, "list").stdout.splitlines()
    ends = {line[2:14]: line.partition("encoder hash")[2] for line in lines}
    from_built = f", tuned from {built.version}"
    assert ends == {built.version: "", tuned.version: from_built, other.version: from_built}

    store.activate(tuned.version)
    shutil.rmtree(tmp_path / built.version)
    assert told() == {tuned.version: (True, None), other.version: (True, None)}
    assert index(tmp_path, encoder_folder, "list").stdout.count("encoder hash, tuned\n") == 2
    (tmp_path / other.version / "calibration.json").write_text("{}")
    assert told()[other.version] == (False, None)  # loading it tells


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
    again = index(folder, encoder_folder, "activate", first)
    assert again.stdout.startswith(
        f"waypost: bundle {first} is live in {folder}; as it was already; a server that runs"
    )
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


@pytest.fixture
def world(tmp_path: Path, encoder_folder: Path) -> World:
    """With a bundle that is live, and routes that would not pass."""
    world = World(tmp_path, encoder_folder)
    assert world.build().returncode == 0
    world.write(ASTRAY)
    return world


def test_a_refused_bundle_says_why_and_goes_live_by_force_alone(world: World) -> None:
    before, problem = world.live(), world.build().stderr.splitlines()[1]
    (new,) = {*world.store.versions()} - {before}
    told = index(world.index, world.encoder, "list")
    _, *below, _ = told.stdout.splitlines()
    assert all(line.startswith("    ") for line in below)
    assert all(len(line) <= 100 or len(line.split()) == 1 for line in below)  # a path is kept whole
    assert " ".join(map(str.strip, below)) == f"refused: {problem}"
    (listed, live) = json.loads(index(world.index, world.encoder, "list", "--json").stdout)
    assert (listed["version"], listed["aside"], listed["refused"]) == (new, True, [problem])
    assert (live["version"], live["aside"], live["refused"]) == (before, False, [])

    refused = index(world.index, world.encoder, "activate", new)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr == (
        f"waypost: bundle {new} did not pass the gate: {problem}; mend that and build again, or "
        "make it live all the same with --force\n"
    )
    assert world.live() == before
    assert index(world.index, world.encoder, "activate", new, "--force").returncode == 0
    assert world.live() == new
    # Whoever goes back to what was live goes back in a hurry.
    assert index(world.index, world.encoder, "activate", before).returncode == 0
    assert index(world.index, world.encoder, "activate", new).returncode == 0


def test_a_refused_bundle_that_passes_later_is_refused_no_more(world: World) -> None:
    world.write({"gate.yaml": "accuracy: 0.9\n", "cooking/regression.txt": "a recipe for soup\n"})
    before = world.live()
    assert world.build().returncode == 1
    (new,) = {*world.store.versions()} - {before}
    assert world.store.refusal(new)
    (world.routes / "gate.yaml").unlink()
    assert world.build("--dry-run").returncode == 0
    assert world.store.refusal(new) == ()
    (_, below, _) = index(world.index, world.encoder, "list").stdout.splitlines()
    assert below == "    tried, never live"
    assert index(world.index, world.encoder, "activate", new).returncode == 0
    assert [listed.is_aside for listed in world.store.listed()] == [False, False]


def test_the_live_bundle_is_not_marked_however_often_it_is_built(world: World) -> None:
    live = world.live()
    (world.routes / "cooking/regression.txt").unlink()
    world.write({"gate.yaml": "accuracy: 0.9\n"})
    refused = world.build()
    assert refused.returncode == 1
    assert "it is live already" in refused.stderr
    assert world.store.refusal(live) == ()


def test_refused_bundles_go_as_others_come_and_push_no_good_one_out(world: World) -> None:
    world.keep = "2"
    good = world.live()
    refused = []
    for number in range(4):
        world.write({"cooking/exemplars.txt": f"bake bread\nrecipe number {number}\n"})
        told = json.loads(world.build("--json").stdout)
        assert told["problems"]
        refused.append(told["version"])
    assert {*world.store.versions()} == {good, *refused[2:]}
    (world.routes / "cooking/regression.txt").unlink()
    assert world.build().returncode == 0
    assert {*world.store.versions()} == {good, world.live(), *refused[2:]}


def test_what_is_activated_is_audited_where_servers_keep_what_operators_do(
    world: World, tmp_path: Path
) -> None:
    database = f"sqlite:///{tmp_path}/waypost.db"
    before = world.live()
    world.build()
    (new,) = {*world.store.versions()} - {before}
    lacks = index(world.index, world.encoder, "activate", before, database=database)
    assert lacks.returncode == 0
    assert lacks.stderr.startswith(f"waypost: not audited: WAYPOST_DATABASE names {tmp_path}")
    SqlState(open_database(database)).revisions()  # as a server that starts
    assert index(world.index, world.encoder, "activate", new, database=database).returncode == 1
    done = index(world.index, world.encoder, "activate", new, "--force", database=database)
    assert (done.returncode, done.stderr) == (0, "")
    (act,) = json.loads(waypost_here("audit", "--json", database=database).stdout)
    assert act["who"].endswith(" at the command line")
    assert (act["act"], act["target"], act["note"], act["before"], act["after"]) == (
        *("activate index", new, "waypost index activate --force", before, new),
    )
