"""What judges a query besides similarity: stages before the encoder, and stages after the decision.

Each stage is a function of a module of its own, off unless the routes folder configures it. Data
moves forward only: what a stage before the encoder finds is in the query's clues.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from waypost_server.core.changed import changed
from waypost_server.core.clues import NO_CLUES, NOTHING_FOUND, Clues
from waypost_server.core.decision import Decision
from waypost_server.core.extraction.parameters import Parameters
from waypost_server.core.planner import Planner
from waypost_server.core.ports import Encodings
from waypost_server.core.query import Query

Before = Callable[[Query, Clues], Clues]
"""Adds to what the stages before it found. Quick, thread-safe, and never raises."""

After = Callable[[Query, Decision], Decision]
"""Completes a decision. Quick, thread-safe, and never raises."""

Settle = Callable[[Query, Encodings | None], Query]
"""Settles what a stage before the encoder left open, by the query's encoding, or without one where
there will be none. Quick, thread-safe, and never raises."""


Note = Callable[[Query, Decision], Query]
"""The query with what follows from where it goes. Quick, thread-safe, and never raises."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The stages of one version of the routes, in their order.

    Attributes:
        before: before the encoder.
        after: after the decision.
        settles: settles what a stage before the encoder left open; None where none does.
        notes: adds what follows from where a query goes; None where nothing does.
        planner: makes plans; None where there are none.
        parameters: one of the stages after the decision, for those who ask a model for more.
    """

    before: Sequence[Before] = ()
    after: Sequence[After] = ()
    settles: Settle | None = None
    notes: Note | None = None
    planner: Planner | None = None
    parameters: Parameters | None = None

    def look(self, query: Query) -> Query:
        """The query with its clues; as it is, if it was looked at before."""
        if query.clues is not NO_CLUES or not (self.before or self.planner):
            return query
        clues = NOTHING_FOUND
        for stage in self.before:
            clues = stage(query, clues)
            if clues.verdict:
                return changed(query, clues=clues)
        # What is left after some of the query was found not to count is taken whole.
        if self.planner and not clues.relevant_text:
            clues = changed(clues, parts=self.planner.parts(query))
        return changed(query, clues=clues)

    def settle(self, query: Query, encoding: Encodings | None) -> Query:
        """The query with nothing left open."""
        if query.clues.suspicion is None or self.settles is None:
            return query
        return self.settles(query, encoding)

    def note(self, query: Query, decision: Decision) -> Query:
        """The query with what follows from where it goes: before the decision is completed."""
        return self.notes(query, decision) if self.notes else query

    def complete(self, query: Query, decision: Decision) -> Decision:
        """The decision with all that follows from it."""
        for stage in self.after:
            decision = stage(query, decision)
        return decision


PLAIN = Judgement()
"""Similarity alone."""
