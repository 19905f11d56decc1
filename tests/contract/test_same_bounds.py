"""Client and server share no code, yet both bound a model's body: the same ones pass them."""

from collections.abc import AsyncGenerator, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypost_client.dispatch._providers import _bounds
from waypost_server.adapters import bounded_http

Read = Callable[[AsyncGenerator[bytes, None]], AsyncGenerator[bytes, None]]

PIECES = [
    b"{",
    b"[",
    b",",
    b'"',
    b'""',
    b'{"',
    b'\\"',
    b"\\\\",
    b"\\",
    b"x",
    b" ",
    b"\n",
    b"\xff",
    b"}",
]
MANY = bounded_http.MAX_VALUES
COUNTS = st.sampled_from([1, 2, 499, 500, 501, MANY // 2, MANY - 1, MANY, MANY + 1])


async def sent(body: bytes) -> AsyncGenerator[bytes, None]:
    for at in range(0, len(body), 65_536):
        yield body[at : at + 65_536]


async def passed(read: Read, body: bytes) -> bytes | None:
    """What an SDK would see; None for a body that is refused."""
    try:
        return b"".join([part async for part in read(sent(body))])
    except (_bounds.OverlongReplyError, bounded_http.UnfitReplyError):
        return None


def by_client(parts: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    return _bounds.whole(parts, bounded_http.MAX_OBJECTS)


async def look_at(body: bytes) -> bytes | None:
    """What both let pass, by the same way."""
    seen = await passed(by_client, body)
    assert seen == await passed(bounded_http._whole, body)
    held = bytearray(body)
    short = _bounds._is_short(held, bounded_http.MAX_OBJECTS)
    assert short == bounded_http._is_short(held)
    assert seen is not None or not short
    return seen


@given(st.lists(st.tuples(st.sampled_from(PIECES), COUNTS), max_size=5))
async def test_the_same_bodies_pass(runs: list[tuple[bytes, int]]) -> None:
    await look_at(b"".join(piece * count for piece, count in runs))


@pytest.mark.parametrize(
    ("body", "passes"),
    [
        (b"{" * 500, True),
        (b"{" * 501, False),
        (b"," * MANY, True),
        (b"," * (MANY + 1), False),
        (b'"' + b"{," * MANY + b'"', True),
        (b'"' + b'\\"' * MANY, True),
        (b'"" {' * 501, False),
    ],
    ids=range(7),
)
async def test_each_bound_is_where_both_say(body: bytes, passes: bool) -> None:
    assert await look_at(body) == (body if passes else None)
