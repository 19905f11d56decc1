"""What docs/guard.md shows is what happens, on the shipped routes."""

import contextlib
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import ServerProcess, running_server, waypost
from tests.folders import write_folder
from waypost_client import Action, Client, FlagKind, Outcome
from waypost_server.adapters.guard_schema import ActionsSection

FLEET = """models:
  here: {provider: openai, model: a, base_url: "http://127.0.0.1:9/v1", tags: [local]}
  there: {provider: openai, model: b, base_url: "http://127.0.0.1:9/v1"}
"""
SPECIALIST = "specialist: {models: [there, here]}\n"
CARD = "Why does the checkout refuse the card 4111 1111 1111 1111?"
REVIEW = "Please review this function for bugs, it has "


@pytest.fixture(scope="module")
def page(repo: Path) -> str:
    return (repo / "docs/guard.md").read_text("utf-8")


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, flags=re.DOTALL)


@pytest.fixture(scope="module")
def guarding(
    page: str, repo: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServerProcess]:
    """The shipped exemplars with the page's guard, and what it says of a route for code review."""
    taxonomy, of_route = blocks(page, "yaml")
    folder = tmp_path_factory.mktemp("page")
    files = {
        path.relative_to(repo / "routes").as_posix(): path.read_bytes()
        for path in (repo / "routes").rglob("exemplars.txt")
    }
    for name in [path.split("/")[0] for path in files]:
        files[f"{name}/route.yaml"] = SPECIALIST.encode()
        files[f"{name}/specialist.md"] = b"Answer.\n"
    files["code_review/route.yaml"] = f"{SPECIALIST}{of_route}".encode()
    files["taxonomy.yaml"] = f"default_route: general_engineering\n{taxonomy}".encode()
    files["fleet.yaml"] = FLEET.encode()
    write_folder(folder / "routes", files)
    index = folder / "index"
    built = waypost("build", "--routes", str(folder / "routes"), "--index", str(index))
    assert built.returncode == 0, built.stderr
    with running_server(index) as running:
        yield running


@pytest.fixture(scope="module")
def asked(guarding: ServerProcess) -> Iterator[Client]:
    with Client(guarding.address, timeout_s=20) as client:
        yield client


def test_the_example_prints_what_it_says(page: str, guarding: ServerProcess) -> None:
    (code,) = blocks(page, "python")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code.replace("127.0.0.1:50051", guarding.address), {})  # noqa: S102  (the page's own)
    stripped = "".join(f"{line.rstrip()}\n" for line in printed.getvalue().splitlines())
    assert stripped == blocks(page, "text")[0]


def models(asked: Client, text: str) -> list[str]:
    contract = asked.route(text)
    assert contract.specialist is not None
    return [model.name for model in contract.specialist.models]


def test_each_line_of_the_section_does_what_it_says(asked: Client) -> None:
    assert models(asked, "Which cache eviction policy suits us?") == ["there", "here"]
    assert models(asked, CARD) == ["here"]
    assert models(asked, "Why is ghp_a1B2c3D4e5F6g7H8i9J0a1B2c3D4e5F6g7H8 refused?") == ["here"]
    assert len(asked.route("Why does a@b.example bounce?").flags) == 1
    refused = asked.route(CARD, tenant="acme")
    assert (refused.outcome, refused.action) == (Outcome.BLOCKED, Action.REFUSE)
    assert refused.route == "general_engineering"


def test_a_route_adds_what_the_page_says(asked: Client) -> None:
    kept = asked.route(f"{REVIEW}password = hunter2x inside")
    assert (kept.outcome, kept.action) == (Outcome.BLOCKED, Action.REFUSE)
    assert "code_review may not have secret" in kept.rationale


@pytest.mark.parametrize(
    ("example", "before"),
    [
        ("react@18.2.0", ""),
        ("git@github.com", ""),
        ("sk-xxxxxxxx", "api_key="),
        ("YOUR_API_KEY", "api_key="),
        ("${DB_PASSWORD}", "password: "),
        ("AKIAIOSFODNN7EXAMPLE", ""),
    ],
)
def test_what_is_none_is_none(page: str, asked: Client, example: str, before: str) -> None:
    assert f"`{example}`" in page
    flags = asked.route(f"Why does the build fail with {before}{example} here?").flags
    assert not [f for f in flags if f.kind in (FlagKind.SECRET, FlagKind.PERSONAL_DATA)]


def test_each_key_is_explained(page: str) -> None:
    rows = re.findall(r"^\| `(\w+)` \|", page, flags=re.MULTILINE)
    assert sorted(rows) == sorted(ActionsSection.model_fields)
