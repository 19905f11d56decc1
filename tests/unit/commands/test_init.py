"""The starter routes folder: written whole, and good for all that comes next."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.unit.commands.cli import waypost_here
from waypost_server.adapters.route_folder import read_routes
from waypost_server.commands.completion import completion
from waypost_server.commands.init import init


def run(folder: Path) -> tuple[int, str]:
    ended = CliRunner().invoke(init, [str(folder)])
    return ended.exit_code, ended.output


def test_what_it_writes_is_built_and_routes_its_own_held_out_queries(
    tmp_path: Path, encoder_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent))
    routes, index = tmp_path / "routes", tmp_path / "index"
    code, words = run(routes)
    assert (code, words) == (
        0,
        f"waypost: wrote {routes}/; {routes}/README.md says what to do with it\n",
    )
    built = waypost_here("build", routes=routes, index=index, encoder=encoder_folder)
    assert built.returncode == 0, built.stderr
    judged = waypost_here(
        "eval", routes / "eval/held_out.jsonl", "--json", index=index, encoder=encoder_folder
    )
    assert judged.returncode == 0, judged.stderr
    assert json.loads(judged.stdout)["figures"]["accuracy"]["value"] >= 0.8


def test_a_waypost_that_a_shell_would_not_find_is_put_on_the_path_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = tmp_path / "environment/bin"
    environment.mkdir(parents=True)
    (environment / "waypost").touch(0o755)
    monkeypatch.setattr(sys, "executable", str(environment / "python"))
    monkeypatch.setenv("PATH", "")
    _, words = run(tmp_path / "routes")
    assert words.splitlines()[1:] == [f'waypost: first: export PATH="{environment}:$PATH"']
    monkeypatch.setenv("PATH", str(environment))
    _, words = run(tmp_path / "others")
    assert len(words.splitlines()) == 1


def test_the_readme_calls_the_folder_by_its_name(tmp_path: Path) -> None:
    run(tmp_path / "our routes")
    words = (tmp_path / "our routes/README.md").read_text("utf-8")
    assert "waypost build --routes 'our routes' " in words
    assert "ROUTES" not in words


def test_no_held_out_query_is_an_exemplar(tmp_path: Path) -> None:
    run(tmp_path / "routes")
    exemplars = {
        text for texts in read_routes(tmp_path / "routes").exemplars.values() for text in texts
    }
    lines = (tmp_path / "routes/eval/held_out.jsonl").read_text("utf-8").splitlines()
    assert exemplars.isdisjoint(json.loads(line)["text"] for line in lines)


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "routes").mkdir()
    assert run(tmp_path / "routes")[0] == 0  # an empty folder is as good as none
    before = sorted((tmp_path / "routes").rglob("*"))
    code, words = run(tmp_path / "routes")
    assert code == 1
    assert (
        words == f"waypost: {tmp_path}/routes exists and is not an empty folder; name another one\n"
    )
    assert sorted((tmp_path / "routes").rglob("*")) == before


def test_a_place_that_cannot_be_written_is_named_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", "utf-8")
    code, words = run(tmp_path / "file/routes")
    assert code == 1
    assert words.startswith(f"waypost: {tmp_path}/file/routes cannot be written: ")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_is_told_how_to_complete(shell: str) -> None:
    ended = CliRunner().invoke(completion, [shell])
    assert ended.exit_code == 0
    assert "_WAYPOST_COMPLETE" in ended.output
