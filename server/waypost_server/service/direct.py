"""An engine that decides on its caller's own thread: for all that asks without a server."""

from collections.abc import Callable
from functools import lru_cache

from waypost_server.core.decision import Decision
from waypost_server.core.first_stage import FirstStage
from waypost_server.core.query import Query
from waypost_server.core.router import Router
from waypost_server.service.engine import Engine
from waypost_server.service.routed import Routed

LOOKS = 10_000
"""Queries that are known with their clues: tuning asks each a dozen times, and some kB are kept of
each."""


class Direct:
    """Decides as a server with this engine would, of which it is all but the queue."""

    def __init__(self, engine: Engine, look: Callable[[str], Query] | None = None) -> None:
        """Takes an engine, and what finds a text's clues where that is known already."""
        self._engine = engine
        self._look = look or lru_cache(LOOKS)(lambda text: engine.look(Query(text=text)))

    @property
    def router(self) -> Router:
        """What decides where an encoding is needed."""
        return self._engine.router

    def decide(self, text: str) -> Decision:
        """The decision about a text of which nothing else is known; raises what `routed` does."""
        return self.routed(self._look(text)).decision

    def routed(self, query: Query) -> Routed:
        """The decision about a checked query; raises what the engine says is wrong."""
        engine = self._engine
        query, now = engine.look(query), engine.now()
        routed = engine.at_once(query, now)
        if routed is None:
            [answer] = engine.after_encoding([(query, now)])
            if isinstance(answer, Exception):
                raise answer
            routed = answer
        return routed

    def with_router(self, router: Router) -> "Direct":
        """The same with another scoring, or other bars in its taxonomy; what finds clues stays."""
        engine = self._engine
        first = engine.first
        if first:
            of_first = Router(
                router.catalog, router.exemplars, first.router.index, first.router.scoring
            )
            first = FirstStage(first.encoder, of_first, first.gate)
        changed = Engine(
            engine.encoder,
            router,
            engine.index_version,
            first=first,
            judgement=engine.judgement,
            cache=engine.cache,
        )
        return Direct(changed, self._look)
