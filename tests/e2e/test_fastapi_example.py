"""The FastAPI example streams what a model says, and stops it when nobody listens any more."""

import json
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx2
import pytest

from tests.e2e.processes import running_uvicorn
from tests.e2e.talking import MODEL, talking_server
from tests.llm_server import Answer, CutInTheMiddle, Fails, LlmServer
from waypost_client import Client

QUERY = "my card was charged twice"
BROWSER = (sys.executable, "-m", "uvicorn", "--app-dir", "docs/examples", "--port", "0")


@pytest.fixture
def router(llm: LlmServer, tmp_path: Path) -> Iterator[str]:
    with talking_server(tmp_path, llm) as server:
        yield server.address


@pytest.fixture
async def http(router: str) -> AsyncIterator[httpx2.AsyncClient]:
    with running_uvicorn(*BROWSER, "fastapi_stream:app", WAYPOST_ADDRESS=router) as server:
        async with httpx2.AsyncClient(base_url=server.url, timeout=30) as client:
            yield client
        assert "Traceback" not in server.log_text()


async def events(response: httpx2.Response) -> AsyncIterator[tuple[str, dict[str, object]]]:
    name = ""
    async for line in response.aiter_lines():
        if line.startswith("event: "):
            name = line.removeprefix("event: ")
        if line.startswith("data: "):
            yield name, json.loads(line.removeprefix("data: "))


async def ask(http: httpx2.AsyncClient) -> list[tuple[str, dict[str, object]]]:
    async with http.stream("POST", "/answer", json={"text": QUERY}) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        return [each async for each in events(response)]


async def test_it_streams_the_pieces_and_then_who_answered(
    http: httpx2.AsyncClient, llm: LlmServer, router: str
) -> None:
    llm.script(MODEL, Answer(pieces=("We ", "pay ", "back.")))
    *pieces, (last, who) = await ask(http)
    assert [name for name, _ in pieces] == ["piece"] * 3
    assert [data["text"] for _, data in pieces] == ["We ", "pay ", "back."]
    with Client(router) as client:
        confidence = client.route(QUERY).confidence
    assert last == "done"
    assert who == {"route": "billing", "model": MODEL, "confidence": pytest.approx(confidence)}
    assert llm.calls[0].streamed


@pytest.mark.parametrize(
    ("behaviour", "pieces"), [(Fails(500), 0), (CutInTheMiddle("We pay"), 2)], ids=["500", "cut"]
)
async def test_an_error_is_an_event_of_its_own(
    http: httpx2.AsyncClient, llm: LlmServer, behaviour: Fails | CutInTheMiddle, pieces: int
) -> None:
    llm.always(MODEL, behaviour)
    *before, (last, data) = await ask(http)
    assert len(before) == pieces
    assert last == "error"
    assert data == {"message": "no answer could be given"}  # and nothing of what is inside


async def test_the_models_call_ends_when_the_client_goes(
    http: httpx2.AsyncClient, llm: LlmServer
) -> None:
    llm.script(MODEL, Answer("word " * 1000, piece_s=0.05))
    async with http.stream("POST", "/answer", json={"text": QUERY}) as response:
        name, _ = await anext(events(response))
        assert name == "piece"
    await llm.until(lambda: llm.calls[0].hung_up)
    # The next is answered.
    assert (await ask(http))[-1][0] == "done"
