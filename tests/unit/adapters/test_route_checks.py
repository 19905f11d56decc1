from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.folders import write_folder
from tests.unit.adapters.broken_routes import BROKEN, SOUND
from waypost_server.adapters.route_folder import read_routes
from waypost_server.core.errors import RoutesError

Files = Mapping[str, str | bytes]


def problems(folder: Path) -> list[str]:
    """What is wrong, without the path of the routes folder."""
    with pytest.raises(RoutesError) as error:
        read_routes(folder)
    return [problem.removeprefix(f"{folder}/") for problem in error.value.problems]


def test_the_folder_that_is_broken_below_is_sound_itself(tmp_path: Path) -> None:
    assert read_routes(write_folder(tmp_path, SOUND)).catalog.default_route.name == "general"


@pytest.mark.parametrize(("files", "problem"), BROKEN.values(), ids=BROKEN)
def test_one_thing_wrong_is_one_problem_with_file_line_and_cure(
    tmp_path: Path, files: Files, problem: str
) -> None:
    assert problems(write_folder(tmp_path, {**SOUND, **files})) == [problem]


def test_everything_wrong_is_named_at_once(tmp_path: Path) -> None:
    apart = {
        "broken YAML", "duplicate route names", "not UTF-8", "unknown key", "bad line of JSON",
        "no exemplars", "name of a route", "duplicate key",
    }  # fmt: skip
    files = {name: content for case in apart for name, content in BROKEN[case][0].items()}
    found = problems(write_folder(tmp_path, {**SOUND, **files}))
    # Whether a route without exemplars is the default cannot be told from a broken taxonomy.
    assert set(found) == {BROKEN[case][1] for case in apart - {"no exemplars"}}


@pytest.mark.parametrize(
    ("file", "content"),
    [("fleet.yaml", "models: ["), ("fleet.yaml", "models: {small: {}}"), ("taxonomy.yaml", "]")],
)
def test_a_broken_file_is_not_blamed_on_those_that_refer_to_it(
    tmp_path: Path, file: str, content: str
) -> None:
    sound = {
        "billing/route.yaml": "specialist: {models: [small]}\nfallback_route: general\n",
        "general/route.yaml": "fallback_route: billing\n",
    }
    found = problems(write_folder(tmp_path, {**SOUND, **sound, file: content}))
    assert {problem.split(":")[0] for problem in found} == {file}


def test_the_default_route_needs_no_exemplars(tmp_path: Path) -> None:
    write_folder(
        tmp_path,
        {
            "taxonomy.yaml": "default_route: general\n",
            "general/route.yaml": "description: Everything else.\n",
            "billing/exemplars.txt": "where is my invoice",
        },
    )
    assert read_routes(tmp_path).exemplars["general"] == ()


def test_a_fallback_to_the_implicit_default_route_is_allowed(tmp_path: Path) -> None:
    write_folder(
        tmp_path, {"billing/exemplars.txt": "a", "billing/route.yaml": "fallback_route: default"}
    )
    assert read_routes(tmp_path).catalog.route("billing").fallback_route == "default"


def test_a_folder_without_routes_says_how_to_make_one(tmp_path: Path) -> None:
    assert problems(write_folder(tmp_path, {"eval/dev.jsonl": "", "taxonomy.yaml": ""})) == [
        f"{tmp_path}:1: no route here; make a folder for each route with a file exemplars.txt in it"
    ]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RoutesError, match=r"absent:1: there is no such folder; give the path"):
        read_routes(tmp_path / "absent")


def test_a_shadows_prompt_stands_in_the_routes_folder_and_is_no_link(tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("the host's own", encoding="utf-8")
    shadows = "".join(
        f"  {name}: {{share: 1, prompt: {path}}}\n"
        for name, path in (
            ("above", "../secret.md"),
            ("around", "billing/../own.md"),
            ("folder", "linked/own.md"),
            ("link", "link.md"),
        )
    )
    folder = write_folder(
        tmp_path / "routes", {**SOUND, "fleet.yaml": f"shadows:\n{shadows}", "own.md": "own"}
    )
    (folder / "link.md").symlink_to(folder / "own.md")
    (folder / "linked").symlink_to(folder)
    assert problems(folder) == [
        f"fleet.yaml:{line}: shadows.{name}.prompt is {path!r}, which is a link or leads out of "
        "the routes folder; put the file itself beside fleet.yaml"
        for line, name, path in (
            (2, "above", "../secret.md"),
            (3, "around", "billing/../own.md"),
            (4, "folder", "linked/own.md"),
            (5, "link", "link.md"),
        )
    ]
