import hashlib
import hmac
import random
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from waypost_server.core.tokens import Role, Token, Tokens, digest_of, new_secret

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def token(name: str, secret: str, not_after: datetime | None = None) -> Token:
    return Token(name=name, role=Role.CALLER, sha256=digest_of(secret), not_after=not_after)


def test_a_secret_is_256_random_bits_that_can_be_recognised() -> None:
    secrets = {new_secret() for _ in range(1_000)}
    assert len(secrets) == 1_000
    assert all(re.fullmatch("waypost_[0-9a-f]{64}", secret) for secret in secrets)
    drawn = [int(secret.removeprefix("waypost_"), 16) for secret in secrets]
    set_in = [sum(number >> bit & 1 for number in drawn) for bit in range(256)]
    # Fair bits are outside these bounds once in ten thousand million runs; fixed ones always.
    assert 375 < min(set_in) <= max(set_in) < 625


def test_nobody_finds_a_secret_by_seeding_a_generator() -> None:
    state = random.getstate()
    try:
        drawn = set()
        for _ in range(2):
            random.seed(1)
            drawn.add(new_secret())
    finally:
        random.setstate(state)
    assert len(drawn) == 2


def test_a_digest_is_the_tokens_sha256() -> None:
    assert digest_of("waypost_é").hex() == hashlib.sha256("waypost_é".encode()).hexdigest()
    digest_of("\udc80")  # bytes that are no text, as gRPC hands them on


def test_a_token_is_found_by_all_of_its_characters_alone() -> None:
    tokens = Tokens([token("a", "waypost_1"), token("b", "waypost_2")])
    assert getattr(tokens.find("waypost_2", NOON), "name", None) == "b"
    for other in ("", "waypost_", "waypost_3", "waypost_22", " waypost_2", "x" * 10_000):
        assert tokens.find(other, NOON) is None


class Uncompared(bytes):
    """A hash that may be compared in constant time alone."""

    __hash__ = bytes.__hash__

    def __eq__(self, other: object) -> bool:
        raise AssertionError("the time that this takes tells how much was right")


@pytest.mark.parametrize("number", [0, 7, 9, 10])
def test_all_hashes_are_compared_each_in_constant_time(
    monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    compared = []
    compare = hmac.compare_digest

    def counted(one: bytes, other: bytes) -> bool:
        compared.append(bytes(other))
        return compare(one, other)

    kept = [
        replace(one, sha256=Uncompared(one.sha256))
        for one in (token(str(n), f"waypost_{n}") for n in range(10))
    ]
    tokens = Tokens(kept)
    monkeypatch.setattr(hmac, "compare_digest", counted)
    found = tokens.find(f"waypost_{number}", NOON)
    assert (found is None) is (number == 10)
    assert compared == [bytes(one.sha256) for one in kept]


def test_a_token_holds_until_its_end() -> None:
    tokens = Tokens([token("a", "1", NOON), token("b", "2", NOON + timedelta(seconds=1))])
    assert tokens.find("1", NOON) is None
    assert tokens.find("2", NOON)
    assert tokens.find("1", NOON - timedelta(microseconds=1))


def test_what_was_revoked_or_has_ended_is_known_by_name_and_opens_nothing() -> None:
    first = Tokens([token("a", "1"), token("b", "2"), token("c", "3", NOON)])
    second = Tokens([token("b", "2"), token("a", "new"), token("c", "3", NOON)]).after(first)
    third = Tokens([token("b", "2")]).after(second)
    assert second.find("1", NOON) is None
    assert [second.former(secret, NOON) for secret in ("1", "2", "3", "new", "4", "")] == [
        *("a", "", "c", "", "", ""),
    ]
    assert second.former("3", NOON - timedelta(seconds=1)) == ""
    assert [third.former(secret, NOON) for secret in ("1", "3", "new")] == ["a", "c", "a"]
    assert len(third) == 1
    back = Tokens([token("a", "1")]).after(third)
    assert (back.former("1", NOON), back.former("2", NOON)) == ("", "b")
    assert back.former("x" * 10_000, NOON) == ""
