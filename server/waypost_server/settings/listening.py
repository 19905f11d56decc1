"""Where the server listens."""

from typing import Annotated

from pydantic import BaseModel, Field

from waypost_server.settings.fields import Address


class Listening(BaseModel):
    """Addresses, and what a connection may carry."""

    address: Address = Field(
        "127.0.0.1:50051", description="Where to listen, `HOST:PORT`; port 0 picks a free one."
    )
    max_message_bytes: Annotated[int, Field(ge=1024, le=2**30)] = Field(
        16 * 2**20, description="Largest request, in bytes; 256 of the longest queries must fit."
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
