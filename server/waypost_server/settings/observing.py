"""What the server says of itself."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, NonNegativeInt

from waypost_server.settings.fields import RELOADED


class Observing(BaseModel):
    """The server's own log, its metrics and its traces."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="What is logged on stderr.", json_schema_extra=RELOADED
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="How a line of it looks: words, or one JSON object."
    )
    log_decisions: bool = Field(
        False,
        description="Whether each decision, each report and each query without an answer is a line "
        "there; never with the query.",
    )
    metrics_tenants: NonNegativeInt = Field(
        100,
        description="Tenants that metrics tell apart, the first ones; the rest is one, `other`.",
    )
    otlp_endpoint: str = Field(
        "",
        description=(
            "Where traces go, by OTLP over gRPC: `http://HOST:4317`, or `https://` for TLS. "
            "Empty: there are none."
        ),
    )
    trace_sample: Annotated[float, Field(ge=0, le=1)] = Field(
        0.1,
        description="Share of the calls that are traced, where the caller's trace does not say.",
    )
