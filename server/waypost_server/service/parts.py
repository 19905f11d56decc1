"""What both services answer with."""

from dataclasses import dataclass, field

from waypost_server.core.outcomes import Outcomes
from waypost_server.service.choosing import Choosing
from waypost_server.service.completing import Completing
from waypost_server.service.escalating import Escalating
from waypost_server.service.events import Observers
from waypost_server.service.failures import Failures
from waypost_server.service.index_admin import IndexAdmin
from waypost_server.service.journal import Journal
from waypost_server.service.refusals import Refusals
from waypost_server.service.shared import Shared
from waypost_server.service.version import Live
from waypost_server.service.workers import Workers


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """One of each in a process.

    Attributes:
        live: the version that new calls take.
        workers: decide.
        outcomes: what clients reported here.
        shared: what other processes must know too, and this one of them.
        observers: hear of every decision and report.
        journal: writes the decision log; None where none is kept.
        index_admin: changes the live version; None where it stays.
        choosing: chooses models by policy; None for what this process knows alone.
        escalating: asks a language model where the encoder is not sure; None for never.
        completing: asks one for parameters that were not found; None for never.
        refusals: of queries that are welcome again later.
        failures: of queries that end without an answer.
    """

    live: Live
    workers: Workers
    outcomes: Outcomes
    shared: Shared
    observers: Observers = field(default_factory=Observers)
    journal: Journal | None = None
    index_admin: IndexAdmin | None = None
    choosing: Choosing | None = None
    escalating: Escalating | None = None
    completing: Completing | None = None
    refusals: Refusals = field(default_factory=Refusals)
    failures: Failures = field(default_factory=Failures)
