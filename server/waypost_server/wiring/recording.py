"""What a server keeps records with, from settings."""

from collections.abc import Sequence
from dataclasses import dataclass

from waypost_server.adapters.database import open_database
from waypost_server.adapters.decision_log import DatabaseLog
from waypost_server.service.events import Observer
from waypost_server.service.journal import Journal
from waypost_server.service.retention import Sweeper
from waypost_server.settings import Settings

FLUSH_SECONDS = 5.0
"""How long a server that stops waits for its log, where the database does not answer."""


@dataclass(frozen=True, slots=True)
class Records:
    """The decision log of a server that runs.

    Attributes:
        log: where it is kept; None where none is.
        journal: what writes it.
        sweeper: what makes it forget; None where it never does.
    """

    log: DatabaseLog | None = None
    journal: Journal | None = None
    sweeper: Sweeper | None = None

    @property
    def observers(self) -> Sequence[Observer]:
        """Who is to hear of what happens."""
        return [self.journal] if self.journal else []

    def close(self) -> None:
        """Writes what waits, for a few seconds at most."""
        if self.sweeper:
            self.sweeper.close()
        if self.journal:
            self.journal.close(FLUSH_SECONDS)
        if self.log:
            self.log.close()


def open_records(settings: Settings) -> Records:
    """Begins to keep records; whether the database answers shows later.

    Raises:
        SettingsError: the database's URL is wrong, or its driver is not installed.
    """
    if not (settings.decision_log and settings.has_database):
        return Records()
    log = DatabaseLog(open_database(settings.database))
    journal = Journal(
        log,
        max_records=settings.log_buffer_records,
        max_bytes=settings.log_buffer_bytes,
        keep_text=settings.log_text,
    )
    return Records(
        log, journal, Sweeper(log, days=settings.log_days) if settings.log_days else None
    )
