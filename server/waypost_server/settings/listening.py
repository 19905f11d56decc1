"""Where the server listens."""

from typing import Annotated

from pydantic import BaseModel, Field

from waypost_server.settings.fields import Address, OptionalAddress


class Listening(BaseModel):
    """Addresses, and what a connection may carry."""

    address: Address = Field(
        "127.0.0.1:50051", description="Where to listen, `HOST:PORT`; port 0 picks a free one."
    )
    admin_address: OptionalAddress = Field(
        "",
        description=(
            "Where operators are answered, `HOST:PORT`. Empty: on 127.0.0.1, at the port after "
            "that of WAYPOST_ADDRESS, or a free one when that is 0."
        ),
    )
    http_address: OptionalAddress = Field(
        "",
        description=(
            "Where to answer /metrics, /livez, /readyz and /startupz over HTTP, `HOST:PORT`; port "
            "0 picks a free one. Empty: nowhere."
        ),
    )
    max_message_bytes: Annotated[int, Field(ge=1024, le=2**30)] = Field(
        16 * 2**20, description="Largest request, in bytes; 256 of the longest queries must fit."
    )
    connection_age_seconds: Annotated[float, Field(ge=0, le=86_400)] = Field(
        300.0,
        description=(
            "After how long a connection is to be made anew, so that a load balancer's new "
            "replicas get their share; calls under way end as they would. 0 for never."
        ),
    )
    notice_seconds: Annotated[float, Field(ge=0, le=600)] = Field(
        0.25,
        description=(
            "How long a stopping server that says it is not ready still takes calls: longer than "
            "a load balancer takes to ask twice."
        ),
    )
    drain_seconds: Annotated[float, Field(ge=0, le=3600)] = Field(
        10.0, description="How long a stopping server waits for calls in flight."
    )
