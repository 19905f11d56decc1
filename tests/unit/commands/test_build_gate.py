"""What `waypost build` refuses to make live, and what it says."""

import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.folders import write_folder
from tests.unit.commands.cli import waypost_here
from waypost_server.adapters.bundle_store import BundleStore

ROUTES: Mapping[str, str | bytes] = {
    "taxonomy.yaml": "default_route: general\nmin_confidence: 0\n",
    "general/exemplars.txt": "hello there\nwhat can you do\ngood morning\n",
    "billing/exemplars.txt": "my card was charged twice\nwhere is my invoice\nrefund my payment\n",
    "cooking/exemplars.txt": "how do i bake bread\na recipe for soup\nroast a chicken\n",
}
ASTRAY = {"cooking/regression.txt": "# soups\nwhere is the invoice of my card\n"}


class World:
    """A routes folder and an index."""

    def __init__(self, folder: Path, encoder: Path) -> None:
        self.routes = write_folder(folder / "routes", ROUTES)
        self.index = folder / "index"
        self.store = BundleStore(self.index)
        self.encoder = encoder
        self.keep = "9"

    def write(self, files: Mapping[str, str]) -> None:
        write_folder(self.routes, files)

    def build(self, *options: str) -> subprocess.CompletedProcess[str]:
        return waypost_here(
            "build",
            *options,
            routes=self.routes,
            index=self.index,
            encoder=self.encoder,
            keep_bundles=self.keep,
            two_stage="false",
        )

    def live(self) -> str:
        version = self.store.live_version()
        assert version
        return version


@pytest.fixture
def world(tmp_path: Path, encoder_folder: Path) -> World:
    """With nothing built yet."""
    return World(tmp_path, encoder_folder)


def test_routes_that_go_are_told(world: World) -> None:
    first = world.build()
    assert (first.returncode, first.stderr) == (0, "")
    before = world.live()
    shutil.rmtree(world.routes / "cooking")
    built = world.build()
    assert built.returncode == 0
    assert world.live() != before
    assert built.stderr == (
        f"waypost: of the routes of bundle {before}, which is live, these are gone: cooking\n"
    )


def test_a_regression_query_that_goes_astray_keeps_a_bundle_from_going_live(world: World) -> None:
    assert world.build().returncode == 0
    before = world.live()
    world.write(ASTRAY)
    refused = world.build()
    assert (refused.returncode, refused.stdout) == (1, "")
    (new,) = {*world.store.versions()} - {before}
    head, problem = refused.stderr.splitlines()
    assert head == (
        f"waypost: bundle {new} does not pass: 1 problem; bundle {before} stays live; "
        f"`waypost index activate {new} --force` makes it live all the same:"
    )
    assert re.fullmatch(
        re.escape(f"{world.routes}/cooking/regression.txt:2: ")
        + r"'where is the invoice of my card' must go to cooking, but goes to \w+ \(taken for "
        r"billing with confidence [\d.]+, near its exemplar '.+'\); add exemplars like it to "
        r"cooking, or remove the line",
        problem,
    )
    assert world.live() == before

    told = json.loads(world.build("--json").stdout)
    assert (told["version"], told["live"], told["problems"]) == (new, False, [problem])

    world.write({"cooking/regression.txt": "a recipe for soup\n"})
    assert world.build().returncode == 0
    assert world.live() not in (before, new)


def test_the_first_bundle_must_pass_too_and_without_the_gate_any_goes_live(world: World) -> None:
    world.write(ASTRAY)
    refused = world.build()
    assert refused.returncode == 1
    assert "1 problem; no bundle is live; `waypost index activate" in refused.stderr
    assert world.store.live_version() is None
    forced = world.build("--no-gate")
    assert (forced.returncode, forced.stderr) == (0, "")
    assert [world.live()] == [*world.store.versions()]


def test_a_dry_run_says_what_would_be_and_leaves_what_is_live(world: World) -> None:
    world.build()
    before = world.live()
    world.write({"cooking/exemplars.txt": "how do i bake bread\nfry an egg\n"})
    tried = world.build("--dry-run")
    (new,) = {*world.store.versions()} - {before}
    assert (tried.returncode, tried.stderr) == (0, "")
    assert tried.stdout == (
        f"waypost: a dry run: bundle {new} passes, and bundle {before} stays live; "
        f"`waypost index activate {new}` makes it live\n"
    )
    assert world.live() == before
    world.write(ASTRAY)
    assert world.build("--dry-run").returncode == 1


def test_a_program_follows_a_build_line_by_line(world: World) -> None:
    def steps(*options: str) -> list[dict[str, object]]:
        return [
            json.loads(line)
            for line in world.build("--progress-json", *options).stdout.splitlines()
        ]

    nothing: dict[str, object] = {"done": 0, "total": 0, "index_version": "", "problems": []}
    found = steps()
    live = {**nothing, "phase": "live", "index_version": world.live()}
    assert [step["phase"] for step in found] == [
        *("reading", "encoding", "encoding", "fitting", "checking", "live"),
    ]
    assert found[0] == {**nothing, "phase": "reading"}
    assert found[2] == {**nothing, "phase": "encoding", "done": 9, "total": 9}
    assert found[4] == {**live, "phase": "checking"}
    assert found[-1] == live
    world.write({"cooking/route.yaml": "threshold: 7\n"})
    assert steps()[-1] == {
        **nothing,
        "phase": "refused",
        "problems": [
            f"{world.routes}/cooking/route.yaml:1: threshold is 7; "
            "write a number between -1 and 1, or auto"
        ],
    }


def test_labelled_queries_of_a_route_that_is_gone_are_told_and_not_counted(world: World) -> None:
    lines = [{"text": f"bake a cake {i}", "label": "cooking"} for i in range(40)]
    lines.append({"text": "my card was charged twice again", "label": "billing"})
    eval_file = "\n".join(map(json.dumps, lines))
    world.write({"eval/labelled.jsonl": eval_file, **ASTRAY})
    world.build("--no-gate")
    before = world.live()
    shutil.rmtree(world.routes / "cooking")
    built = world.build()
    assert (built.returncode, built.stderr) == (
        0,
        f"waypost: {world.routes}/eval: 40 queries have the label 'cooking', which is no route: "
        "not counted; mend or remove them\n"
        f"waypost: of the routes of bundle {before}, which is live, these are gone: cooking\n",
    )
    assert world.live() != before


def test_what_a_gate_demands_is_held_against_the_labelled_queries(world: World) -> None:
    world.write({"gate.yaml": "accuracy: 0.9\n"})
    gate = world.routes / "gate.yaml"
    (_, problem) = world.build().stderr.splitlines()
    assert problem == (
        f"{gate}:1: there is no labelled query in {world.routes}/eval to hold against it; "
        "write some, or remove the file"
    )
    right = [{"text": text, "label": "cooking"} for text in ("bake bread", "soup recipe")]
    wrong = [{"text": "bake some bread", "label": "billing"}]
    world.write({"eval/a.jsonl": "\n".join(map(json.dumps, right + wrong))})
    (_, problem) = world.build().stderr.splitlines()
    assert problem == (
        f"{gate}: accuracy is 0.6667, wanted at least 0.9; add exemplars, or lower the bar"
    )
    world.write({"gate.yaml": "acuracy: 0.9\n"})
    (_, problem) = world.build().stderr.splitlines()
    assert problem.startswith(f"{gate}:1: 'acuracy' is no figure; did you mean 'accuracy'?")
    world.write({"eval/a.jsonl": "\n".join(map(json.dumps, right)), "gate.yaml": "accuracy: 0.9\n"})
    assert world.build().returncode == 0
    world.write({"eval/a.jsonl": "{\n"})
    (_, problem) = world.build().stderr.splitlines()
    assert problem.startswith(f"{world.routes}/eval/a.jsonl:1: this is not JSON")


def test_a_bundle_that_is_worse_than_the_live_one_beyond_noise_is_refused(
    repo: Path, index_folder: Path, tmp_path: Path, encoder_folder: Path
) -> None:
    world = World(tmp_path, encoder_folder)
    shutil.copytree(index_folder, world.index)
    before = world.live()
    shutil.rmtree(world.routes)
    shutil.copytree(repo / "routes", world.routes)
    for path in world.routes.glob("*/exemplars.txt"):
        if path.parent.name != "_out_of_scope":
            lines = [line for line in path.read_text().splitlines() if not line.startswith("# ")]
            path.write_text("\n".join(list(filter(None, lines))[:3]))
    for path in (*world.routes.glob("*/regression.txt"), *world.routes.glob("*/hints.jsonl")):
        path.unlink()
    refused = world.build()
    assert refused.returncode == 1
    assert "accuracy on 317 labelled queries falls from " in refused.stderr
    assert "which is beyond noise" in refused.stderr
    assert world.live() == before


def test_old_bundles_go_as_new_ones_come(world: World) -> None:
    removed, world.keep = [], "2"
    for number in range(4):
        world.write({"cooking/exemplars.txt": f"bake bread\nrecipe number {number}\n"})
        told = json.loads(world.build("--json").stdout)
        removed.append(told["removed"])
        assert told["version"] == world.live()
    assert [len(gone) for gone in removed] == [0, 0, 1, 1]
    assert len(world.store.versions()) == 2
