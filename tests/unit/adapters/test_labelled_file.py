import json
from pathlib import Path

import pytest

from tests.folders import write_folder
from waypost_server.adapters.labelled_file import read_labelled
from waypost_server.core.errors import EvaluationError
from waypost_server.core.labelled import LabelledQuery

ROUTES = ("billing", "support")
GOOD = '{"text": " why? ", "label": "billing", "by": 1}\r\n\n{"text": "b\\nc", "label": "oos"}\n'
LINE = '{"text": "an example query", "label": "its_route"}'


def read(*paths: Path) -> tuple[LabelledQuery, ...]:
    return read_labelled(paths, routes=ROUTES, max_text_bytes=20)


def test_files_and_folders_are_read_in_order_and_each_file_once(tmp_path: Path) -> None:
    other = json.dumps({"text": "héllo", "label": "support"})
    folder = write_folder(
        tmp_path / "sets", {"a.jsonl": GOOD, "b.jsonl": f"\ufeff{other}", "README.md": "no"}
    )
    queries = read(folder / "b.jsonl", folder)
    assert [(query.text, query.label, query.in_scope) for query in queries] == [
        ("héllo", "support", True),
        ("why?", "billing", True),
        ("b\nc", "oos", False),
    ]
    assert [query.source for query in queries] == [
        f"{folder}/b.jsonl:1",
        f"{folder}/a.jsonl:1",
        f"{folder}/a.jsonl:3",
    ]


PROBLEMS: dict[str, tuple[str | bytes, str]] = {
    "not JSON": (
        '{"text": \n',
        "this is not JSON: Expecting value: line 1 column 10 (char 9); mend",
    ),
    "too deep": ("[" * 100_000, "this is not JSON: "),
    "a list": ('["a"]', f"a line must be like {LINE}"),
    "no text": ('{"label": "billing"}', f"text is missing; a line must be like {LINE}"),
    "no label": ('{"text": "a"}', f"label is missing; a line must be like {LINE}"),
    "a label that is no text": (
        '{"text": "a", "label": 5}',
        f"label is not text; a line must be like {LINE}",
    ),
    "blank": ('{"text": " ", "label": "oos"}', "text is blank; write one or remove the line"),
    "surrogate": (
        '{"text": "\\ud800", "label": "oos"}',
        "text has a lone surrogate; remove it",
    ),
    "too long": (
        json.dumps({"text": "ß" * 11, "label": "oos"}),
        "text is 22 bytes, but limits.max_query_bytes is 20; shorten it",
    ),
    "a label that is almost a route": (
        '{"text": "a", "label": "biling"}',
        "label 'biling' names no route; did you mean 'billing'?",
    ),
    "a label that is no route": (
        '{"text": "a", "label": "xyz"}',
        "label 'xyz' names no route; write one of billing, support, or oos for out of scope",
    ),
    "empty": ("\n\n", f"the file has no query in it; write lines like {LINE}"),
    "not UTF-8": (b"\xff\n", "byte 0xff is not UTF-8; save the file as UTF-8"),
}


@pytest.mark.parametrize(("content", "problem"), PROBLEMS.values(), ids=PROBLEMS.keys())
def test_a_problem_is_named_with_file_line_and_cure(
    tmp_path: Path, content: str | bytes, problem: str
) -> None:
    folder = write_folder(tmp_path, {"q.jsonl": content})
    with pytest.raises(EvaluationError) as error:
        read(folder)
    (found,) = error.value.problems
    assert found.startswith(f"{folder}/q.jsonl:1: {problem}")


def test_the_problems_of_all_files_are_named_together(tmp_path: Path) -> None:
    folder = write_folder(
        tmp_path,
        {
            "a.jsonl": f'{GOOD}{{"text": "a"}}\n{{"text": \n{{"text": "", "label": "oos"}}\n',
            "b.jsonl": '{"text": "a", "label": "Support"}\n',
            "empty/c.txt": "",
        },
    )
    with pytest.raises(EvaluationError) as error:
        read(folder, folder / "empty", folder / "gone.jsonl")
    places = [problem.removeprefix(f"{folder}/").split(": ")[0] for problem in error.value.problems]
    assert sorted(places) == [
        "a.jsonl:4",
        "a.jsonl:5",
        "a.jsonl:6",
        "b.jsonl:1",
        "empty:1",
        "gone.jsonl:1",
    ]
    assert str(error.value).startswith("6 problems:\n")


def test_a_route_may_not_be_called_what_labels_out_of_scope(tmp_path: Path) -> None:
    folder = write_folder(tmp_path, {"q.jsonl": GOOD})
    with pytest.raises(EvaluationError, match=r"a route is called 'oos', .* rename its folder"):
        read_labelled([folder], routes=("billing", "oos"), max_text_bytes=20)
