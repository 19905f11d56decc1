"""A decision with the circumstances in which it was made: what the engine hands on."""

from dataclasses import dataclass, replace

from waypost_server.core.consultation import Consultation
from waypost_server.core.decision import Decision
from waypost_server.core.outcome import Stage
from waypost_server.core.query import Query


@dataclass(frozen=True, slots=True)
class Timings:
    """Where the time went, in nanoseconds of the monotonic clock.

    Encoding is that of the whole run that a query shared; what it waited for beside the others'
    decisions, or for the first stage that was not sure, counts as queue. What a plan takes beside
    the encoding of its parts counts as decision.
    """

    queue_ns: int
    encode_ns: int
    search_ns: int
    decide_ns: int
    total_ns: int


@dataclass(frozen=True, slots=True)
class Routed:
    """A decision and the circumstances in which it was made.

    `consultations` are the times that a language model was asked, or would have been; they count in
    the timings' total, and in no step of it.
    """

    decision_id: str
    query: Query
    decision: Decision
    stage: Stage
    timings: Timings
    consultations: tuple[Consultation, ...] = ()

    def after(self, consultation: Consultation) -> "Routed":
        """The same decision, after a model was asked."""
        timings = self.timings
        return replace(
            self,
            timings=replace(timings, total_ns=timings.total_ns + consultation.took_ns),
            consultations=(*self.consultations, consultation),
        )
