"""Specialists by what their policies are."""

import asyncio
import json
from typing import Any

import pytest

from tests.llm_server import LlmServer
from tests.scripted_router import Specialist, specialist
from tests.unit.client.dispatch.worlds import World, at
from waypost.v1 import contract_pb2 as pb

BOTH = pytest.mark.parametrize("streamed", [False, True])
JSON = json.dumps({"type": "object", "required": ["verdict"]})


def policy(**fields: Any) -> pb.DispatchPolicy:  # noqa: ANN401
    return pb.DispatchPolicy(**fields)


def cascade(
    models: list[pb.Model],
    *,
    helpers: tuple[pb.Model, ...] = (),
    **checks: Any,  # noqa: ANN401
) -> Specialist:
    return specialist(
        models,
        policy=policy(pattern=pb.PATTERN_CASCADE, checks=pb.OutputChecks(**checks)),
        helper_models=helpers,
    )


def priced(llm: LlmServer, name: str, usd: float, **fields: Any) -> pb.Model:  # noqa: ANN401
    return at(llm, name, usd_per_mtok_in=usd, usd_per_mtok_out=usd, **fields)


def race(models: list[pb.Model], pick: pb.Pick.ValueType, **fields: Any) -> Specialist:  # noqa: ANN401
    grace_ms = fields.pop("grace_ms", 0)
    helpers = fields.pop("helpers", ())
    parallel = pb.ParallelPolicy(width=len(models), pick=pick, grace_ms=grace_ms)
    return specialist(
        models,
        policy=policy(pattern=pb.PATTERN_PARALLEL, parallel=parallel, **fields),
        helper_models=helpers,
    )


def speculating(*models: pb.Model, **fields: Any) -> Specialist:  # noqa: ANN401
    return specialist(list(models), policy=policy(speculative=True), **fields)


async def known(w: World) -> None:
    """One query, so that the dispatcher has met the router, and what it then looks up."""
    await w.dispatcher.answer("other: hi")
    await w.llm.until(lambda: any(r.route == "general" for r in w.router.fetched))
    await asyncio.sleep(0.05)
    w.llm.calls.clear()


SURE, UNSURE = (-0.01,), (-3.0,)


def doubtful(llm: LlmServer, *names: str, pick: pb.Pick.ValueType) -> Specialist:
    """A race in which an answer must have some confidence."""
    models = [at(llm, name, features=["logprobs"]) for name in names]
    return race(models, pick, checks=pb.OutputChecks(min_confidence=0.5))
