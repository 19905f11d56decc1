"""Where a model listens and what opens it, fit to be shown."""

import os
from urllib.parse import urlsplit

from waypost_client import Model
from waypost_client.dispatch._failures import FailureKind, ModelError

MAX_URL = 2048
"""Characters; errors and reports name the address."""

NO_KEY = "none"
"""What is sent where no key is needed: the SDKs insist on one."""


def api_key(model: Model) -> str:
    """The key, read now, so that a new one counts from the next call on.

    Raises:
        ModelError: NOT_AUTHORISED: the variable that should hold it is not set.
    """
    if not model.api_key_env:
        return NO_KEY
    key = os.environ.get(model.api_key_env, "").strip()
    if not key:
        raise ModelError(
            FailureKind.NOT_AUTHORISED,
            f"its key is to be in {model.api_key_env}, which is unset",
        )
    return key


def check_address(base_url: str) -> None:
    """Raises a ModelError BAD_REQUEST unless it is empty or can be called."""
    try:
        parts = urlsplit(base_url)
        port_fits = parts.port is None or parts.port > 0
        callable_ = parts.scheme in ("http", "https") and bool(parts.hostname) and port_fits
    except ValueError:
        callable_ = False
    if base_url and not (callable_ and len(base_url) <= MAX_URL and base_url.isprintable()):
        raise ModelError(
            FailureKind.BAD_REQUEST,
            f"its base_url is no address that begins with http:// or https://, of at most "
            f"{MAX_URL} printable characters",
        )


def shown(base_url: str) -> str:
    """An address without the name, the password and the query it may carry."""
    parts = urlsplit(base_url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}".rstrip("/")


def is_host(base_url: str, host: str) -> bool:
    """Whether an address is on a host, or on one of its regions."""
    name = urlsplit(base_url).hostname or ""
    return name == host or name.endswith(f".{host}")
