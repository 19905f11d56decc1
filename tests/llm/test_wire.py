"""What llama.cpp's server does with the official SDK: facts that a provider lives with."""

import itertools
import json
import math
from collections.abc import Iterable

import pytest
from openai import BadRequestError, InternalServerError, OpenAI
from openai.types.chat import ChatCompletion, ChatCompletionChunk, ChatCompletionMessageParam

from tests.llm.llama import CONTEXT_TOKENS, MODEL_ID, Llama

SYSTEM = (
    "You are the assistant of a software team. You know Python, Go and SQL. You answer with one "
    "short paragraph, in plain words, without a list and without an apology. If you do not know, "
    "you say so."
)
QUESTION = "What is a unit test?"
FACTS = {
    "type": "object",
    "properties": {
        "language": {"type": "string", "enum": ["python", "go"]},
        "lines": {"type": "integer"},
    },
    "required": ["language", "lines"],
    "additionalProperties": False,
}
TOO_LONG = "word " * (CONTEXT_TOKENS + 500)


def messages(question: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": question}]


def ask(openai: OpenAI, question: str = QUESTION) -> ChatCompletion:
    return openai.chat.completions.create(
        model=MODEL_ID, messages=messages(question), max_tokens=24, temperature=0, seed=7
    )


def text_of_repeated(openai: OpenAI) -> str:
    """The answer when the prompt is in the cache.

    The first answer may differ from the second in a word or two: tokens read one by one and tokens
    read together are not the same numbers to the last bit.
    """
    ask(openai)
    return ask(openai).choices[0].message.content or ""


def text_of(chunks: Iterable[ChatCompletionChunk]) -> str:
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks)


def test_the_same_call_has_the_same_answer(openai: OpenAI) -> None:
    text = text_of_repeated(openai)
    assert "test" in text
    assert ask(openai).choices[0].message.content == text


def test_it_counts_tokens(openai: OpenAI) -> None:
    answer = ask(openai)
    assert answer.usage is not None
    assert answer.usage.completion_tokens == 24
    assert answer.choices[0].finish_reason == "length"
    # The system prompt alone is about forty words.
    assert 40 < answer.usage.prompt_tokens < 100
    assert answer.usage.total_tokens == 24 + answer.usage.prompt_tokens


def test_the_pieces_of_a_stream_are_the_answer(openai: OpenAI) -> None:
    whole = text_of_repeated(openai)
    with openai.chat.completions.create(
        model=MODEL_ID,
        messages=messages(QUESTION),
        max_tokens=24,
        temperature=0,
        seed=7,
        stream=True,
        stream_options={"include_usage": True},
    ) as stream:
        chunks = list(stream)
    assert text_of(chunks) == whole
    assert len(chunks) > 10
    assert [chunk.choices[0].finish_reason for chunk in chunks[-2:]] == [None, "length"]
    # It does not know stream_options.
    assert all(chunk.usage is None for chunk in chunks)


def test_its_grammar_holds_it_to_a_json_schema(openai: OpenAI) -> None:
    answer = openai.chat.completions.create(
        model=MODEL_ID,
        messages=messages("Describe a program of twelve lines in Go."),
        max_tokens=60,
        temperature=0,
        extra_body={"response_format": {"type": "json_object", "schema": FACTS}},
    )
    facts = json.loads(answer.choices[0].message.content or "")
    assert facts.keys() == {"language", "lines"}
    assert facts["language"] in {"python", "go"}
    assert isinstance(facts["lines"], int)


def test_openai_s_own_form_of_a_json_schema_is_refused_as_its_own_error(openai: OpenAI) -> None:
    # So this server's entry in a fleet does not have the feature "json_schema".
    with pytest.raises(InternalServerError, match="Input should be 'text' or 'json_object'"):
        openai.chat.completions.create(
            model=MODEL_ID,
            messages=messages(QUESTION),
            response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": FACTS}},
        )


def test_a_tool_that_must_be_called_is_called_with_what_its_schema_allows(openai: OpenAI) -> None:
    answer = openai.chat.completions.create(
        model=MODEL_ID,
        messages=messages("Describe a program of twelve lines in Go."),
        max_tokens=60,
        temperature=0,
        tools=[{"type": "function", "function": {"name": "describe", "parameters": FACTS}}],
        tool_choice={"type": "function", "function": {"name": "describe"}},
    )
    assert answer.choices[0].finish_reason == "tool_calls"
    assert answer.choices[0].message.content is None
    calls = answer.choices[0].message.tool_calls
    assert calls is not None
    assert calls[0].type == "function"
    assert calls[0].function.name == "describe"
    assert json.loads(calls[0].function.arguments).keys() == {"language", "lines"}


def test_it_says_how_sure_it_is_of_its_tokens(openai: OpenAI) -> None:
    answer = openai.chat.completions.create(
        model=MODEL_ID,
        messages=messages(QUESTION),
        max_tokens=8,
        temperature=0,
        logprobs=True,
        top_logprobs=2,
    )
    assert answer.choices[0].logprobs is not None
    tokens = answer.choices[0].logprobs.content
    assert tokens is not None
    assert "".join(token.token for token in tokens) == answer.choices[0].message.content
    for token in tokens:
        best, second = (math.exp(top.logprob) for top in token.top_logprobs)
        assert 0 < second <= best <= 1
        # Greedy: it takes the best.
        assert math.exp(token.logprob) == pytest.approx(best)


def test_a_prompt_that_begins_alike_is_not_read_again(openai: OpenAI, llama: Llama) -> None:
    ask(openai, "What is a deadlock?")
    before = len(llama.prefix_hits())
    ask(openai, "What is a race?")
    (kept, anew) = llama.prefix_hits()[before]
    # The system prompt is kept; the question and the words around it are read.
    assert kept > 40
    assert anew < 15


def test_a_prompt_that_is_too_long_is_an_error_with_a_code(openai: OpenAI) -> None:
    with pytest.raises(BadRequestError) as raised:
        ask(openai, TOO_LONG)
    assert raised.value.status_code == 400
    assert isinstance(raised.value.body, dict)
    said = raised.value.body.pop("message")
    assert raised.value.body == {
        "type": "invalid_request_error",
        "param": "messages",
        "code": "context_length_exceeded",
    }
    assert said.startswith(f"This model's maximum context length is {CONTEXT_TOKENS} tokens.")


def test_a_stream_of_a_prompt_that_is_too_long_just_ends(openai: OpenAI) -> None:
    # 200, no event, no [DONE]: a stream without a finish_reason has failed.
    with openai.chat.completions.create(
        model=MODEL_ID, messages=messages(TOO_LONG), stream=True
    ) as stream:
        assert list(stream) == []


def test_a_stream_that_is_left_ends_the_work(openai: OpenAI, llama: Llama) -> None:
    before = llama.streams_left()
    with openai.chat.completions.create(
        model=MODEL_ID, messages=messages("Count to a thousand."), max_tokens=1500, stream=True
    ) as stream:
        assert text_of(itertools.islice(stream, 5))
    # It does one thing at a time, so this waits for the end of what was left.
    ask(openai)
    assert llama.streams_left() == before + 1
