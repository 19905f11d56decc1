"""The file of tokens: TOML, written by `waypost token`, with a table for each."""

import fcntl
import json
import os
import re
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from waypost_server.adapters.files import replace_durably
from waypost_server.core.errors import SettingsError
from waypost_server.core.tokens import MOST_TOKENS, Role, Token, Tokens

MODE = 0o600
"""Of a new file. It holds no token, only hashes; but nobody else has any business with it."""

HEADER = "# Waypost's tokens, as hashes; `waypost token` adds and revokes them.\n"

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"


class _Entry(BaseModel):
    """A table of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    name: Annotated[str, Field(pattern=rf"^{NAME}$")]
    role: Role
    tenant: Annotated[str, Field(min_length=1, max_length=128)] | None = None
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    not_after: AwareDatetime | None = None
    rate: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None


def read_token_file(path: Path) -> bytes:
    """The file; raises SettingsError."""
    try:
        return path.read_bytes()
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise SettingsError(f"WAYPOST_TOKENS is '{path}': {reason}") from None


def tokens_in(content: bytes, path: Path) -> Tokens:
    """What a file says; raises SettingsError, naming the entry and never a hash."""
    return Tokens(token_list(content, path))


def token_list(content: bytes, path: Path) -> list[Token]:
    """The tokens of a file, in its order; raises SettingsError as `tokens_in`."""
    try:
        said = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as error:  # the last where brackets nest by the thousand
        raise _wrong(path, f"it is no TOML: {error}") from None
    entries = said.pop("token", [])
    if said or not isinstance(entries, list):
        raise _wrong(path, "write a table [[token]] for each token, and nothing else")
    if len(entries) > MOST_TOKENS:
        raise _wrong(path, f"it has {len(entries):,} tokens; the limit is {MOST_TOKENS:,}")
    found = [_token(entry, number, path) for number, entry in enumerate(entries, 1)]
    names = [token.name for token in found]
    if twice := next((name for i, name in enumerate(names) if name in names[:i]), None):
        raise _wrong(path, f"two tokens are called {twice!r}; revoke one")
    return found


@contextmanager
def changing(path: Path) -> Iterator[list[Token]]:
    """The tokens of a file, to be changed; written back at the end, by one writer at a time.

    Raises:
        SettingsError: the file, or its folder, cannot be read or written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as error:
        raise _wrong(path, os.strerror(error.errno or 0)) from None
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        before = read_token_file(path) if path.exists() else b""
        tokens = token_list(before, path)
        yield tokens
        after = _written(tokens).encode()
        token_list(after, path)
        try:
            mode = path.stat().st_mode & 0o777 if path.exists() else MODE
            replace_durably(path, after)
            path.chmod(mode)
        except OSError as error:
            raise _wrong(path, os.strerror(error.errno or 0)) from None
    finally:
        os.close(folder)


def _token(entry: object, number: int, path: Path) -> Token:
    try:
        read = _Entry.model_validate(entry)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = f"token {number}, {first['loc'][0] if first['loc'] else 'its table'}"
        raise _wrong(path, f"{where}: {first['msg']}") from None
    if read.role is Role.ADMIN and read.tenant:
        raise _wrong(path, f"token {number}, tenant: an admin speaks for no tenant; leave it out")
    return Token(
        name=read.name,
        role=read.role,
        tenant=read.tenant,
        sha256=bytes.fromhex(read.sha256),
        not_after=read.not_after,
        rate=read.rate,
    )


def _written(tokens: Sequence[Token]) -> str:
    return "\n".join([HEADER, *map(_table, tokens)])


def _table(token: Token) -> str:
    lines = ["[[token]]", f'name = "{token.name}"', f'role = "{token.role}"']
    if token.tenant is not None:
        # JSON's escapes are TOML's, but for pairs of surrogates and the DEL character.
        quoted = json.dumps(token.tenant, ensure_ascii=False).replace("\x7f", "\\u007f")
        lines.append(f"tenant = {quoted}")
    lines.append(f'sha256 = "{token.sha256.hex()}"')
    if token.not_after is not None:
        lines.append(f"not_after = {token.not_after.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
    if token.rate is not None:
        lines.append(f"rate = {token.rate!r}")
    return "\n".join(lines) + "\n"


def is_name(text: str) -> bool:
    """Whether a token may be called so."""
    return re.fullmatch(NAME, text) is not None


def _wrong(path: Path, what: str) -> SettingsError:
    return SettingsError(f"{path}: {what}")
