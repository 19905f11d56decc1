import hashlib
import re
from datetime import UTC, datetime, timedelta

from waypost_server.core.tokens import Role, Token, Tokens, digest_of, new_secret

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


def token(name: str, secret: str, not_after: datetime | None = None) -> Token:
    return Token(name=name, role=Role.CALLER, sha256=digest_of(secret), not_after=not_after)


def test_a_secret_is_256_random_bits_that_can_be_recognised() -> None:
    secrets = {new_secret() for _ in range(1_000)}
    assert len(secrets) == 1_000
    assert all(re.fullmatch("waypost_[0-9a-f]{64}", secret) for secret in secrets)


def test_a_digest_is_the_tokens_sha256() -> None:
    assert digest_of("waypost_é").hex() == hashlib.sha256("waypost_é".encode()).hexdigest()
    digest_of("\udc80")  # bytes that are no text, as gRPC hands them on


def test_a_token_is_found_by_all_of_its_characters_alone() -> None:
    tokens = Tokens([token("a", "waypost_1"), token("b", "waypost_2")])
    assert getattr(tokens.find("waypost_2", NOON), "name", None) == "b"
    for other in ("", "waypost_", "waypost_3", "waypost_22", " waypost_2", "x" * 10_000):
        assert tokens.find(other, NOON) is None


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
