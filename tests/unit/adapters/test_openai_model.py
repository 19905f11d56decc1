"""Asking models with the real SDK, at a server of the tests."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.llm_server import (
    Answer,
    Behaviour,
    ContentFilter,
    ContextOverflow,
    CutInTheMiddle,
    Fails,
    Hangs,
    LlmServer,
    MalformedJson,
    RateLimited,
    Raw,
    refused_url,
)
from waypost_server.adapters.openai_model import OpenAIModel
from waypost_server.core.catalog import Model
from waypost_server.core.errors import (
    MalformedAnswerError,
    ModelError,
    ModelRefusedError,
    ModelTimeoutError,
    ModelUnreachableError,
)
from waypost_server.core.language_model import Prompt

SECRET = "wherefore did Eleanor resign"  # noqa: S105  (a query, which must not be repeated)
PROMPT = Prompt(system="Sort it.", user=json.dumps({"query": SECRET}))
SCHEMA = {
    "type": "object",
    "properties": {"route": {"type": "string", "enum": ["a", "b", "none"]}},
    "required": ["route"],
    "additionalProperties": False,
}
GOOD = Answer('{"route": "b"}')


@pytest.fixture
async def models() -> AsyncIterator[OpenAIModel]:
    keys = {"KEY": "sk-secret"}
    asking = OpenAIModel(lambda variable: keys.get(variable, ""))
    yield asking
    await asking.close()


def at(llm: LlmServer, *features: str, key: str = "") -> Model:
    return Model(
        name="small",
        provider="openai",
        model_id="m",
        base_url=llm.openai_url,
        api_key_env=key,
        features=features,
    )


async def ask(models: OpenAIModel, model: Model, *, seconds: float = 10.0) -> Any:  # noqa: ANN401
    said = await models.ask(model, PROMPT, SCHEMA, max_tokens=40, timeout_seconds=seconds)
    return said.answer


async def test_a_model_with_json_schema_is_held_to_it(models: OpenAIModel, llm: LlmServer) -> None:
    llm.always("m", GOOD)
    assert await ask(models, at(llm, "json_schema", "tools")) == {"route": "b"}
    (call,) = llm.calls
    assert call.body == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Sort it."},
            {"role": "user", "content": PROMPT.user},
        ],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": SCHEMA, "strict": True},
        },
        "temperature": 0,
        "max_tokens": 40,
    }
    assert call.headers["authorization"] == "Bearer none"


async def test_a_model_with_tools_alone_must_call_one(models: OpenAIModel, llm: LlmServer) -> None:
    llm.always("m", Answer("", finish="tool_calls", tool=("answer", {"route": "a"})))
    assert await ask(models, at(llm, "tools")) == {"route": "a"}
    body = llm.calls[0].body
    assert body["tools"][0]["function"]["parameters"] == SCHEMA
    assert body["tool_choice"] == {"type": "function", "function": {"name": "answer"}}
    assert "response_format" not in body


@pytest.mark.parametrize(
    "said",
    [
        '{"route": "b"}',
        '```json\n{"route": "b"}\n```',
        'It is {"route": "b"}. I am sure.',
        '\n\n {"route":\n"b"}',
    ],
)
async def test_any_other_model_is_asked_in_words_and_read_with_patience(
    models: OpenAIModel, llm: LlmServer, said: str
) -> None:
    llm.always("m", Answer(said))
    assert await ask(models, at(llm)) == {"route": "b"}
    system = llm.calls[0].body["messages"][0]["content"]
    assert system.startswith("Sort it.\n")
    assert json.loads(system.splitlines()[-1]) == SCHEMA


@pytest.mark.parametrize(
    "said",
    [
        '{"route": "admin"}',
        '{"route": "b", "why": "x"}',
        '{"route": null}',
        "{}",
        "[]",
        "b",
        "",
        '{"route": "b"',
        '{"route": NaN}',
        "[" * 100_000,
    ],
)
async def test_what_does_not_fit_is_no_answer(
    models: OpenAIModel, llm: LlmServer, said: str
) -> None:
    llm.always("m", Answer(said))
    with pytest.raises(MalformedAnswerError):
        await ask(models, at(llm, "json_schema"))


FAILURES: Mapping[str, tuple[Behaviour, type[ModelError], str]] = {
    "a failure": (Fails(500), ModelUnreachableError, "HTTP 500 from "),
    "no such model": (Fails(404), ModelRefusedError, "HTTP 404 from "),
    "a wrong key": (Fails(401, message=SECRET), ModelRefusedError, "HTTP 401 from "),
    "too many": (RateLimited(30), ModelRefusedError, "HTTP 429 from "),
    "too long": (ContextOverflow(), ModelRefusedError, "HTTP 400 from "),
    "cut": (CutInTheMiddle(), ModelUnreachableError, "nobody answers at "),
    "no JSON": (MalformedJson(), MalformedAnswerError, "no chat completion"),
    "no completion": (Raw(b'{"choices": []}'), MalformedAnswerError, "no chat completion"),
    "of other types": (Raw(b'{"choices": 7}'), MalformedAnswerError, "no chat completion"),
    "a page": (
        Raw(b"<html>hello</html>", content_type="text/html"),
        MalformedAnswerError,
        "no chat completion",
    ),
    "filtered": (ContentFilter(), MalformedAnswerError, "is no JSON"),
}


@pytest.mark.parametrize("name", FAILURES)
async def test_each_failure_has_its_error_and_nobody_is_asked_twice(
    models: OpenAIModel, llm: LlmServer, name: str
) -> None:
    behaviour, kind, words = FAILURES[name]
    llm.always("m", behaviour)
    with pytest.raises(kind) as raised:
        await ask(models, at(llm, "json_schema", key="KEY"))
    assert words in str(raised.value)
    assert raised.value.__cause__ is None
    for secret in (*SECRET.split()[:2], "sk-secret"):
        assert secret not in str(raised.value)
    assert len(llm.calls) == 1


async def test_who_is_too_slow_is_left(models: OpenAIModel, llm: LlmServer) -> None:
    await models.load()
    llm.always("m", Hangs())
    with pytest.raises(ModelTimeoutError, match=r"no answer from http://127\.0\.0\.1:.* in 0\.1 s"):
        await ask(models, at(llm), seconds=0.1)
    await llm.until(lambda: llm.calls[0].hung_up)


async def test_an_address_where_nobody_listens_and_its_password_is_not_shown(
    models: OpenAIModel, llm: LlmServer
) -> None:
    with refused_url() as url:
        model = replace(at(llm), base_url=url.replace("//", "//me:pa55@"))
        with pytest.raises(ModelUnreachableError) as raised:
            await ask(models, model)
    assert str(raised.value) == f"nobody answers at {url}, or not to the end"


async def test_a_caller_who_goes_away_ends_the_call(models: OpenAIModel, llm: LlmServer) -> None:
    llm.always("m", Hangs())
    asking = asyncio.create_task(ask(models, at(llm)))
    await llm.until(lambda: bool(llm.calls))
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await llm.until(lambda: llm.calls[0].hung_up)


async def test_the_key_is_read_when_it_is_needed_and_nothing_else_of_the_environment_is_sent(
    llm: LlmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_ORG_ID", "org-of-somebody")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "project-of-somebody")
    keys = {"KEY": "one"}
    models = OpenAIModel(lambda variable: keys.get(variable, ""))
    llm.always("m", GOOD)
    await ask(models, at(llm, key="KEY"))
    keys["KEY"] = "two"
    await ask(models, at(llm, key="KEY"))
    assert [call.headers["authorization"] for call in llm.calls] == ["Bearer one", "Bearer two"]
    assert "somebody" not in str([call.headers for call in llm.calls])
    with pytest.raises(ModelRefusedError, match="its key is to be in OTHER, which is unset"):
        await ask(models, at(llm, key="OTHER"))
    await models.close()


async def test_without_the_sdk_it_says_what_to_install(llm: LlmServer) -> None:
    models = OpenAIModel(lambda variable: "", sdk="no_such_sdk")
    assert not models.is_installed
    with pytest.raises(ModelRefusedError, match=r"pip install 'waypost\[consult\]'"):
        await ask(models, at(llm))
    await models.close()
    assert llm.calls == []


async def test_nothing_that_is_asked_is_logged_at_any_level(
    models: OpenAIModel, llm: LlmServer, caplog: pytest.LogCaptureFixture
) -> None:
    llm.always("m", GOOD)
    with caplog.at_level(logging.DEBUG):
        await ask(models, at(llm, key="KEY"))
        llm.script("m", Fails(500))
        with pytest.raises(ModelError):
            await ask(models, at(llm, key="KEY"))
    for secret in ("Eleanor", "sk-secret"):
        assert secret not in caplog.text


def test_a_model_that_thinks_gets_room_for_it_and_no_temperature() -> None:
    from waypost_server.adapters.openai_request import request_of

    model = Model(name="o", provider="openai", model_id="o", features=("json_schema", "reasoning"))
    body = request_of(model, PROMPT, SCHEMA, max_tokens=40)
    assert "temperature" not in body
    assert body["max_completion_tokens"] == 1064  # OpenAI's own address: its own word


@pytest.mark.parametrize(
    ("said", "tokens"),
    [
        (replace(GOOD, input_tokens=7, output_tokens=5), (7, 5)),
        (replace(GOOD, reports_usage=False), (0, 0)),
        (replace(GOOD, input_tokens=-7, output_tokens=5), (0, 5)),
    ],
)
async def test_the_tokens_that_an_endpoint_reports_come_with_its_answer(
    models: OpenAIModel, llm: LlmServer, said: Answer, tokens: tuple[int, int]
) -> None:
    llm.always("m", said)
    found = await models.ask(
        at(llm, "json_schema"), PROMPT, SCHEMA, max_tokens=40, timeout_seconds=10.0
    )
    assert (found.answer, found.input_tokens, found.output_tokens) == ({"route": "b"}, *tokens)
