"""How a client makes sure whom it talks to, and shows who it is."""

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """TLS, with PEM files that are read when a client is made.

    Attributes:
        ca: roots that the server's certificate must lead to; None for those that gRPC brings.
        cert: the client's own certificate, for servers that ask for one; with `key`.
        key: its private key.
        server_name: the name in the server's certificate, where the address has another one.
    """

    ca: Path | str | None = None
    cert: Path | str | None = None
    key: Path | str | None = None
    server_name: str = ""


def credentials_of(tls: Tls) -> grpc.ChannelCredentials:
    """What a channel takes.

    Raises:
        OSError: a file cannot be read.
        ValueError: there is a certificate without its key, or the other way round.
    """
    if (tls.cert is None) != (tls.key is None):
        raise ValueError("a client's certificate and its key go together")
    return grpc.ssl_channel_credentials(_read(tls.ca), _read(tls.key), _read(tls.cert))


def tls_options(tls: Tls | None) -> list[tuple[str, Any]]:
    """What a channel must be told beside its credentials."""
    if tls is None or not tls.server_name:
        return []
    return [("grpc.ssl_target_name_override", tls.server_name)]


def check_token(address: str, token: str, *, tls: Tls | None, insecure: bool) -> None:
    """Raises ValueError when a token is malformed, or would travel where others can read it."""
    if not token:
        return
    if not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError("the token has characters that no token has")
    if tls is None and not insecure and not _is_here(address):
        raise ValueError(
            f"a token would travel to {address} in the clear: give tls, or insecure=True where "
            "something else protects it"
        )


class TokenChannel:
    """A channel, as stubs need one, whose calls all carry a token.

    One for synchronous channels and those of asyncio, for which gRPC's interceptors are two.
    """

    def __init__(self, channel: Any, token: str) -> None:  # noqa: ANN401  (of either kind)
        """Sends `token` with every call of a stub that is made on it."""
        self._channel = channel
        self._metadata = (("authorization", f"Bearer {token}"),)

    def unary_unary(self, method: str, **codecs: Any) -> "TokenCall":  # noqa: ANN401
        """A call, as gRPC's own channels make it."""
        return TokenCall(self._channel.unary_unary(method, **codecs), self._metadata)

    def unary_stream(self, method: str, **codecs: Any) -> "TokenCall":  # noqa: ANN401
        """As `unary_unary`."""
        return TokenCall(self._channel.unary_stream(method, **codecs), self._metadata)

    def stream_unary(self, method: str, **codecs: Any) -> "TokenCall":  # noqa: ANN401
        """As `unary_unary`."""
        return TokenCall(self._channel.stream_unary(method, **codecs), self._metadata)

    def stream_stream(self, method: str, **codecs: Any) -> "TokenCall":  # noqa: ANN401
        """As `unary_unary`."""
        return TokenCall(self._channel.stream_stream(method, **codecs), self._metadata)


class TokenCall:
    """One call of a stub, with the token before all other metadata; types are those of the call."""

    def __init__(self, call: Callable[..., Any], metadata: Sequence[tuple[str, str]]) -> None:
        self._call = call
        self._metadata = metadata

    def __call__(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401
        """As gRPC's own."""
        return self._call(*arguments, **self._with_token(options))

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        """`future` and `with_call`, which calls of the synchronous kind have."""
        other = getattr(self._call, name)
        return lambda *arguments, **options: other(*arguments, **self._with_token(options))

    def _with_token(self, options: dict[str, Any]) -> dict[str, Any]:
        return options | {"metadata": (*self._metadata, *(options.get("metadata") or ()))}


def _read(path: Path | str | None) -> bytes | None:
    return None if path is None else Path(path).read_bytes()


def _is_here(address: str) -> bool:
    """Whether an address is this machine's own; of names only `localhost` is, as RFC 6761 says."""
    if address.startswith(("unix:", "unix-abstract:")):
        return True
    host = address.rpartition(":")[0].strip("[]").lower()
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
