import os
import shutil
from pathlib import Path

import pytest

from tests.folders import write_folder
from waypost_server.adapters.route_folder import read_routes
from waypost_server.adapters.routes_tree import MAX_DEPTH
from waypost_server.core.errors import RoutesError

ROUTES = {"billing/exemplars.txt": "my card was charged twice\n"}
OUTSIDE = "it is a link that leads out of the routes folder; put the file itself there"


def problems(folder: Path) -> list[str]:
    with pytest.raises(RoutesError) as error:
        read_routes(folder)
    return [problem.removeprefix(f"{folder}/") for problem in error.value.problems]


@pytest.mark.parametrize(
    "name",
    [
        "billing/specialist.md",
        "billing/route.yaml",
        "billing/negatives.txt",
        "billing/notes.txt",
        "taxonomy.yaml",
        "fleet.yaml",
        "eval/all.jsonl",
        "_out_of_scope/exemplars.txt",
        "_out_of_scope",
        "eval",
        "other",
    ],
)
@pytest.mark.parametrize("target", ["secret", "../secret", "/proc/self/environ", "/dev/zero"])
def test_no_link_of_a_routes_folder_shows_what_lies_outside(
    tmp_path: Path, name: str, target: str
) -> None:
    folder = write_folder(tmp_path / "routes", ROUTES)
    (tmp_path / "secret").write_text("a key")
    link = folder / name
    link.parent.mkdir(exist_ok=True)
    link.symlink_to(tmp_path / "secret" if target == "secret" else Path(target))
    wanted = OUTSIDE
    if target == "../secret" and "/" in name:
        wanted = "it is a link that leads nowhere; remove it"
    assert problems(folder) == [f"{name}:1: {wanted}"]


def test_a_link_into_the_folder_is_read_as_kubernetes_mounts_them(tmp_path: Path) -> None:
    plain = read_routes(write_folder(tmp_path / "plain", ROUTES))
    folder = write_folder(tmp_path / "routes", {"..2026/exemplars.txt": ROUTES[next(iter(ROUTES))]})
    (folder / "..data").symlink_to("..2026")
    (folder / "billing").mkdir()
    (folder / "billing" / "exemplars.txt").symlink_to("../..data/exemplars.txt")
    assert read_routes(folder) == plain


@pytest.mark.parametrize(
    "name", ["billing/specialist.md", "taxonomy.yaml", "billing/regression.txt", "eval/a.jsonl"]
)
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path, name: str) -> None:
    folder = write_folder(tmp_path / "routes", ROUTES)
    (folder / name).parent.mkdir(exist_ok=True)
    os.mkfifo(folder / name)
    assert problems(folder) == [f"{name}:1: it is neither a file nor a folder; remove it"]


def test_links_that_lead_nowhere_are_named(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "routes", ROUTES)
    (folder / "circle").symlink_to("circle")
    (folder / "gone").symlink_to("absent")
    nowhere = "it is a link that leads nowhere; remove it"
    assert problems(folder) == [f"circle:1: {nowhere}", f"gone:1: {nowhere}"]


def test_folders_in_folders_without_end_are_refused_before_pythons_stack_ends(
    tmp_path: Path,
) -> None:
    folder = write_folder(tmp_path / "routes", ROUTES)
    deepest = folder.joinpath(*["d"] * 500)
    deepest.mkdir(parents=True)
    found = "/".join(["d"] * MAX_DEPTH)
    assert problems(folder) == [f"{found}:1: folders are nested too deeply; write them flatter"]
    shutil.rmtree(folder / "d")
