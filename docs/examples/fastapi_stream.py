"""Answers over HTTP, piece by piece, as server-sent events.

    pip install 'waypost[dispatch]' fastapi uvicorn
    uvicorn --app-dir docs/examples fastapi_stream:app
    curl -N -H 'content-type: application/json' -d '{"text": "Why is this test flaky?"}' \
      http://127.0.0.1:8000/answer

Events: `piece` {"text"} for each piece, then one `done` {"route", "model", "confidence"}, or one
`error` {"message"}, after pieces too.
"""

import json
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from waypost_client import WaypostError
from waypost_client.dispatch import Dispatcher

log = logging.getLogger("waypost.example")


class Query(BaseModel):
    """What the user asks."""

    text: str


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """One dispatcher for all requests: it keeps connections, prompts and breakers."""
    async with Dispatcher(os.environ.get("WAYPOST_ADDRESS", "127.0.0.1:50051")) as dispatcher:
        app.state.dispatcher = dispatcher
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/answer")
async def answer(query: Query) -> StreamingResponse:
    """The answer of the specialist that the router names."""
    return StreamingResponse(events(query.text), media_type="text/event-stream")


async def events(text: str) -> AsyncIterator[str]:
    """When the client goes, this is cancelled; that leaves the stream and ends the model's call."""
    try:
        async with app.state.dispatcher.stream(text) as pieces:
            async for piece in pieces:
                yield event("piece", text=piece)
        ended = pieces.answer
        confidence = ended.contract.confidence
        yield event("done", route=ended.route, model=ended.model, confidence=confidence)
    except WaypostError as error:
        log.warning("no answer: %s", error)  # it names models and their addresses
        yield event("error", message="no answer could be given")


def event(name: str, **data: object) -> str:
    """One server-sent event."""
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
