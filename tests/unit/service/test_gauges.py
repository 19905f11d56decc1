"""What the sources say ends in metrics."""

import subprocess
import sys
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.exposed import Exposed
from waypost_server.core.budgets import Standing
from waypost_server.core.model_policy import Budget, Period
from waypost_server.core.model_rules import Cause
from waypost_server.service.gauges import Gauges
from waypost_server.service.instruments import Instruments
from waypost_server.service.refusals import Cause as Refused
from waypost_server.service.sources import BundleFacts, Sources


@dataclass
class World:
    """What there is to be looked at, and what is shown of it."""

    refused: int = 0
    written: int = 0
    left_out: Collection[str] = ()
    switched_off: Collection[tuple[str, str]] = ()
    database_lost: bool = False
    version: str = ""
    now: float = 5000.0
    instruments: Instruments = field(default_factory=Instruments)

    def __post_init__(self) -> None:
        self.gauges = Gauges(
            self.instruments, version="1.2", contract_version="1.0", clock=lambda: self.now
        )
        self.sources = Sources(
            queue_depth=lambda: 7,
            running=lambda: 2,
            concurrency_limit=lambda: 64,
            refused=lambda: {Refused.RATE: self.refused},
            degraded=lambda: True,
            left_out=lambda: self.left_out,
            switched_off=lambda: self.switched_off,
            log_written=lambda: self.written,
            log_dropped=lambda: 3,
            log_waiting=lambda: 11,
            log_bytes=lambda: 13,
            database_lost=lambda: self.database_lost,
            bundle=self.bundle,
            bundle_refused=lambda: True,
            certificate_expires_at=lambda: 9e9,
            resident_bytes=lambda: 123,
        )

    def bundle(self) -> BundleFacts | None:
        return facts(self.version) if self.version else None

    def look(self) -> Exposed:
        self.gauges.look(self.sources, serving=True)
        return Exposed(self.instruments.exposition()[0].decode())


def facts(version: str) -> BundleFacts:
    return BundleFacts(
        version=version,
        encoder_fingerprint="f",
        route_count=5,
        exemplar_count=50,
        built_at=100.0,
    )


def test_each_source_has_its_metric() -> None:
    shown = World().look()
    for name, value in {
        "waypost_queue_depth": 7,
        "waypost_queries_running": 2,
        "waypost_concurrency_limit": 64,
        "waypost_degraded": 1,
        "waypost_decision_log_waiting": 11,
        "waypost_decision_log_bytes": 13,
        "waypost_bundle_refused": 1,
        "waypost_certificate_expiry_timestamp_seconds": 9e9,
        "waypost_resident_bytes": 123,
        "waypost_serving": 1,
        "waypost_start_timestamp_seconds": 5000.0,
    }.items():
        assert shown(name) == value, name
    assert shown("waypost_version_info", version="1.2", contract_version="1.0") == 1
    assert shown("waypost_cpu_seconds_total") > 0


def test_totals_of_others_become_counters() -> None:
    world = World(refused=5, written=10)
    world.look()
    world.refused, world.written = 8, 10
    shown = world.look()
    assert shown("waypost_refused_total", cause="rate") == 8
    assert shown("waypost_refused_total", cause="overload") == 0
    assert shown("waypost_decision_log_records_total", result="written") == 10
    assert shown("waypost_decision_log_records_total", result="dropped") == 3


def test_what_is_off_no_more_is_0() -> None:
    world = World(left_out=("a", "b"), switched_off=[("route", "x"), ("model", "a")])
    shown = world.look()
    assert shown.values("waypost_model_left_out", "model") == {"a", "b"}
    assert shown("waypost_switched_off", kind="route", name="x") == 1
    world.left_out, world.switched_off = ("b",), [("model", "a")]
    shown = world.look()
    assert shown.values("waypost_model_left_out", "model") == {"b"}
    assert shown("waypost_switched_off", kind="route", name="x") == 0
    assert shown("waypost_switched_off", kind="model", name="a") == 1


def test_budgets_and_what_policy_leaves_out_are_shown() -> None:
    world = World()
    standing = Standing(Budget(20.0, Period.DAY), left=12.5)
    left_out = Counter({Cause.TAG: 3})
    world.sources = replace(
        world.sources,
        models_left_out=lambda: left_out,
        budgets=lambda: {"acme": standing},
        budgets_alone=lambda: True,
    )
    world.look()
    left_out[Cause.TAG] += 2
    shown = world.look()
    assert shown("waypost_models_left_out_total", cause="tag") == 5
    assert shown("waypost_models_left_out_total", cause="budget") == 0
    assert shown("waypost_budget_usd", tenant="acme") == 20
    assert shown("waypost_budget_left_usd", tenant="acme") == 12.5
    assert shown("waypost_budget_alone") == 1


def test_bundles_that_go_live_are_counted_from_the_second_on() -> None:
    world = World()
    assert world.look()("waypost_bundle_info") == 0
    for version in ("one", "one", "two", "one"):
        world.version, world.now = version, world.now + 1
        shown = world.look()
    assert shown("waypost_reloads_total") == 2
    assert shown.values("waypost_bundle_info", "index_version") == {"one"}
    named = [s.labels["index_version"] for s in shown.samples if s.name == "waypost_bundle_info"]
    assert named == ["one"]
    assert shown("waypost_bundle_live_timestamp_seconds") == 5004.0
    assert shown("waypost_bundle_built_timestamp_seconds") == 100.0
    assert (shown("waypost_routes"), shown("waypost_exemplars")) == (5, 50)


def test_while_the_database_is_lost_it_is_1() -> None:
    world = World()
    assert world.look()("waypost_database_unreachable") == 0
    world.database_lost = True
    assert world.look()("waypost_database_unreachable") == 1
    world.database_lost = False
    assert world.look()("waypost_database_unreachable") == 0


SHARING = """
import sys
from pathlib import Path
from waypost_server.service.gauges import Gauges
from waypost_server.service.instruments import Instruments
from waypost_server.service.share import Share
from waypost_server.service.refusals import Cause as Refused
from waypost_server.service.sources import Sources
from tests.unit.service.test_gauges import facts

folder, place, *versions = sys.argv[1:]
instruments = Instruments(Share(Path(folder), int(place)))
gauges = Gauges(instruments, version="", contract_version="")
for version in versions:
    gauges.look(Sources(bundle=lambda: facts(version)), serving=True)
print(instruments.exposition()[0].decode())
"""
"""prometheus_client decides once a process whether its values are shared."""


def test_processes_that_share_show_a_bundle_while_any_serves_it(tmp_path: Path) -> None:
    def bundles(place: int, *versions: str) -> dict[str, float]:
        command = [sys.executable, "-c", SHARING, str(tmp_path), str(place), *versions]
        ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        return {
            sample.labels["index_version"]: sample.value
            for sample in Exposed(ran.stdout).samples
            if sample.name == "waypost_bundle_info"
        }

    assert bundles(0, "one") == {"one": 1}
    assert bundles(1, "one", "two") == {"one": 1, "two": 1}
    assert bundles(0, "one", "two", "one", "three", "two") == {"two": 2}
