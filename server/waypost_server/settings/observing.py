"""What the server says of itself."""

from typing import Literal

from pydantic import BaseModel, Field

from waypost_server.settings.fields import RELOADED


class Observing(BaseModel):
    """The server's own log."""

    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="What is logged on stderr.", json_schema_extra=RELOADED
    )
