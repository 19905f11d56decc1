"""`waypost review` as a user runs it."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.folders import folder_content, write_folder
from tests.unit.adapters.test_review_file import example
from waypost_server.adapters.review_file import ReviewFile, read_review
from waypost_server.commands.review import review

ROUTES = {
    "taxonomy.yaml": "default_route: general\n",
    "general/exemplars.txt": "hello there\nwhat can you do",
    "billing/exemplars.txt": "# about money\nmy card was charged twice\n",
    "billing/regression.txt": "refund me now\n",
    "mail/exemplars.jsonl": '{"text": "send it"}\n',
    "eval/test.jsonl": '{"text": "where is my money", "label": "billing"}\n',
}


class Desk:
    def __init__(self, folder: Path) -> None:
        self.routes = write_folder(folder / "routes", ROUTES)
        self.file = folder / "review.jsonl"

    def add(self, text: str, route: str = "billing") -> str:
        one = example(text, route=route)
        ReviewFile(self.file, max_bytes=100_000).add(one)
        return one.id

    def run(self, *arguments: str) -> Result:
        environment = {
            "WAYPOST_REVIEW_FILE": str(self.file),
            "WAYPOST_ROUTES": str(self.routes),
        }
        return CliRunner().invoke(review, arguments, env=environment)

    def exemplars(self, route: str) -> list[str]:
        return (self.routes / route / "exemplars.txt").read_text("utf-8").splitlines()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_list_shows_what_waits_for_people_and_programs(desk: Desk) -> None:
    first, second = desk.add("why was I charged \x1b[31m"), desk.add("send me a copy", "mail")
    shown = desk.run("list")
    assert shown.stdout == (
        f"{first}  billing  (the encoder: 25%, likes b better)\n  why was I charged \\x1b[31m\n"
        f"{second}  mail  (the encoder: 25%, likes b better)\n  send me a copy\n"
    )
    rows = json.loads(desk.run("list", "--json").stdout)
    assert [(row["id"], row["route"]) for row in rows] == [(first, "billing"), (second, "mail")]


def test_list_of_nothing_is_no_error(desk: Desk) -> None:
    shown = desk.run("list")
    assert (shown.exit_code, shown.stdout) == (0, "")
    assert f"no example waits in {desk.file}" in shown.stderr
    assert json.loads(desk.run("list", "--json").stdout) == []


def test_accept_makes_exemplars_and_takes_them_off_the_list(desk: Desk) -> None:
    ids = [desk.add("why was I charged"), desk.add("who are you", "general")]
    done = desk.run("accept", *ids)
    assert done.exit_code == 0, done.stderr
    assert desk.exemplars("billing")[-1] == "why was I charged"
    # A file whose last line had no end.
    assert desk.exemplars("general") == ["hello there", "what can you do", "who are you"]
    assert f"{ids[0]}: added to {desk.routes}/billing/exemplars.txt" in done.stdout
    assert "`waypost build` takes them up" in done.stderr
    assert read_review(desk.file).waiting == {}
    assert desk.run("accept", ids[0]).exit_code == 1


def test_accept_under_another_route_and_as_json(desk: Desk) -> None:
    one = desk.add("why was I charged")
    rows = json.loads(desk.run("accept", one, "--route", "general", "--json").stdout)
    file = str(desk.routes / "general/exemplars.txt")
    assert rows == [{"id": one, "route": "general", "file": file, "added": True}]
    assert desk.exemplars("general")[-1] == "why was I charged"


def test_an_exemplar_that_stands_there_already_is_not_written_twice(desk: Desk) -> None:
    one = desk.add("My card was  charged TWICE")
    before = folder_content(desk.routes)
    done = desk.run("accept", one)
    assert "stands already in" in done.stdout
    assert folder_content(desk.routes) == before
    assert read_review(desk.file).waiting == {}


@pytest.mark.parametrize(
    ("text", "route", "why"),
    [
        ("Where is  my money", "billing", "is the test query at "),
        ("refund me NOW", "billing", "is the test query at "),
        ("a new one", "biling", "no route is called 'biling'; name one of billing, general, mail"),
        ("a new one", "../outside", "no route is called '../outside'"),
        ("a new one", "eval", "no route is called 'eval'"),
        ("what can you do", "billing", "is an exemplar of general already"),
        ("# heading of a page", "billing", "would be a comment in exemplars.txt"),
        ("post it", "mail", "mail keeps its exemplars in exemplars.jsonl; add it there by hand"),
    ],
)
def test_what_can_be_no_exemplar_is_refused_and_changes_nothing(
    desk: Desk, text: str, route: str, why: str
) -> None:
    good, bad = desk.add("why was I charged"), desk.add(text, route)
    before, waiting = folder_content(desk.routes), read_review(desk.file)
    refused = desk.run("accept", good, bad)
    assert refused.exit_code == 1
    assert why in str(refused.exception)
    assert folder_content(desk.routes) == before
    assert read_review(desk.file) == waiting


def test_reject_takes_off_the_list_for_good(desk: Desk) -> None:
    one = desk.add("why was I charged")
    before = folder_content(desk.routes)
    assert desk.run("reject", one).exit_code == 0
    assert folder_content(desk.routes) == before
    desk.add("why was I charged")
    assert read_review(desk.file).waiting == {}


def test_an_unknown_id_and_one_named_twice(desk: Desk) -> None:
    one = desk.add("why was I charged")
    for command in ("accept", "reject"):
        assert "no example 'abc' waits in" in str(desk.run(command, one, "abc").exception)
        assert "named twice" in str(desk.run(command, one, one).exception)
    assert list(read_review(desk.file).waiting) == [one]


def test_without_a_file_it_asks_for_one() -> None:
    asked = CliRunner().invoke(review, ["list"], env={"WAYPOST_REVIEW_FILE": None})
    assert asked.exit_code == 2
    assert "name the file with --file or WAYPOST_REVIEW_FILE" in asked.stderr
