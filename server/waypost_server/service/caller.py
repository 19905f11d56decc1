"""Who calls, as the interceptor found out and whoever handles the call may ask."""

from contextvars import ContextVar
from dataclasses import dataclass

from waypost_server.core.tokens import Role as Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who calls.

    Attributes:
        name: the token's name; empty for somebody without one.
        role: what the caller may do.
        tenant: the only tenant that it may speak for; None for any.
        rate: queries a second that it may ask; None for what its tenant may.
    """

    name: str = ""
    role: Role = Role.ADMIN
    tenant: str | None = None
    rate: float | None = None


ANYBODY = Caller()
"""Everybody, where no tokens are asked for."""

_current: ContextVar[Caller] = ContextVar("caller", default=ANYBODY)


def current_caller() -> Caller:
    """Who makes the call that this task handles."""
    return _current.get()


def set_caller(caller: Caller) -> None:
    """Says so, for the rest of this task."""
    _current.set(caller)
