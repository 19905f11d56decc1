from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.folders import write_folder
from tests.unit.adapters.test_route_checks import problems
from waypost_server.adapters.route_folder import read_routes
from waypost_server.core.hierarchy import Hierarchy

Files = Mapping[str, str]

SOUND: Files = {
    "taxonomy.yaml": "default_route: general\nhierarchy:\n  beams: 2\n",
    "general/exemplars.txt": "hello there\n",
    "ops/group.yaml": "# Who knows everything a little.\ndefault_route: ops/anything\n",
    "ops/anything/specialist.md": "You run things.\n",
    "ops/deploy/exemplars.txt": "ship it\n",
    "ops/db/backup/exemplars.txt": "restore the dump\n",
    "ops/db/query/exemplars.txt": "why is this join slow\n",
}

BROKEN: Mapping[str, tuple[Files, str]] = {
    "no beams": (
        {"taxonomy.yaml": "default_route: general\nhierarchy:\n  beams: 0\n"},
        "taxonomy.yaml:3: hierarchy.beams is 0: input should be greater than or equal to 1",
    ),
    "beams that are no number": (
        {"taxonomy.yaml": "default_route: general\nhierarchy: {beams: yes}\n"},
        "taxonomy.yaml:2: hierarchy.beams is True: input should be a valid integer",
    ),
    "unknown key": (
        {"taxonomy.yaml": "default_route: general\nhierarchy: {beam: 2}\n"},
        "taxonomy.yaml:2: hierarchy.beam is an unknown key; did you mean 'beams'? It may be one "
        "of beams",
    ),
    "empty group": (
        {"sales/group.yaml": "default_route: sales/any\n"},
        "sales/group.yaml:1: the group 'sales' is empty; make a folder for each of its routes in "
        "it, or remove the file",
    ),
    "a route that holds none is no group": (
        {"general/group.yaml": "default_route: general\n"},
        "general/group.yaml:1: the group 'general' is empty; make a folder for each of its routes "
        "in it, or remove the file",
    ),
    "default route that does not exist": (
        {"ops/db/group.yaml": "default_route: ops/db/any\n"},
        "ops/db/group.yaml:1: default_route is 'ops/db/any', which does not exist; name one of "
        "ops/db/backup, ops/db/query",
    ),
    "default route of another group": (
        {"ops/db/group.yaml": "\ndefault_route: ops/deploy\n"},
        "ops/db/group.yaml:2: default_route is 'ops/deploy', which is no route of this group; "
        "name one of ops/db/backup, ops/db/query",
    ),
    "group that says nothing": (
        {"ops/db/group.yaml": ""},
        "ops/db/group.yaml:1: default_route is missing; add it",
    ),
    "the folder of all routes": (
        {"group.yaml": "default_route: general\n"},
        "group.yaml:1: the routes folder itself is no group; write default_route into "
        "taxonomy.yaml, and remove the file",
    ),
    "folder called as a part of a route": (
        {"general/Exemplars/exemplars.txt": "what can you do\n"},
        "general/Exemplars:1: a folder that is called 'Exemplars' makes its parent a group, but "
        "that is the name of a file; rename the folder, or write the file",
    ),
    "groups nearly called alike": (
        {"Ops/exemplars.txt": "restart the thing\n"},
        "ops:1: 'ops' and 'Ops', one of them a group, differ only in case or in - and _; rename "
        "or merge one of them",
    ),
}


def test_the_folder_that_is_broken_below_is_sound_itself(tmp_path: Path) -> None:
    catalog = read_routes(write_folder(tmp_path, SOUND)).catalog
    assert catalog.taxonomy.hierarchy == Hierarchy(beams=2, default_routes={"ops": "ops/anything"})
    assert "ops" not in catalog.routes
    assert catalog.route("ops/anything").specialist.prompt


@pytest.mark.parametrize(("files", "problem"), BROKEN.values(), ids=BROKEN)
def test_one_thing_wrong_is_one_problem_with_file_line_and_cure(
    tmp_path: Path, files: Files, problem: str
) -> None:
    assert problems(write_folder(tmp_path, {**SOUND, **files})) == [problem]


def test_a_hierarchy_without_groups_says_so(tmp_path: Path) -> None:
    files = {"taxonomy.yaml": "\nhierarchy: {}\n", "general/exemplars.txt": "hello"}
    assert problems(write_folder(tmp_path, files)) == [
        "taxonomy.yaml:2: hierarchy is set, but no folder holds routes; move routes that belong "
        "together into a folder, or remove the lines"
    ]


def test_a_group_file_that_would_do_nothing_is_an_error(tmp_path: Path) -> None:
    files = {**SOUND, "taxonomy.yaml": "default_route: general\n"}
    assert problems(write_folder(tmp_path, files)) == [
        "ops/group.yaml:1: group.yaml does nothing without a hierarchy; add `hierarchy: {beams: "
        "3}` to taxonomy.yaml, or remove the file"
    ]


@pytest.mark.parametrize("said", ["", "hierarchy:\n", "hierarchy: null\n"])
def test_nested_folders_are_one_list_unless_asked_for(tmp_path: Path, said: str) -> None:
    files = {name: text for name, text in SOUND.items() if not name.startswith("ops/group")}
    files["taxonomy.yaml"] = f"default_route: general\n{said}"
    files["ops/anything/exemplars.txt"] = "what runs here\n"
    assert read_routes(write_folder(tmp_path, files)).catalog.taxonomy.hierarchy is None


def test_beams_have_a_default(tmp_path: Path) -> None:
    files = {**SOUND, "taxonomy.yaml": "default_route: general\nhierarchy: {}\n"}
    hierarchy = read_routes(write_folder(tmp_path, files)).catalog.taxonomy.hierarchy
    assert hierarchy is not None
    assert hierarchy.beams == 3


def test_a_group_that_is_a_route_may_be_its_own_default(tmp_path: Path) -> None:
    files = {
        **SOUND,
        "ops/exemplars.txt": "something is wrong in production\n",
        "ops/group.yaml": "default_route: ops\n",
        "ops/anything/exemplars.txt": "what runs here\n",
    }
    routes = read_routes(write_folder(tmp_path, files))
    assert routes.catalog.taxonomy.hierarchy == Hierarchy(beams=2, default_routes={"ops": "ops"})
    assert routes.exemplars["ops"] == ("something is wrong in production",)
