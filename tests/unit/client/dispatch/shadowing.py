"""Specialists with shadow candidates, and their records."""

import json
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.llm_server import LlmServer
from tests.scripted_router import Specialist, specialist
from tests.unit.client.dispatch.worlds import World, at
from waypost.v1 import contract_pb2 as pb

BOTH = pytest.mark.parametrize("streamed", [False, True])


def candidate(name: str = "trial", share: float = 1.0, **fields: Any) -> pb.ShadowCandidate:  # noqa: ANN401
    return pb.ShadowCandidate(name=name, share=share, **fields)


def shadowed(
    live: Sequence[pb.Model],
    *candidates: pb.ShadowCandidate,
    helpers: Sequence[pb.Model] = (),
    **fields: Any,  # noqa: ANN401
) -> Specialist:
    return specialist(live, shadows=candidates, helper_models=helpers, **fields)


def cheaper(llm: LlmServer, **fields: Any) -> Specialist:  # noqa: ANN401
    """A specialist with the model "live", and beside it the model "cheap"."""
    return shadowed(
        [at(llm, "live", usd_per_mtok_in=100, usd_per_mtok_out=1000)],
        candidate("cheaper", models=["cheap"]),
        helpers=[at(llm, "cheap", usd_per_mtok_in=10, usd_per_mtok_out=100)],
        **fields,
    )


def records(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text("ascii").splitlines()]


def content_and_mode(log: Path) -> tuple[str, int]:
    return log.read_text(), stat.S_IMODE(log.stat().st_mode)


async def recorded(world: World, log: Path, count: int = 1) -> list[dict[str, Any]]:
    await world.llm.until(lambda: log.exists() and len(records(log)) >= count)
    return records(log)
