"""Bearer tokens: how they are made, what is kept of them, and how one is found again."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

PREFIX = "waypost_"
"""So that people, and what looks for secrets in logs and repositories, know one by sight."""

SECRET_BYTES = 32

MOST_TOKENS = 1_000
"""Each call is compared with all of them: a fifth of a millisecond for so many."""

MAX_TOKEN_CHARACTERS = 512


class Role(StrEnum):
    """What a caller may do."""

    CALLER = "caller"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What is kept of a token.

    Attributes:
        name: whose it is, for logs; unique.
        role: what its holder may do.
        tenant: the only tenant that its holder may speak for; None for any.
        sha256: of the token itself.
        not_after: when it ends to hold; None for never.
        rate: queries a second that its holder may ask; None for what its tenant may.
    """

    name: str
    role: Role
    tenant: str | None = None
    sha256: bytes
    not_after: datetime | None = None
    rate: float | None = None

    def has_ended(self, now: datetime) -> bool:
        """Whether it holds no more."""
        return self.not_after is not None and self.not_after <= now


def new_secret() -> str:
    """A new token, as its holder sends it."""
    return PREFIX + secrets.token_hex(SECRET_BYTES)


def digest_of(secret: str) -> bytes:
    """What is kept of a token.

    One round of a fast hash is right here: a slow one makes it dear to try all likely passwords,
    and of 256 random bits none is likelier than another, at any speed.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()


class Tokens:
    """All that are known."""

    def __init__(self, tokens: Sequence[Token], *, former: Sequence[Token] = ()) -> None:
        """Keeps them, and `former` ones, which hold no more, for the log's sake."""
        self._tokens = tuple(tokens)
        self._former = tuple(former)

    def after(self, before: "Tokens") -> "Tokens":
        """These, with those of the ones before them that are gone as former ones."""
        held = {token.sha256 for token in self._tokens}
        gone = [each for each in (*before._former, *before._tokens) if each.sha256 not in held]
        return Tokens(self._tokens, former=gone[-MOST_TOKENS:])

    def find(self, secret: str, now: datetime) -> Token | None:
        """The token that somebody sent; None if it is unknown, or holds no more.

        The time that it takes does not tell how much of which token was right.
        """
        if len(secret) > MAX_TOKEN_CHARACTERS:
            return None
        wanted, found = digest_of(secret), None
        for token in self._tokens:
            if hmac.compare_digest(wanted, token.sha256):
                found = token
        if found is None or found.has_ended(now):
            return None
        return found

    def former(self, secret: str, now: datetime) -> str:
        """The name of the token that somebody sent, if it held once and does no more; or empty."""
        if len(secret) > MAX_TOKEN_CHARACTERS:
            return ""
        wanted = digest_of(secret)
        ended = [token for token in self._tokens if token.has_ended(now)]
        names = [
            token.name
            for token in (*self._former, *ended)
            if hmac.compare_digest(wanted, token.sha256)
        ]
        return names[-1] if names else ""

    def __len__(self) -> int:
        return len(self._tokens)
