"""What both services answer with."""

from dataclasses import dataclass, field

from waypost_server.core.outcomes import Outcomes
from waypost_server.service.events import Observers
from waypost_server.service.index_admin import IndexAdmin
from waypost_server.service.journal import Journal
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
    """

    live: Live
    workers: Workers
    outcomes: Outcomes
    shared: Shared
    observers: Observers = field(default_factory=Observers)
    journal: Journal | None = None
    index_admin: IndexAdmin | None = None
