"""Kinds of values that several settings have."""

import re
from typing import Annotated

from pydantic import AfterValidator, JsonValue

RELOADED: dict[str, JsonValue] = {"reloaded": True}
"""For `json_schema_extra` of a setting that a running server takes up on SIGHUP."""


def _address(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not re.fullmatch(r"\[[0-9a-fA-F:]+\]|[^\s:]+", host):
        raise ValueError("write HOST:PORT, an IPv6 address in brackets")
    if not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65_535:
        raise ValueError("the port must be a number from 0 to 65535")
    return value


Address = Annotated[str, AfterValidator(_address)]
"""HOST:PORT."""

OptionalAddress = Annotated[str, AfterValidator(lambda value: value and _address(value))]
"""HOST:PORT, or nothing."""


def _place(value: str) -> str:
    if value and not re.fullmatch(r"[A-Za-z][A-Za-z0-9+.:-]*://\S.*", value):
        raise ValueError(
            "it is no URL: write file:///FOLDER, s3://BUCKET/PREFIX or another URL of fsspec"
        )
    return value


OptionalPlace = Annotated[str, AfterValidator(_place)]
"""SCHEME://WHERE, or nothing."""


def names_in(listed: str) -> frozenset[str]:
    """The names in a list separated by commas."""
    names = (name.strip() for name in listed.split(","))
    return frozenset(name for name in names if name)
