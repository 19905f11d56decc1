"""Calls of models, as the dispatcher would make them."""

import contextlib
from collections.abc import Iterable
from typing import Any

from waypost_client import Model, Sampling
from waypost_client.dispatch._messages import Message, Prompt, Role
from waypost_client.dispatch._providers._provider import ModelRequest, Provider, Reply

QUERY = "Where is parcel 4711 of Jane Doe?"
PROMPT = Prompt("You answer about parcels.", "", (Message(Role.USER, QUERY),), "waypost-abc")
DEFAULTS = Sampling(temperature=None, top_p=None, max_output_tokens=0, stop=(), seed=None)


def a_model(
    base_url: str = "",
    *,
    features: Iterable[str] = (),
    name: str = "m",
    **more: Any,  # noqa: ANN401 (a model's other fields)
) -> Model:
    fields: dict[str, Any] = {
        "provider": "openai",
        "model_id": name,
        "api_key_env": "",
        "context_window_tokens": 0,
        "usd_per_mtok_in": 0.0,
        "usd_per_mtok_out": 0.0,
        "tags": (),
    }
    return Model(name=name, base_url=base_url, features=frozenset(features), **fields | more)


def a_request(model: Model, **more: Any) -> ModelRequest:  # noqa: ANN401 (its other fields)
    fields: dict[str, Any] = {"prompt": PROMPT, "sampling": DEFAULTS}
    return ModelRequest(model=model, **fields | more)


async def pieces_of(provider: Provider, request: ModelRequest) -> tuple[list[str], Reply]:
    """What a stream gave: its pieces, then its end."""
    pieces: list[str] = []
    async with contextlib.aclosing(provider.stream(request)) as stream:
        async for piece in stream:
            if isinstance(piece, Reply):
                return pieces, piece
            pieces.append(piece)
    raise AssertionError("a stream without a reply")


async def reply_of(provider: Provider, request: ModelRequest, *, streamed: bool) -> Reply:
    """The answer, either way."""
    if not streamed:
        return await provider.complete(request)
    pieces, reply = await pieces_of(provider, request)
    assert "".join(pieces) == reply.text
    return reply
