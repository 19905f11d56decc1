"""A folder of nested routes, from its files to a caller's answer; docs/hierarchy.md shows it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import ROOT, running_server, waypost
from tests.e2e.topics import WORDINGS
from tests.folders import write_folder
from waypost_client import Client, Contract, Outcome, Reason

GROUPS = {
    "home/cooking": ("soup", "roast chicken", "chocolate cake", "salad dressing"),
    "home/garden": ("lawn", "hedge", "rose bush", "vegetable bed"),
    "home/tools/power": ("drill", "chainsaw", "sander", "angle grinder"),
    "home/tools/paint": ("brush", "paint roller", "varnish", "wallpaper"),
    "money/plastic": ("credit card", "debit card", "card limit", "card pin"),
    "money/cards": ("credit card", "debit card", "card limit", "card pin"),
    "money/taxes": ("tax return", "tax office", "deduction", "tax bracket"),
    "weather": ("rain", "snow", "sunshine", "storm"),
}

ALIKE = ("money/plastic", "money/cards")
"""Routes of the same things in the same words: nobody can tell them apart, but from all others."""


def exemplars(route: str, things: tuple[str, ...]) -> str:
    """Every wording of every thing; of those that are alike each has every other one."""
    return "\n".join(
        wording.format(thing)
        for i, thing in enumerate(things)
        for j, wording in enumerate(WORDINGS)
        if route not in ALIKE or (i + j) % 2 == ALIKE.index(route)
    )


FILES = {
    "taxonomy.yaml": "default_route: anything\nmin_confidence: 0.75\nhierarchy:\n  beams: 3\n",
    "anything/specialist.md": "You help with whatever it is.\n",
    "money/group.yaml": "default_route: money/advice\n",
    "money/advice/specialist.md": "You know a little of everything that costs money.\n",
    **{f"{route}/exemplars.txt": exemplars(route, things) for route, things in GROUPS.items()},
}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    folder = tmp_path_factory.mktemp("nested")
    routes, index = write_folder(folder / "routes", FILES), folder / "index"
    built = waypost("build", "--routes", str(routes), "--index", str(index))
    assert built.returncode == 0, built.stderr
    with running_server(index) as server, Client(server.address, timeout_s=20) as connected:
        yield connected
        server.terminate()
        server.exit_code()
        assert "Traceback" not in server.log_text()


@pytest.mark.parametrize(
    ("text", "route"),
    [
        ("how long does roast chicken take", "home/cooking"),
        ("my chainsaw does not start", "home/tools/power"),
        ("where do I send my tax return", "money/taxes"),
        ("will the storm reach us", "weather"),
    ],
)
def test_a_nested_route_is_found_and_its_confidence_is_told_group_by_group(
    client: Client, text: str, route: str
) -> None:
    contract = client.route(text)
    assert contract.candidates[0].route == route
    if contract.outcome is Outcome.MATCHED:
        assert contract.route == route
        assert told(contract) == pytest.approx(contract.confidence, abs=0.03)


def told(contract: Contract) -> float:
    """What the percentages in the rationale multiply to."""
    groups = contract.route.split("/")[:-1]
    in_brackets = re.search(r" best \((.*?)\);", contract.rationale)
    if not groups:
        assert in_brackets is None
        return contract.confidence
    assert in_brackets is not None
    steps = in_brackets[1].split(", within it ")
    assert [step.split()[0] for step in steps] == contract.route.split("/")
    product = 1.0
    for step in steps:
        product *= int(step.split()[1].removesuffix("%")) / 100
    return product


def test_a_query_sure_of_its_group_alone_goes_to_the_groups_default_route(client: Client) -> None:
    contract = client.route("what is my card limit")
    assert contract.outcome is Outcome.FALLBACK
    assert contract.reasons[0] is Reason.BELOW_MIN_CONFIDENCE
    assert contract.route == "money/advice"
    assert contract.confidence < 0.75
    assert "money/advice, the default route of group money (" in contract.rationale
    again = client.reroute(
        "what is my card limit",
        decision_id=contract.decision_id,
        rejected_routes=["money/advice"],
    )
    assert again.route == "anything"


def test_groups_obey_what_a_caller_allows(client: Client) -> None:
    contract = client.route(
        "where do I send my tax return", allowed_routes=["home/garden", "home/tools/paint"]
    )
    assert {candidate.route for candidate in contract.candidates} <= {
        "home/garden",
        "home/tools/paint",
    }
    assert contract.route == "anything"


def test_the_page_shows_a_folder_that_builds(tmp_path: Path) -> None:
    page = (ROOT / "docs/hierarchy.md").read_text("utf-8")
    files = dict(re.findall(r"^# routes/(\S+)\n(.*?)^```", page, flags=re.MULTILINE | re.DOTALL))
    assert set(files) == {"taxonomy.yaml", "engineering/group.yaml"}
    exemplars = {
        f"engineering/{name}/exemplars.txt": f"a question about {name}\n"
        for name in ("code_review", "debugging", "general")
    }
    routes = write_folder(tmp_path / "routes", {**files, **exemplars})
    built = waypost("build", "--routes", str(routes), "--index", str(tmp_path / "index"))
    assert built.returncode == 0, built.stderr
