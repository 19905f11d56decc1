"""Bounds on bytes: what passes is what came, in whole events."""

import itertools
from collections.abc import AsyncIterator, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost_client.dispatch._providers._bounds import (
    MAX_BYTES,
    MAX_LINES,
    MAX_OBJECTS,
    MAX_STREAM_BYTES,
    VALUES_EACH,
    OverlongReplyError,
    in_events,
    whole,
)

MIB = 1 << 20


async def sent(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def events_of(parts: Iterable[bytes]) -> list[bytes]:
    return [events async for events in in_events(sent(parts), MAX_OBJECTS)]


@given(
    st.lists(st.sampled_from([b"data: x", b"\n", b"\r", b"\r\n", b"\n\n"]), max_size=30),
    st.lists(st.integers(0, 200), max_size=10),
)
async def test_a_stream_passes_as_it_came_in_whole_events(
    lines: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join(lines)
    places = [0, *sorted(cut % (len(stream) + 1) for cut in cuts), len(stream)]
    found = await events_of(stream[at:to] for at, to in itertools.pairwise(places))
    assert b"".join(found) == stream
    for events in found[:-1]:
        assert events.endswith((b"\n\n", b"\r\r", b"\r\n\r\n"))


async def test_an_event_is_given_on_when_it_is_whole() -> None:
    parts = [b"data: a\n", b"\n", b"data: b\n\ndata: c\r\n\r", b"\ndata"]
    stream = in_events(sent(parts), MAX_OBJECTS)
    assert await anext(stream) == b"data: a\n\n"
    assert await anext(stream) == b"data: b\n\n"
    assert await anext(stream) == b"data: c\r\n\r\n"
    assert await anext(stream) == b"data"


async def bodies_of(parts: Iterable[bytes]) -> list[bytes]:
    return [body async for body in whole(sent(parts), MAX_OBJECTS)]


async def test_a_body_passes_up_to_its_bound() -> None:
    half = b" " * (MAX_BYTES // 2)
    assert await bodies_of([half, half]) == [half + half]
    with pytest.raises(OverlongReplyError, match="16,777,216 bytes"):
        await bodies_of([half, half, b" "])


async def test_a_stream_passes_up_to_its_bound() -> None:
    event = b":" + b" " * (MIB - 3) + b"\n\n"
    count = MAX_STREAM_BYTES // MIB
    stream = in_events(sent([*[event] * count, b"\n"]), MAX_OBJECTS)
    for _ in range(count):
        assert await anext(stream) == event
    with pytest.raises(OverlongReplyError, match="268,435,456 bytes"):
        await anext(stream)


@pytest.mark.parametrize("newline", [b"\n", b"\r", b"\r\n"])
async def test_an_event_has_so_many_lines(newline: bytes) -> None:
    lines = MAX_LINES // 2 - 2
    event = (b"data: x" + newline) * lines + newline
    assert await events_of([event * 1000]) == [event * 1000]
    with pytest.raises(OverlongReplyError, match="100 lines"):
        await events_of([event, (b"data: x" + newline) * MAX_LINES * 2 + newline])


@pytest.mark.parametrize(
    "document",
    [
        b"{" * (MAX_OBJECTS + 1),
        b"," * (VALUES_EACH * MAX_OBJECTS + 1),
        b'"' + b'"{' * (2 * MAX_OBJECTS + 2),
        b'"\\\\"' + b"{" * (MAX_OBJECTS + 1),
    ],
)
async def test_a_document_has_so_many_values(document: bytes) -> None:
    with pytest.raises(OverlongReplyError, match="objects"):
        await bodies_of([document])
    with pytest.raises(OverlongReplyError, match="objects"):
        await events_of([b"data: ", document, b"\n\n"])


@pytest.mark.parametrize(
    "document",
    [
        b'"' + b"{" * MIB + b'"',
        b'"' + b'\\"{' * MIB,
        b'["' + b"\\\\" * MIB + b'"]',
        b'"' + b"{" * MIB + b"\\",
        b'"' + b'\\"' * (4 * MIB),
    ],
    ids=range(5),
)
async def test_what_is_inside_a_string_counts_as_one_and_is_looked_at_once(document: bytes) -> None:
    assert await bodies_of([document]) == [document]
