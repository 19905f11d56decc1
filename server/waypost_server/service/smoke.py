"""Whether an engine decides at all, tried before any caller depends on it."""

import math

from waypost_server.core.errors import BundleError
from waypost_server.core.outcome import Reason
from waypost_server.core.query import Query
from waypost_server.service.engine import Engine
from waypost_server.service.routed import Routed

STRANGER = "xyzzy"
"""A query near nothing."""


def check_decides(engine: Engine) -> None:
    """Asks the engine a query that it knows and one that it does not, in every stage.

    Raises:
        BundleError: it does not decide, or not sensibly.
    """
    for text in (*engine.router.exemplars.texts[:1], STRANGER):
        query, now = Query(text=text), engine.now()
        try:
            found = [engine.at_once(query, now), *engine.after_encoding([(query, now)])]
        except Exception as error:  # noqa: BLE001  (whatever it is, callers would meet it)
            found = [error]
        for routed in found:
            problem = _problem(routed, engine)
            if problem:
                raise BundleError(
                    f"bundle {engine.index_version} does not decide: {problem}; build again"
                )


def _problem(routed: Routed | Exception | None, engine: Engine) -> str:
    if isinstance(routed, Exception):
        return f"{type(routed).__name__}: {routed}"
    if routed is None:  # the first stage leaves it to the next
        return ""
    decision = routed.decision
    if Reason.GUARD_UNAVAILABLE in decision.reasons:
        return "its guard fails"
    if decision.route.name not in engine.router.catalog.routes:
        return f"it names {decision.route.name!r}, which is no route of it"
    bad = [one.confidence for one in decision.candidates if not math.isfinite(one.confidence)]
    return f"a confidence is {bad[0]}" if bad else ""
