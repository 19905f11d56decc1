"""Every setting of the server; the only module that reads the environment."""

import difflib
import os
import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, NonNegativeInt, PositiveInt, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from waypost_server.core.errors import SettingsError

PREFIX = "WAYPOST_"

KUBERNETES = re.compile(r"WAYPOST_(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT(_.*)?)")
"""Variables that Kubernetes sets in every pod beside a Service called waypost; no settings."""

NOT_DERIVED = "default_factory_not_called"


def _address(value: str) -> str:
    host, _, port = value.rpartition(":")
    if not re.fullmatch(r"\[[0-9a-fA-F:]+\]|[^\s:]+", host):
        raise ValueError("write HOST:PORT, an IPv6 address in brackets")
    if not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > 65_535:
        raise ValueError("the port must be a number from 0 to 65535")
    return value


class Settings(BaseSettings):
    """Read from `WAYPOST_*`; what a command line says comes first."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    address: Annotated[str, AfterValidator(_address)] = Field(
        "127.0.0.1:50051", description="Where to listen, `HOST:PORT`; port 0 picks a free one."
    )
    index: Path = Field(Path("index"), description="Folder of the built bundles.")
    routes: Path = Field(Path("routes"), description="Folder of the routes, read by `build`.")
    encoder: Path = Field(Path("models/all-MiniLM-L6-v2"), description="Folder of the encoder.")
    two_stage: bool = Field(
        True,
        description="Whether a static encoder decides what it is sure of, before the transformer.",
    )
    static_encoder: Path = Field(
        Path("models/all-MiniLM-L6-v2-static"), description="Folder of that static encoder."
    )
    cache_entries: NonNegativeInt = Field(
        10_000,
        description=(
            "Encodings of queries to keep in each process, 3 kB each, without the queries; "
            "0 for none."
        ),
    )
    uncached_tenants: str = Field(
        "", description="Tenants whose queries leave no encoding behind, separated by commas."
    )
    processes: Annotated[int, Field(ge=1, le=256)] = Field(
        1,
        description=(
            "Server processes that share the port, each with an encoder, cache and queue of its "
            "own; callers need several connections each to use them."
        ),
    )
    workers: PositiveInt = Field(
        default_factory=lambda known: max(
            1, len(os.sched_getaffinity(0)) // known.get("processes", 1) - 1
        ),
        description="Threads that encode in each process; best is one a core, less one for calls.",
    )
    queue_capacity: PositiveInt = Field(
        1024,
        description="Queries that may wait or run at a time in each process; more are refused.",
    )
    max_message_bytes: Annotated[int, Field(ge=1024, le=2**30)] = Field(
        16 * 2**20, description="Largest request, in bytes; 256 of the longest queries must fit."
    )
    watch: bool = Field(
        False,
        description="Whether each process takes up a new bundle while it serves, once it is live.",
    )
    drain_seconds: Annotated[float, Field(ge=0, le=3600)] = Field(
        10.0, description="How long a stopping server waits for calls in flight."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="What is logged on stderr."
    )

    @property
    def tenants_without_cache(self) -> frozenset[str]:
        """The names in `uncached_tenants`."""
        names = (name.strip() for name in self.uncached_tenants.split(","))
        return frozenset(name for name in names if name)

    @classmethod
    def load(cls, **overrides: Any) -> "Settings":  # noqa: ANN401  (validated below)
        """The settings, `overrides` that are not None before the environment's.

        Raises:
            SettingsError: a value is wrong or a `WAYPOST_*` variable is unknown; names it.
        """
        _refuse_unknown(cls)
        try:
            return cls(**{name: value for name, value in overrides.items() if value is not None})
        except ValidationError as error:
            # A default that follows from a wrong value is not wrong itself.
            wrong = [each for each in error.errors() if each["type"] != NOT_DERIVED]
            raise SettingsError("\n".join(map(_explain, wrong))) from None


def _refuse_unknown(settings: type[Settings]) -> None:
    known = [name.upper() for name in settings.model_fields]
    for variable in sorted(os.environ):
        name = variable.upper().removeprefix(PREFIX)
        if KUBERNETES.fullmatch(variable):
            continue
        if variable.upper().startswith(PREFIX) and name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            all_known = ", ".join(f"{PREFIX}{other}" for other in known)
            hint = f"did you mean {PREFIX}{close[0]}?" if close else f"the settings are {all_known}"
            raise SettingsError(f"{variable} is no setting of Waypost; {hint}")


def _explain(error: Any) -> str:  # noqa: ANN401  (pydantic's ErrorDetails)
    name = f"{PREFIX}{str(error['loc'][0]).upper()}"
    reason = error["ctx"]["error"] if error["type"] == "value_error" else error["msg"]
    return f"{name} is {str(error['input'])[:80]!r}: {reason}"


def settings_table() -> str:
    """All settings as a Markdown table, for the README."""
    rows = ["| setting | default | what it does |", "|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = "one a core, less one" if field.default_factory else f"`{field.default}`"
        rows.append(f"| `{PREFIX}{name.upper()}` | {default} | {field.description} |")
    return "\n".join(rows)
