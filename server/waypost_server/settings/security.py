"""Who may call, and how much of everything one of them may take."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, NonNegativeFloat

from waypost_server.settings.fields import RELOADED

OptionalPath = Annotated[Path | None, BeforeValidator(lambda value: value or None)]


class Security(BaseModel):
    """TLS, tokens and limits."""

    tls_cert: OptionalPath = Field(
        None,
        description=(
            "PEM file of the server's certificate and those that lead to its root; with the key, "
            "it turns TLS on. Looked at every 2 s: a new one is shown to new connections."
        ),
    )
    tls_key: OptionalPath = Field(None, description="PEM file of its private key, not encrypted.")
    tls_client_ca: OptionalPath = Field(
        None,
        description="PEM file of the roots of client certificates, which then all clients need.",
    )
    tls_warn_days: NonNegativeFloat = Field(
        14.0, description="How many days before the certificate ends the log begins to say so."
    )
    tokens: OptionalPath = Field(
        None,
        description=(
            "TOML file of the tokens' hashes, written by `waypost token`; callers then need one. "
            "Looked at every 2 s."
        ),
    )
    insecure: bool = Field(
        False,
        description="Whether to listen beyond this machine without TLS or without tokens.",
    )
    tenant_rate: NonNegativeFloat = Field(
        0.0,
        description="Queries a second that each tenant may ask of each process; 0 for any number.",
        json_schema_extra=RELOADED,
    )
    tenant_burst: NonNegativeFloat = Field(
        0.0,
        description="Queries that a tenant may ask at once; 0 for those of a second.",
        json_schema_extra=RELOADED,
    )
    max_connections: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        2_000, description="Connections that each port of each process takes; more are closed."
    )
    max_streams: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        10_000,
        description="Calls under way on a connection; more wait at the client, or are UNAVAILABLE.",
    )
    max_metadata_bytes: Annotated[int, Field(ge=1024, le=2**20)] = Field(
        16_384, description="Largest metadata of a call, in bytes."
    )
