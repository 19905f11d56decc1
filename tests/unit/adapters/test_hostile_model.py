"""A model's endpoint in a stranger's hands: what it sends is no answer and costs little."""

import gzip
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tests.llm_server import Answer, Behaviour, Fails, Flood, LlmServer, Raw
from waypost_server.adapters.bounded_http import MAX_BYTES, MAX_OBJECTS
from waypost_server.adapters.openai_model import OpenAIModel
from waypost_server.core.catalog import Model
from waypost_server.core.errors import MalformedAnswerError, ModelRefusedError
from waypost_server.core.language_model import Prompt, Said

PROMPT = Prompt(system="Sort it.", user='{"query": "hi"}')
SCHEMA = {"type": "object", "properties": {"n": {"type": "number"}}, "required": ["n"]}
GOOD = Answer('{"n": 1}')
KIB64 = 64 << 10
BUFFERS = 24 << 20
"""Bytes that two sockets may hold besides what was read."""


@pytest.fixture
async def models() -> AsyncIterator[OpenAIModel]:
    asking = OpenAIModel(lambda variable: "sk-secret")
    await asking.load()
    yield asking
    await asking.close()


@pytest.fixture
def other() -> Iterator[LlmServer]:
    with LlmServer() as server:
        yield server


async def asked(models: OpenAIModel, llm: LlmServer) -> Said:
    model = Model(
        name="small",
        provider="openai",
        model_id="m",
        base_url=llm.openai_url,
        api_key_env="KEY",
        features=("json_schema",),
    )
    return await models.ask(model, PROMPT, SCHEMA, max_tokens=40, timeout_seconds=20.0)


def head(*headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", "content-type: application/json", *headers, "", ""]
    return "\r\n".join(lines).encode()


CHUNK = b"10000\r\n" + b"[" * KIB64 + b"\r\n"
BODIES: dict[str, Behaviour] = {
    "until it goes": Flood(head("connection: close"), b" " * KIB64),
    "of a length": Flood(head("content-length: 9999999999999"), b'"' * KIB64),
    "in chunks": Flood(head("transfer-encoding: chunked"), CHUNK),
    "of an error": Flood(head("transfer-encoding: chunked", status="500 Oh"), CHUNK),
    "of a redirect": Flood(
        head("transfer-encoding: chunked", "location: x", status="307 There"), CHUNK
    ),
}


@pytest.mark.parametrize("name", BODIES)
async def test_a_body_without_end_is_no_answer(
    models: OpenAIModel, llm: LlmServer, name: str
) -> None:
    llm.script("m", BODIES[name])
    with pytest.raises(MalformedAnswerError, match="no chat completion"):
        await asked(models, llm)
    await llm.until(lambda: llm.calls[0].hung_up)
    assert llm.calls[0].flooded < MAX_BYTES + BUFFERS


@pytest.mark.parametrize("value", ["{}", "[]", "0", '""'])
async def test_a_body_of_values_alone_is_not_made_into_objects(
    models: OpenAIModel, llm: LlmServer, value: str
) -> None:
    good = {"message": {"content": '{"n": 1}'}, "finish_reason": "stop"}
    many = f'{{"choices": [{json.dumps(good)}{f",{value}" * (16 * MAX_OBJECTS)}]}}'
    llm.script("m", Raw(many.encode()))
    with pytest.raises(MalformedAnswerError, match="no chat completion"):
        await asked(models, llm)


async def test_what_looks_like_values_inside_an_answer_is_its_text(
    models: OpenAIModel, llm: LlmServer
) -> None:
    llm.script("m", Answer('{"n": 1} ' + '{[,"\\' * (20 * MAX_OBJECTS)))
    assert (await asked(models, llm)).answer == {"n": 1}


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity, br"])
async def test_a_packed_body_is_not_unpacked(
    models: OpenAIModel, llm: LlmServer, encoding: str
) -> None:
    bomb = gzip.compress(b" " * (8 * MAX_BYTES), compresslevel=1)
    llm.script("m", Raw(bomb, headers={"content-encoding": encoding}))
    with pytest.raises(MalformedAnswerError, match="no chat completion"):
        await asked(models, llm)
    assert llm.calls[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_redirect_takes_a_query_elsewhere(
    models: OpenAIModel, llm: LlmServer, other: LlmServer, status: int
) -> None:
    there = {"location": f"{other.openai_url}/chat/completions"}
    llm.script("m", Fails(status, "moved", headers=there))
    with pytest.raises(ModelRefusedError, match="sends its callers to another host or port"):
        await asked(models, llm)
    assert not other.calls
    here = {"location": "/v1/chat/completions"}
    llm.script("m", Fails(307, "moved", headers=here), GOOD)
    assert (await asked(models, llm)).answer == {"n": 1}


async def test_no_cookie_of_an_endpoint_is_kept(models: OpenAIModel, llm: LlmServer) -> None:
    llm.script("m", Raw(b"{}", headers={"set-cookie": "a=b; path=/"}), GOOD)
    with pytest.raises(MalformedAnswerError):
        await asked(models, llm)
    await asked(models, llm)
    assert "cookie" not in llm.calls[1].headers


@pytest.mark.parametrize("number", ["1" + "0" * 400, "1e400", "-1e400", "9" * 5_000, "NaN"])
async def test_a_number_that_no_contract_carries_is_no_answer(
    models: OpenAIModel, llm: LlmServer, number: str
) -> None:
    llm.script("m", Answer(f'{{"n": {number}}}'))
    with pytest.raises(MalformedAnswerError, match="is no JSON"):
        await asked(models, llm)


async def test_a_fence_that_stays_open_is_read_once(models: OpenAIModel, llm: LlmServer) -> None:
    llm.script("m", Answer(pieces=("```" + " " * 16_000 + '{"n": 1}',)))
    assert (await asked(models, llm)).answer == {"n": 1}


@pytest.mark.parametrize("said", [10**6, 10**30, 10**400])
async def test_an_endpoint_charges_no_more_tokens_than_it_can_have_read_and_written(
    models: OpenAIModel,
    llm: LlmServer,
    said: Any,  # noqa: ANN401
) -> None:
    llm.script("m", Answer('{"n": 1}', input_tokens=said, output_tokens=said))
    answer = await asked(models, llm)
    asked_for = len(llm.calls[0].raw)
    assert asked_for <= answer.input_tokens < asked_for + 2_000
    assert answer.output_tokens == 40 + 1_024
