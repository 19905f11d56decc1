"""Deciding again about what the log has."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

from waypost_server.core.consultation import choosable, is_wanted
from waypost_server.core.decision import decide_by_model
from waypost_server.core.decision_log import DecisionRecord
from waypost_server.core.extraction.parameters import Extracted
from waypost_server.core.model_rules import Circumstances
from waypost_server.core.outcome import Stage
from waypost_server.core.query import Conversation, Query
from waypost_server.core.redaction import is_redacted
from waypost_server.core.replay import (
    ESCALATION,
    METADATA,
    MODEL_CHOICE,
    MODEL_PARAMS,
    OLDER,
    REDACTED_METADATA,
    Change,
    NotReplayed,
    changes,
)
from waypost_server.core.switches import NOTHING_OFF, Switches, off_in
from waypost_server.service.caller import ANYBODY
from waypost_server.service.direct import Direct
from waypost_server.service.engine import Engine
from waypost_server.service.events import Decided
from waypost_server.service.log_records import decision_record
from waypost_server.service.routed import Routed
from waypost_server.service.version import Served
from waypost_server.settings import Settings
from waypost_server.wiring.loading import load_engine
from waypost_server.wiring.sharing import database_state


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """A decision about the same query by the bundle that is live now.

    Attributes:
        decision: what is decided now.
        changes: what differs from then.
        not_replayed: what counted then, or would now, and is not known.
        switches: what is switched off now, as the decision heeds it.
        by_switches: what differs from the decision if nothing were switched off.
    """

    decision: DecisionRecord
    changes: tuple[Change, ...]
    not_replayed: tuple[NotReplayed, ...]
    switches: Switches
    by_switches: tuple[Change, ...]


def replay(settings: Settings, before: DecisionRecord, text: str) -> Replay:
    """Decides about a query again, with all that the log knows to have counted then.

    What is switched off is as the database says now. What a language model chose then is what it
    would choose now: none is asked.

    Args:
        settings: say which bundle is live, and which database holds the switches.
        before: the decision.
        text: the query.

    Raises:
        SettingsError: there is no database.
        SharedStateError: the switches cannot be read.
        BundleError: there is no bundle that can be used.
        EncoderError: an encoder cannot be used.
        InvalidQueryError: a route that was allowed or rejected then is no longer there.
    """
    switches = _switches(settings)
    served = Served.of(load_engine(settings))
    query = Query(
        text=text,
        conversation=Conversation(previous_route=before.previous_route),
        tenant=before.tenant,
        metadata=before.metadata or {},
        allowed_routes=frozenset(before.allowed_routes),
        rejected_routes=before.rejected_routes,
        max_candidates=len(before.candidates),
        off=off_in(switches, served.engine.router.catalog),
    )
    routed = _routed(served.engine, query, before)
    unknown = tuple(_unknown(served, routed, before))
    now = _record(served, routed)
    all_on = _record(served, _routed(served.engine, replace(query, off=NOTHING_OFF), before))
    return Replay(
        decision=now,
        changes=changes(before, now, unknown),
        not_replayed=unknown,
        switches=switches,
        by_switches=changes(all_on, now),
    )


def _switches(settings: Settings) -> Switches:
    state = database_state(settings)
    try:
        return state.switches()
    finally:
        state.close()


def _routed(engine: Engine, query: Query, before: DecisionRecord) -> Routed:
    """The decision now, with what a language model said then."""
    engine.router.check(query)
    routed = Direct(engine).routed(query)
    if before.stage is not Stage.MODEL or not _may_ask(engine, routed):
        return routed
    said = before.candidates[0].route if before.candidates else before.route
    query, decision = routed.query, routed.decision
    for candidate in choosable(decision, query):
        if candidate.route == said:
            decided = decide_by_model(decision, candidate, query, engine.router.catalog)
            query = engine.judgement.note(query, decided)
            completed = engine.judgement.complete(query, decided)
            return replace(routed, query=query, decision=completed, stage=Stage.MODEL)
    return routed


def _may_ask(engine: Engine, routed: Routed) -> bool:
    escalation = engine.router.catalog.taxonomy.escalation
    return escalation is not None and is_wanted(routed.decision, routed.query, escalation)


def _unknown(served: Served, routed: Routed, before: DecisionRecord) -> Iterator[NotReplayed]:
    engine, decision = served.engine, routed.decision
    if before.metadata is None:
        yield METADATA
    elif any(map(is_redacted, before.metadata.values())):
        yield REDACTED_METADATA
    if before.plan is None or before.flags is None:
        yield OLDER
    if routed.stage is not Stage.MODEL and _may_ask(engine, routed):
        yield ESCALATION
    parameters = engine.judgement.parameters
    found = Extracted(decision.params, decision.missing_params)
    if parameters and parameters.wanted(decision.route, found):
        yield MODEL_PARAMS
    by, routes = served.writer.choice, [decision.route, *(step.route for step in decision.plan)]
    if any(by.choose(routed.query, route, Circumstances()) for route in routes):
        yield MODEL_CHOICE


def _record(served: Served, routed: Routed) -> DecisionRecord:
    contract = served.writer.write(routed)
    event = Decided(
        routed=routed,
        index_version=contract.index_version,
        encoder_fingerprint=contract.encoder_fingerprint,
        models=tuple(model.name for model in contract.specialist.models),
        caller=ANYBODY,
        calibration=served.writer.facts(routed.stage).calibration,
    )
    return decision_record(event, at_ms=time.time_ns() // 1_000_000, keep_text=False)
