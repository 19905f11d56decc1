"""What the YAML says of the guard, as core's types, and what is wrong with it."""

# ruff: noqa: E501  (problems are read whole)

from pathlib import Path

import pytest

from tests.folders import write_folder
from waypost_server.adapters.route_folder import read_routes
from waypost_server.core.clues import FlagKind, Severity
from waypost_server.core.errors import RoutesError
from waypost_server.core.guard_policy import Actions, GuardPolicy, OnFailure, RouteActions

EXEMPLARS = {"a/exemplars.txt": "a red apple\n", "b/exemplars.txt": "an iron bar\n"}
LOCAL = "models:\n  m: {provider: openai, model: m, tags: [local]}\n"


def folder(path: Path, taxonomy: str, route: str = "", fleet: str = "") -> Path:
    files = {"taxonomy.yaml": f"default_route: b\n{taxonomy}", **EXEMPLARS}
    return write_folder(
        path, files | {"a/route.yaml": route or "{}\n", "fleet.yaml": fleet or "{}\n"}
    )


def test_what_the_files_say_is_the_policy(tmp_path: Path) -> None:
    taxonomy = """guard:
  on_failure: open
  restricted_route: b
  prompt_injection: {refuse: high}
  secret: {flag: never, redact: low, local: medium}
  tenants:
    acme: {prompt_injection: {send: low}}
"""
    route = (
        "guard: {secret: {refuse: low, redact: high}, prompt_injection: {flag: low, local: high}}\n"
    )
    loaded = read_routes(folder(tmp_path, taxonomy, route, LOCAL))
    assert loaded.catalog.taxonomy.guard == GuardPolicy(
        actions={
            FlagKind.PROMPT_INJECTION: Actions(refuse=Severity.HIGH),
            FlagKind.SECRET: Actions(flag=None, redact=Severity.LOW, local=Severity.MEDIUM),
        },
        tenants={"acme": {FlagKind.PROMPT_INJECTION: Actions(send=Severity.LOW)}},
        on_failure=OnFailure.OPEN,
        restricted_route="b",
    )
    assert loaded.catalog.routes["a"].guard == {
        FlagKind.SECRET: RouteActions(refuse=Severity.LOW, redact=Severity.HIGH),
        FlagKind.PROMPT_INJECTION: RouteActions(flag=Severity.LOW, local=Severity.HIGH),
    }


def test_a_folder_that_says_nothing_has_no_guard(tmp_path: Path) -> None:
    assert read_routes(folder(tmp_path, "")).catalog.taxonomy.guard is None


@pytest.mark.parametrize(
    ("taxonomy", "route", "problem"),
    [
        ("guard:\n  restricted_route: c\n", "",
         "taxonomy.yaml:3: guard.restricted_route is 'c', which does not exist; name one of a, b"),
        ("guard:\n  jailbreak:\n    send: low\n", "",
         "taxonomy.yaml:4: guard.jailbreak.send says to send queries to the restricted route"),
        ("guard:\n  tenants:\n    t: {jailbreak: {send: low}}\n", "",
         "taxonomy.yaml:4: guard.tenants.t.jailbreak.send says"),
        ("guard:\n  secret: {local: low}\n", "",
         "taxonomy.yaml:3: guard.secret.local lets only local models see a query, and no model"),
        ("guard:\n  secret: {refuse: always}\n", "",
         "taxonomy.yaml:3: guard.secret.refuse is 'always': input should be 'low', 'medium'"),
        ("guard:\n  on_failure: ajar\n", "",
         "taxonomy.yaml:3: guard.on_failure is 'ajar': input should be 'closed' or 'open'"),
        ("guard:\n  sekret: {}\n", "", "taxonomy.yaml:3: guard.sekret is an unknown key; did you mean 'secret'"),
        ("", "guard: {secret: {refuse: low}}\n", "route.yaml:1: guard says what to do about findings in this route's"),
        ("guard:\n  jailbreak: {}\n", "guard: {secret: {refuse: low}}\n",
         "route.yaml:1: guard.secret is about findings that the guard of taxonomy.yaml does not"),
        ("guard:\n  secret: {}\n", "guard: {secret: {local: low}}\n",
         "route.yaml:1: guard.secret.local lets only local models see a query, and none of this"),
    ],
)  # fmt: skip
def test_each_mistake_is_named_with_file_line_and_cure(
    tmp_path: Path, taxonomy: str, route: str, problem: str
) -> None:
    with pytest.raises(RoutesError) as refused:
        read_routes(folder(tmp_path, taxonomy, route))
    assert problem in str(refused.value)


def test_a_fleet_that_cannot_be_read_is_one_mistake_though_the_guard_asks_for_its_tags(
    tmp_path: Path,
) -> None:
    routes = folder(tmp_path, "guard:\n  secret: {local: low}\n")
    (routes / "fleet.yaml").write_text("models:\n  one: {context_window: lots}\n")
    with pytest.raises(RoutesError) as refused:
        read_routes(routes)
    problems = refused.value.problems
    assert problems
    assert all("fleet.yaml:" in problem.split(" ")[0] for problem in problems)


@pytest.mark.parametrize(
    ("guard", "own", "what"),
    [
        ("secret: {refuse: high}", "", "guard.secret.refuse of taxonomy.yaml"),
        ("secret: {local: low}", "", "guard.secret.local of taxonomy.yaml"),
        ("secret: {}\n  tenants: {t: {secret: {refuse: low}}}", "",
         "guard.tenants.t.secret.refuse of taxonomy.yaml"),
        ("secret: {}", "guard: {secret: {send: low}}\n", "guard.secret.send of route.yaml"),
        ("secret: {flag: low, redact: low}", "guard: {secret: {flag: low}}\n", None),
    ],
)  # fmt: skip
def test_a_head_start_is_refused_where_the_guard_may_keep_a_query_back(
    tmp_path: Path, guard: str, own: str, what: str | None
) -> None:
    files = folder(tmp_path, f"guard:\n  {guard}\n", "{}\n", LOCAL)
    route = f"specialist: {{models: [m], speculative: true}}\n{own}"
    write_folder(files, {"b/route.yaml": route, "b/specialist.md": "Answer.\n"})
    if what is None:
        assert read_routes(files).catalog.routes["b"].specialist.policy.speculative
        return
    with pytest.raises(RoutesError) as refused:
        read_routes(files)
    assert (
        f"route.yaml:1: speculative sends queries to a model before the guard has looked at them, and {what} may"
        in str(refused.value)
    )
