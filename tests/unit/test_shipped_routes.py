"""What is promised of the routes and the evaluation set that are shipped."""

import json
import re
from pathlib import Path

from waypost_server.adapters.route_folder import read_routes
from waypost_server.core.policy import Guard, GuardAction, Policy


def plain(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def test_the_evaluation_set_is_large_and_shares_no_text_with_the_exemplars(repo: Path) -> None:
    routes = read_routes(repo / "routes")
    lines = (repo / "routes/eval/dev_assistant.jsonl").read_text("utf-8").splitlines()
    queries = [json.loads(line) for line in lines]
    labels = [query["label"] for query in queries]
    assert len(queries) >= 300
    assert labels.count("oos") >= 60
    assert set(labels) == {*routes.exemplars, "oos"}
    taught = [*routes.out_of_scope]
    for texts in (*routes.exemplars.values(), *routes.negatives.values()):
        taught += texts
    assert not {plain(text) for text in taught} & {plain(query["text"]) for query in queries}


def test_every_route_has_varied_exemplars_a_prompt_and_parameters(repo: Path) -> None:
    routes = read_routes(repo / "routes")
    assert routes.catalog.taxonomy.default_route == "general_engineering"
    for name, route in routes.catalog.routes.items():
        assert len({plain(text) for text in routes.exemplars[name]}) >= 30
        assert len(route.specialist.prompt.split()) >= 100
        assert route.params_schema
        assert routes.catalog.fallback_of(route) or name == "general_engineering"


def test_every_route_flags_what_must_not_leave_and_none_begins_before_it_is_chosen(
    repo: Path,
) -> None:
    for route in read_routes(repo / "routes").catalog.routes.values():
        guard = Guard(secrets=GuardAction.FLAG, prompt_leak=GuardAction.FLAG)
        assert route.specialist.policy == Policy(guard=guard)
