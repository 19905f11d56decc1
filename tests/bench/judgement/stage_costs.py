"""What each stage takes by itself when it was just used: where the sum of all comes from."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from waypost_server.core.breakers import NOTHING
from waypost_server.core.budgets import Budgets
from waypost_server.core.clues import NO_CLUES
from waypost_server.core.judgement import After, Before
from waypost_server.core.latencies import Latencies
from waypost_server.core.ports import Encodings
from waypost_server.core.query import Query
from waypost_server.service.choosing import Choosing
from waypost_server.service.version import Served

NAMES = {
    "Guard.look": "guard, before the encoder",
    "RuleStage": "rules",
    "follow": "conversation",
    "Guard.complete": "guard, what a route may have",
    "note_unknown": "conversation, a route not loaded",
    "Parameters": "parameters",
    "HintStage": "hints",
}
"""By what a stage is: a method, an object of a class, or what a function made."""


def stage_microseconds(served: Served, queries: Sequence[Query]) -> Mapping[str, Sequence[float]]:
    """By stage, what it takes of each query that it looks at; each is asked twice, and timed once.

    Args:
        served: all of one version, with the stages.
        queries: checked, and without clues.
    """
    found: dict[str, list[float]] = {}
    choosing = Choosing(Budgets(time.time), Latencies(time.time))
    for query in queries:
        for name, stage in _stages(served, query, choosing).items():
            stage()
            began = time.perf_counter_ns()
            stage()
            found.setdefault(name, []).append((time.perf_counter_ns() - began) / 1e3)
    return found


def _stages(served: Served, query: Query, choosing: Choosing) -> Mapping[str, Callable[[], object]]:
    engine, judgement = served.engine, served.engine.judgement
    looked = engine.look(query)
    encoding = engine.encoder.encode([looked.relevant_text])[0]
    settled = judgement.settle(looked, encoding)
    router = engine.router
    whole = router.decide(encoding, router.search(encoding), settled)
    [routed] = engine.after_encoding([(looked, engine.now())])
    if isinstance(routed, Exception):
        raise routed
    before: dict[str, Callable[[], object]] = {
        _name(stage): partial(stage, query, NO_CLUES) for stage in judgement.before
    }
    after: dict[str, Callable[[], object]] = {
        _name(stage): partial(stage, settled, whole) for stage in judgement.after
    }
    stages = before | {"guard, after the encoder": partial(judgement.settle, looked, encoding)}
    planner, parts = judgement.planner, looked.clues.parts
    if planner:
        stages["plans, the parts"] = partial(planner.parts, query)
    if planner and parts:
        texts = [part.of(query.text) for part in parts]
        made = dict(zip(texts, engine.encoder.encode(texts), strict=True))

        def encodings_of(wanted: Sequence[str]) -> Sequence[Encodings]:
            missing = [text for text in wanted if text not in made]
            if missing:
                made.update(zip(missing, engine.encoder.encode(missing), strict=True))
            return [made[text] for text in wanted]

        stages["plans, of queries with parts"] = partial(
            planner.decide, settled, parts, whole, router, encodings_of
        )
    stages |= after
    choose = partial(choosing.choose, served.writer.choice, routed, NOTHING)
    routed, chosen = choose()
    stages["model choice"] = choose
    stages["the contract"] = partial(served.writer.write, routed, chosen=chosen)
    return stages


def _name(stage: Before | After) -> str:
    own = getattr(stage, "__qualname__", type(stage).__name__)
    return NAMES[own.removesuffix(".<locals>.stage")]
