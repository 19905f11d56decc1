"""What the choice of models costs a decision: `python -m tests.bench.judgement.model_choice`."""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace

import click

from tests.bench.accuracy.__main__ import PAGE, REPO
from tests.bench.pages import splice, table
from waypost_server.adapters.route_folder import read_routes
from waypost_server.core.budgets import Budgets
from waypost_server.core.calibration import CalibrationMethod
from waypost_server.core.catalog import Catalog, Specialist
from waypost_server.core.decision import Decision
from waypost_server.core.latencies import Latencies
from waypost_server.core.model_policy import Budget, Period, Prefer, Sensitivity, TenantPolicy
from waypost_server.core.outcome import Action, Outcome, Reason, Stage
from waypost_server.core.query import Query
from waypost_server.core.report import Attempt
from waypost_server.service.choosing import Choosing
from waypost_server.service.convert import ContractWriter, StageFacts
from waypost_server.service.routed import Routed, Timings

RAW = REPO / "docs/benchmarks/model_choice.json"
ROUNDS, LOOPS = 15, 2_000
TEXT = "Why does this test pass alone but fail in the whole suite?"
ROUTE = "debugging"


@dataclass(frozen=True, slots=True)
class Row:
    """What one configuration costs, in microseconds: the choice, and choice and contract."""

    name: str
    choice: float
    contract: float


def main() -> None:
    """Measures all, interleaved, and writes the section and the raw figures."""
    rows = measure()
    RAW.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", "utf-8")
    PAGE.write_text(splice(PAGE.read_text("utf-8"), "model-choice", render(rows)), "utf-8")
    click.echo(f"Wrote {PAGE.relative_to(REPO)}")


def render(rows: Sequence[Row]) -> str:
    """The section."""
    header = ["of the shipped routes", "choice, µs", "choice and contract, µs"]
    cells = [[row.name, f"{row.choice:.1f}", f"{row.contract:.1f}"] for row in rows]
    return table(header, cells)


def measure() -> list[Row]:
    """The median over rounds of each configuration's mean over loops."""
    cases = dict(_cases(read_routes(REPO / "routes").catalog))
    took: dict[str, list[tuple[float, float]]] = {name: [] for name in cases}
    for _ in range(ROUNDS):
        for name, (choose, write) in cases.items():
            took[name].append((_mean_us(choose), _mean_us(write)))
    return [
        Row(name, *(statistics.median(each) for each in zip(*seen, strict=True)))
        for name, seen in took.items()
    ]


def _mean_us(do: Callable[[], object]) -> float:
    # CPU time: on a machine that others use, a clock would count them.
    began = time.thread_time_ns()
    for _ in range(LOOPS):
        do()
    return (time.thread_time_ns() - began) / LOOPS / 1_000


def _cases(
    shipped: Catalog,
) -> list[tuple[str, tuple[Callable[[], object], Callable[[], object]]]]:
    plain = replace(shipped, taxonomy=replace(shipped.taxonomy, tenants={}, sensitivity=None))
    day = Budget(1e6, Period.DAY)
    everything = replace(
        plain,
        taxonomy=replace(
            plain.taxonomy,
            tenants={
                "acme": TenantPolicy(models=tuple(plain.models), budget=day, prefer=Prefer.CHEAPEST)
            },
            sensitivity=Sensitivity(metadata="sensitivity", levels={"internal": ("hosted",)}),
        ),
        routes={
            name: replace(route, specialist=_demanding(route.specialist))
            for name, route in plain.routes.items()
        },
    )
    exhausted = replace(
        everything,
        taxonomy=replace(
            everything.taxonomy, tenants={"acme": TenantPolicy(budget=Budget(0.0, Period.DAY))}
        ),
    )
    query = Query(text=TEXT)
    acme = replace(query, tenant="acme")
    internal = replace(acme, metadata={"sensitivity": "internal"})
    return [
        ("nothing configured", _of(plain, query)),
        ("the shipped taxonomy", _of(shipped, query)),
        (
            "input of 500,000 tokens, which two models have no room for",
            _of(plain, replace(query, input_tokens=500_000)),
        ),
        ("tenant with a budget of 0", _of(exhausted, acme)),
        (
            "tenant, approved models, budget, sensitivity, latency, cheapest first",
            _of(everything, internal),
        ),
    ]


def _demanding(specialist: Specialist) -> Specialist:
    return replace(specialist, max_latency_ms=60_000)


def _of(catalog: Catalog, query: Query) -> tuple[Callable[[], object], Callable[[], object]]:
    facts = StageFacts(CalibrationMethod.CROSS_FITTED, "f" * 12)
    writer = ContractWriter(catalog, index_version="v", stages=dict.fromkeys(Stage, facts))
    latencies = Latencies(time.monotonic)
    for name in catalog.models:
        for ms in range(100, 5_000, 100):
            latencies.hear(Attempt(model=name, succeeded=True, latency_ms=ms))
    choosing = Choosing(Budgets(time.time), latencies)
    route = catalog.routes[ROUTE]
    decision = Decision(
        outcome=Outcome.MATCHED,
        action=Action.INVOKE,
        reasons=(Reason.ABOVE_THRESHOLD,),
        route=route,
        fallback_route=catalog.fallback_of(route),
        rationale="It fits debugging best.",
        clarifying_question="",
        candidates=(),
    )
    routed = Routed("0", query, decision, Stage.ENCODER, Timings(0, 0, 0, 0, 0))

    def choose() -> object:
        return choosing.choose(writer.choice, routed)

    def write() -> object:
        found, chosen = choosing.choose(writer.choice, routed)
        return writer.write(found, chosen=chosen)

    return choose, write


if __name__ == "__main__":
    main()
