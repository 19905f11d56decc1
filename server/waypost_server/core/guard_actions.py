"""From findings to what follows of them: flags, restrictions, or a verdict."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from waypost_server.core.catalog import Catalog
from waypost_server.core.clues import Clues, Flag, FlagKind, Severity, Verdict
from waypost_server.core.guard_policy import (
    Actions,
    GuardPolicy,
    KindActions,
    OnFailure,
    reaches,
)
from waypost_server.core.outcome import Action, Outcome, Reason, Stage

LOCAL = "local"
"""Tag of models that run on one's own machines."""

NOTHING = Actions(flag=None)

UNSEEN = Flag(kind=FlagKind.PROMPT_INJECTION, severity=Severity.HIGH, detector="unseen")
"""Keeps the whole of a text that nobody looked at out of logs."""

_ORDER = (Severity.HIGH, Severity.MEDIUM, Severity.LOW)


def act(
    clues: Clues,
    flags: Sequence[Flag],
    actions: KindActions,
    policy: GuardPolicy,
    catalog: Catalog,
) -> Clues:
    """The clues with all that follows from `flags`, which were just found.

    What is found later joins what was found before; a verdict of the guard ends everything.
    """
    if not flags:
        return clues
    told = [flag for flag in flags if reaches(flag.severity, _of(actions, flag).flag)]
    hidden = [flag for flag in flags if reaches(flag.severity, _of(actions, flag).redact)]
    local = any(reaches(flag.severity, _of(actions, flag).local) for flag in flags)
    reasons = clues.reasons
    if told and Reason.GUARD_FLAGGED not in reasons:
        reasons = (Reason.GUARD_FLAGGED, *reasons)
    return replace(
        clues,
        flags=(*clues.flags, *told),
        found=(*clues.found, *flags),
        hidden=(*clues.hidden, *hidden),
        required_tags=clues.required_tags | {LOCAL} if local else clues.required_tags,
        reasons=reasons,
        verdict=_verdict(flags, actions, refuge_of(policy, catalog)) or clues.verdict,
    )


def failed(clues: Clues, policy: GuardPolicy, catalog: Catalog) -> Clues:
    """The clues of a query that the guard could not look at."""
    if policy.on_failure is OnFailure.OPEN:
        return replace(clues, reasons=(*clues.reasons, Reason.GUARD_UNAVAILABLE), suspicion=None)
    verdict = Verdict(
        stage=Stage.GUARD,
        outcome=Outcome.BLOCKED,
        action=Action.REFUSE,
        reason=Reason.GUARD_UNAVAILABLE,
        route=refuge_of(policy, catalog),
        rationale="The guard could not look at this query, and such queries are refused.",
    )
    return replace(clues, verdict=verdict, suspicion=None, hidden=(*clues.hidden, UNSEEN))


def describe(flag: Flag) -> str:
    """A finding in words, without a word of the query."""
    kind = flag.kind.value.lower().replace("_", " ")
    where = f", characters {flag.start} to {flag.end}" if flag.end else ""
    return f"{kind} ({flag.detector}, {flag.severity.lower()}{where})"


def refuge_of(policy: GuardPolicy, catalog: Catalog) -> str:
    """The route that a contract names where nobody is to answer, or only this one."""
    return policy.restricted_route or catalog.taxonomy.default_route


def _verdict(flags: Sequence[Flag], actions: KindActions, refuge: str) -> Verdict | None:
    refused = worst_of(f for f in flags if reaches(f.severity, _of(actions, f).refuse))
    sent = worst_of(f for f in flags if reaches(f.severity, _of(actions, f).send))
    flag = refused or sent
    if flag is None:
        return None
    what = "such queries are refused" if refused else f"{refuge} has such queries"
    return Verdict(
        stage=Stage.GUARD,
        outcome=Outcome.BLOCKED,
        action=Action.REFUSE if refused else Action.INVOKE,
        reason=Reason.GUARD_BLOCKED,
        route=refuge,
        rationale=f"The guard found {describe(flag)}; {what}.",
    )


def worst_of(flags: Iterable[Flag]) -> Flag | None:
    """The first of the most severe; None of none."""
    return min(flags, key=lambda flag: _ORDER.index(flag.severity), default=None)


def _of(actions: KindActions, flag: Flag) -> Actions:
    return actions.get(flag.kind, NOTHING)
