"""What is decided again as it was, though much of what counted then is not asked again."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from tests.e2e.topics import FLEET, ROUTE_YAML, topics
from tests.indexing import build_index
from tests.unit.service.models import FakeModel, free
from waypost_server.adapters.database import open_database
from waypost_server.adapters.sql_state import SqlState
from waypost_server.core.decision_log import DecisionRecord
from waypost_server.core.outcome import Reason, Stage
from waypost_server.core.query import Query
from waypost_server.core.replay import ESCALATION, METADATA, MODEL_CHOICE, OLDER
from waypost_server.service.caller import ANYBODY
from waypost_server.service.consulting import Consulting
from waypost_server.service.direct import Direct
from waypost_server.service.escalating import Escalating
from waypost_server.service.events import Decided
from waypost_server.service.log_records import decision_record
from waypost_server.service.version import Served
from waypost_server.settings import Settings
from waypost_server.wiring.loading import load_engine
from waypost_server.workshop.replaying import Replay, replay

TAXONOMY = """\
default_route: anything
min_confidence: 1.0
escalation: {model: cheap, when: [below_min_confidence, ambiguous, below_threshold, out_of_scope]}
tenants: {acme: {models: [strong]}}
"""
RULES = "rules:\n  - {name: said, when: {metadata: {task: [music]}}, route: music}\n"
UNSURE = "tell me about the album of the hotel room"


@pytest.fixture(scope="module")
def settings(encoder_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Of routes with a rule about metadata, a model to ask, and a tenant that may call one."""
    folder = tmp_path_factory.mktemp("replaying")
    routes = topics(folder)
    (routes / "taxonomy.yaml").write_text(TAXONOMY)
    (routes / "rules.yaml").write_text(RULES)
    (routes / "fleet.yaml").write_text(FLEET)
    (routes / "weather/route.yaml").write_text(ROUTE_YAML["travel"].replace("weather", "music"))
    settings = Settings.load(
        routes=routes,
        index=folder / "index",
        encoder=encoder_folder,
        two_stage=False,
        database=f"sqlite:///{folder}/waypost.db",
    )
    build_index(settings)
    state = SqlState(open_database(settings.database))
    assert state.switches().off == {}
    state.close()
    return settings


def recorded(
    settings: Settings, query: Query, *, says: str = "", keep: bool = True
) -> DecisionRecord:
    """What a server would log of a query; `says` is the route that a model chooses."""
    served = Served.of(load_engine(settings))
    routed = Direct(served.engine).routed(query)
    if says:
        escalating = Escalating(Consulting(FakeModel({"route": says}), paying=free()))
        routed = asyncio.run(escalating.escalated(served.engine, routed))
        assert routed.stage is Stage.MODEL
    contract = served.writer.write(routed)
    event = Decided(
        routed=routed,
        index_version=contract.index_version,
        encoder_fingerprint=contract.encoder_fingerprint,
        models=tuple(model.name for model in contract.specialist.models),
        caller=ANYBODY,
        calibration=served.writer.facts(routed.stage).calibration,
    )
    return decision_record(event, at_ms=0, keep_text=keep)


def again(settings: Settings, before: DecisionRecord, text: str = UNSURE) -> Replay:
    made = replay(settings, before, text)
    assert made.by_switches == ()
    return made


def test_metadata_that_was_kept_counts_again_and_what_was_not_is_named(settings: Settings) -> None:
    query = Query(text=UNSURE, metadata={"task": "music"})
    kept = recorded(settings, query)
    assert (kept.route, kept.stage) == ("music", Stage.RULES)
    same = again(settings, kept)
    assert (same.changes, same.not_replayed) == ((), ())
    unknown = again(settings, recorded(settings, query, keep=False))
    assert METADATA in unknown.not_replayed
    assert unknown.changes[0].name in ("route", "outcome")
    nothing_said = again(settings, recorded(settings, Query(text=UNSURE), keep=False))
    assert METADATA not in nothing_said.not_replayed


def test_what_a_model_chose_is_taken_for_granted(settings: Settings) -> None:
    encoders = recorded(settings, Query(text=UNSURE))
    chosen = next(c.route for c in encoders.candidates if c.route != encoders.route)
    before = recorded(settings, Query(text=UNSURE), says=chosen)
    assert before.route == chosen
    assert before.reasons[0] is Reason.MODEL_CONSULTED
    made = again(settings, before)
    assert (made.changes, made.not_replayed) == ((), ())
    assert made.decision.stage is Stage.MODEL


def test_that_a_model_would_be_asked_now_is_said(settings: Settings) -> None:
    made = again(settings, recorded(settings, Query(text=UNSURE)))
    assert (made.changes, made.not_replayed) == ((), (ESCALATION,))


def test_models_that_policy_chose_are_not_compared(settings: Settings) -> None:
    before = recorded(settings, Query(text=UNSURE, tenant="acme", metadata={"task": "music"}))
    assert before.models == ("cheap", "strong")
    # As the choice leaves them, when the tenant's budget is gone.
    chosen = replace(before, models=(), reasons=(*before.reasons, Reason.BUDGET_EXHAUSTED))
    made = again(settings, chosen)
    assert (made.changes, made.not_replayed) == ((), (MODEL_CHOICE,))
    others = replace(chosen, tenant="")
    assert [change.name for change in again(settings, others).changes] == ["reasons", "models"]


def test_a_record_that_is_older_than_a_field_has_no_change_of_it(settings: Settings) -> None:
    before = recorded(settings, Query(text=UNSURE, metadata={"task": "music"}))
    made = again(settings, replace(before, plan=None, flags=None))
    assert (made.changes, made.not_replayed) == ((), (OLDER,))
