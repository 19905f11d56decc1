"""What a specialist is given."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from waypost_client.dispatch._messages import Message, Prompt, Role
from waypost_client.dispatch._prompt import prompt_for

SHA = "0123456789abcdef" * 4
VALUES = st.none() | st.booleans() | st.integers() | st.text()


def made(**params: str | int) -> Prompt:
    return prompt_for(
        static="You answer about parcels.",
        prompt_sha256=SHA,
        params=params,
        dialogue=[Message(Role.USER, "Hi"), Message(Role.ASSISTANT, "Hello")],
        query="Where is it?",
    )


def test_the_parts_come_in_order() -> None:
    assert made(parcel=4711, city="Köln") == Prompt(
        static="You answer about parcels.",
        params='Parameters of the request:\n{"city": "Köln", "parcel": 4711}',
        messages=(
            Message(Role.USER, "Hi"),
            Message(Role.ASSISTANT, "Hello"),
            Message(Role.USER, "Where is it?"),
        ),
        cache_key="waypost-0123456789abcdef0123456789abcdef",
    )


def test_without_parameters_nothing_is_said_of_them() -> None:
    assert made().params == ""


@given(st.dictionaries(st.text(), VALUES), st.text())
def test_static_part_and_key_do_not_depend_on_the_query(params: dict[str, Any], query: str) -> None:
    prompt = prompt_for(
        static="You answer about parcels.",
        prompt_sha256=SHA,
        params=params,
        dialogue=(),
        query=query,
    )
    assert (prompt.static, prompt.cache_key) == (made().static, made().cache_key)
    written = prompt.params.removeprefix("Parameters of the request:\n")
    assert json.loads(written or "{}") == params


@given(st.dictionaries(st.text(), VALUES))
def test_the_order_of_the_parameters_does_not_matter(params: dict[str, Any]) -> None:
    backwards = dict(reversed(params.items()))
    assert made(query="").messages[:2] == made().messages[:2]
    forth = prompt_for(static="", prompt_sha256=SHA, params=params, dialogue=(), query="q")
    back = prompt_for(static="", prompt_sha256=SHA, params=backwards, dialogue=(), query="q")
    assert forth == back
