"""Dashboard and alerts ask for nothing but what a real server exports."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.processes import ROOT, running_server
from tests.exposed import Exposed
from waypost_client import AdminClient, Client, ModelAttempt, SpecialistOutcome
from waypost_server.core.metric import Kind
from waypost_server.core.metric_names import METRICS

ALERTS = ROOT / "deploy/prometheus/alerts.yaml"
CASES = [str(ALERTS.with_name(name)) for name in ("alerts_test.yaml", "daily_test.yaml")]
DASHBOARD = ROOT / "deploy/grafana/waypost.json"
OF_PROMETHEUS = {"job", "instance", "__name__"}
ROWS = [
    "Traffic",
    "Routing quality",
    "Specialists",
    "Latency by stage",
    "Capacity",
    "Fleet",
    "Cost",
]
SELECTOR = re.compile(r"\b(waypost[a-z_:0-9]*[a-z0-9])\b\s*(?:\{([^}]*)\})?")
GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
NOT_REACHED = {
    "waypost_budget_usd": {"tenant"},
    "waypost_budget_left_usd": {"tenant"},
}
"""What no traffic shows: somebody has to give a tenant a budget."""

needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not installed; on Debian: prometheus"
)


@pytest.fixture(scope="module")
def exported(index_folder: Path) -> dict[str, set[str]]:
    """The labels of each series that a server exports, once it has had traffic of every kind."""
    with (
        running_server(index_folder, WAYPOST_HTTP_ADDRESS="127.0.0.1:0") as server,
        Client(server.address, timeout_s=20) as client,
        AdminClient(server.admin_address) as admin,
    ):
        contract = client.route("why does this test fail only in CI")
        client.reroute("why", decision_id=contract.decision_id, rejected_routes=[contract.route])
        attempts = [
            ModelAttempt(model="a", succeeded=True, latency_ms=9, first_token_ms=3, cost_usd=0.1),
            ModelAttempt(model="b", succeeded=False, error_kind="timeout", breaker_open=True),
        ]
        client.report(
            contract.decision_id, SpecialistOutcome.REJECTED, attempts, route=contract.route
        )
        _open_a_breaker(client)
        admin.set_route_enabled(contract.route, False)
        status, text = server.http("/metrics")
        assert status == 200
    return Exposed(text).labels


def _open_a_breaker(client: Client) -> None:
    """Of a model that the fleet knows."""
    known = next(
        model.name for route in client.routes().routes for model in _models(client, route.name)
    )
    client.report(
        client.route("another").decision_id,
        SpecialistOutcome.FAILED,
        [ModelAttempt(model=known, succeeded=False, error_kind="down", breaker_open=True)],
    )


def _models(client: Client, route: str) -> tuple[Any, ...]:
    return tuple(client.specialist(route).ref.models)


def expressions() -> Iterator[tuple[str, str]]:
    """Every expression of alerts and dashboard, with where it stands."""
    for group in yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]:
        for rule in group["rules"]:
            yield rule.get("alert") or rule["record"], rule["expr"]
    dashboard = json.loads(DASHBOARD.read_text("utf-8"))
    for panel in dashboard["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"]
    for annotation in dashboard["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            yield variable["name"], variable["query"]["query"]


def recorded() -> dict[str, set[str]]:
    """The labels of each recorded figure."""
    rules = [
        rule
        for group in yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]
        for rule in group["rules"]
    ]
    return {
        rule["record"]: set(_names(GROUPING.search(rule["expr"]))) | {"job"}
        for rule in rules
        if "record" in rule
    }


def _names(found: re.Match[str] | None) -> list[str]:
    return [name for name in re.split(r"\s*,\s*", found[1].strip()) if name] if found else []


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_every_name_and_label_is_exported(
    exported: dict[str, set[str]], where: str, expression: str
) -> None:
    known = exported | recorded() | NOT_REACHED
    plain = re.sub(r'"[^"]*"', '""', expression)  # a label's value is no name
    grouped = GROUPING.sub("", plain)
    labels = set(OF_PROMETHEUS)
    for name, matchers in SELECTOR.findall(grouped):
        assert name in known, f"{where} asks for {name}"
        own = known[name] | OF_PROMETHEUS
        wanted = {re.split("=~|!~|!=|=", each)[0].strip() for each in matchers.split(",") if each}
        assert wanted <= own, f"{where}: {name} has no label {wanted - own}"
        labels |= own
    for found in GROUPING.finditer(plain):
        assert set(_names(found)) <= labels, f"{where} groups by what is not there"


def test_a_server_exports_every_metric_of_the_table_with_its_labels(
    exported: dict[str, set[str]],
) -> None:
    for metric in METRICS:
        if metric.name in NOT_REACHED:
            continue
        suffixes = ("_bucket", "_sum", "_count") if metric.kind is Kind.HISTOGRAM else ("",)
        for suffix in suffixes:
            more = {"le"} if suffix == "_bucket" else set()
            assert exported[metric.name + suffix] == {*metric.labels} | more, metric.name


def test_each_metric_is_of_use_somewhere() -> None:
    text = " ".join(expression for _, expression in expressions())
    unused = {metric.name for metric in METRICS if metric.name not in text}
    assert unused == set()


def test_the_dashboard_has_its_rows_and_no_panel_covers_another() -> None:
    panels = json.loads(DASHBOARD.read_text("utf-8"))["panels"]
    assert [panel["title"] for panel in panels if panel["type"] == "row"] == ROWS
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (x, y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24


def test_each_alert_says_what_is_wrong_and_what_to_do() -> None:
    for group in yaml.safe_load(ALERTS.read_text("utf-8"))["groups"]:
        for rule in group["rules"]:
            if "alert" in rule:
                assert rule["labels"]["severity"] in ("critical", "warning", "info")
                assert re.fullmatch(r"[A-Z].*[.;:].*|[A-Z].*\.", rule["annotations"]["runbook"])
                assert rule["annotations"]["summary"]


@needs_promtool
@pytest.mark.parametrize("arguments", [("check", "rules", str(ALERTS)), ("test", "rules", *CASES)])
def test_promtool_finds_nothing_wrong(arguments: tuple[str, ...]) -> None:
    done = subprocess.run(
        ["promtool", *arguments], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
