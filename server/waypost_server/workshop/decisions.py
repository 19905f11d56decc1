"""Reading the decision log, and deciding again."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import sqlalchemy

from waypost_server.adapters.database import SQLITE
from waypost_server.adapters.decision_log import DatabaseLog
from waypost_server.core.decision_log import (
    DecisionLog,
    DecisionRecord,
    LogFilter,
    LoggedDecision,
)
from waypost_server.core.errors import DecisionLogError
from waypost_server.core.query import Query
from waypost_server.core.replay import Change, changes
from waypost_server.service.caller import ANYBODY
from waypost_server.service.events import Decided
from waypost_server.service.log_records import decision_record
from waypost_server.service.version import Served
from waypost_server.settings import Settings
from waypost_server.wiring.loading import load_engine
from waypost_server.wiring.recording import open_log

LATE_MS = 10_000
"""How much later than one that was decided after it a decision may get into the log."""


@contextmanager
def reading(settings: Settings) -> Iterator[DatabaseLog]:
    """The decision log that a server writes.

    Raises:
        SettingsError: the database's URL is wrong.
        DecisionLogError: there is none.
    """
    log = open_log(settings)
    url = sqlalchemy.make_url(settings.database)
    if url.drivername == SQLITE and not Path(url.database or "").exists():
        raise DecisionLogError(
            f"there is no {url.database}: say in WAYPOST_DATABASE where the server keeps its log"
        )
    try:
        yield log
    finally:
        log.close()


def follow(
    log: DecisionLog, wanted: LogFilter, count: int, *, wait: Callable[[], None]
) -> Iterator[LoggedDecision]:
    """The last decisions, and then each that comes, once; has no end.

    Args:
        log: the log.
        wanted: which ones.
        count: how many of those that are there.
        wait: called when there is no other one yet.
    """
    shown = list(log.last(wanted, count)) if count else []
    yield from shown
    seen = dict(_times(shown))
    # Nothing from before the first one that is shown.
    first_ms = min(seen.values(), default=time.time_ns() // 1_000_000)
    while True:
        wait()
        since_ms = max([first_ms, *(at_ms - LATE_MS for at_ms in seen.values())])
        seen = {id_: at_ms for id_, at_ms in seen.items() if at_ms >= since_ms}
        for logged in log.between(replace(wanted, since_ms=since_ms)):
            [(decision_id, at_ms)] = _times([logged])
            if decision_id not in seen:
                seen[decision_id] = at_ms
                yield logged


@dataclass(frozen=True, slots=True)
class Replay:
    """A decision about the same query by the bundle that is live now.

    Attributes:
        decision: what is decided now.
        changes: what differs.
    """

    decision: DecisionRecord
    changes: tuple[Change, ...]


def replay(settings: Settings, before: DecisionRecord, text: str) -> Replay:
    """Decides about a query again, with the routes that were allowed and rejected then.

    Args:
        settings: say which bundle is live.
        before: the decision.
        text: the query.

    Raises:
        BundleError: there is no bundle that can be used.
        EncoderError: an encoder cannot be used.
        InvalidQueryError: a route that was allowed or rejected then is no longer there.
    """
    engine = load_engine(settings)
    served = Served.of(engine)
    query = Query(
        text=text,
        tenant=before.tenant,
        allowed_routes=frozenset(before.allowed_routes),
        rejected_routes=before.rejected_routes,
        max_candidates=len(before.candidates),
    )
    engine.router.check(query)
    routed = engine.at_once(query, engine.now())
    if routed is None:
        [answer] = engine.after_encoding([(query, engine.now())])
        if isinstance(answer, Exception):
            raise answer
        routed = answer
    contract = served.writer.write(routed)
    event = Decided(
        routed=routed,
        index_version=contract.index_version,
        encoder_fingerprint=contract.encoder_fingerprint,
        models=tuple(model.name for model in contract.specialist.models),
        caller=ANYBODY,
        calibration=served.writer.facts(routed.stage).calibration,
    )
    now = decision_record(event, at_ms=time.time_ns() // 1_000_000, keep_text=False)
    return Replay(now, changes(before, now))


def _times(decisions: Iterable[LoggedDecision]) -> list[tuple[str, int]]:
    """Ids and times."""
    return [
        (one.decision.decision_id, one.decision.at_ms)
        for one in decisions
        if one.decision is not None
    ]
